"""Threshold files and the pure step that applies them. No I/O but in `loader.py`, no clock anywhere."""
