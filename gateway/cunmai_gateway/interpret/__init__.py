"""From decoded frames to measurements: which are clinical, with which quality flags. Pure."""
