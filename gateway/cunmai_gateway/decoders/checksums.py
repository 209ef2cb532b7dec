"""The checksums of the vendors' protocols."""

from __future__ import annotations

from collections.abc import Callable


def _table(step: Callable[[int], int]) -> bytes:
    entries = bytearray()
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = step(crc)
        entries.append(crc)
    return bytes(entries)


_MAXIM = _table(lambda crc: (crc >> 1) ^ (0x8C if crc & 1 else 0))
_POLY_07 = _table(lambda crc: (crc << 1 & 0xFF) ^ (0x07 if crc & 0x80 else 0))


def crc8_maxim(data: bytes) -> int:
    """CRC-8/MAXIM-DOW: polynomial 0x31 reflected, initial 0. Check value of `123456789`: 0xA1."""
    crc = 0
    for byte in data:
        crc = _MAXIM[crc ^ byte]
    return crc


def crc8_smbus(data: bytes) -> int:
    """CRC-8/SMBUS: polynomial 0x07, initial 0. Check value of `123456789`: 0xF4."""
    crc = 0
    for byte in data:
        crc = _POLY_07[crc ^ byte]
    return crc


def sum8(data: bytes) -> int:
    """The sum of all bytes, modulo 256."""
    return sum(data) & 0xFF


def sum7(data: bytes) -> int:
    """The sum of all bytes, modulo 128."""
    return sum(data) & 0x7F
