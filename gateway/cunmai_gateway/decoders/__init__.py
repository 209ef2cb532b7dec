"""Decoders: captured bytes in, a frozen record or `Malformed` out. Pure, strict, linear."""
