"""The cunmai command: composes the parts. Nothing imports it."""
