"""Formats of makers that do not use the Bluetooth services: one file each, with framing, decoder and meaning.

`FORMATS` of each is listed in `decoders/registry.py`.
"""
