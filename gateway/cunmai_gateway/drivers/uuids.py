"""UUIDs as bleak writes them."""

from __future__ import annotations


def uuid_of(short: str) -> str:
    """Four hexadecimal digits in the Bluetooth base, or a whole UUID: 128 bits, lower case."""
    return f"0000{short.lower()}-0000-1000-8000-00805f9b34fb" if len(short) == 4 else short.lower()
