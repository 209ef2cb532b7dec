"""IEEE 11073-20601 floats, as Bluetooth health characteristics carry them.

SFLOAT: 16 bits, a 4-bit exponent over a 12-bit mantissa; FLOAT: 32 bits, an 8-bit exponent over a 24-bit
mantissa. Exponent and mantissa are two's complement, value = mantissa x 10^exponent. Five words of each are
not numbers and are tested before decoding (IEEE 11073-20601, annex F.8).
"""

from __future__ import annotations

from enum import StrEnum


class Special(StrEnum):
    """Words that are not numbers."""

    NAN = "NaN"
    """Not a number: the sensor has no value."""
    NRES = "NRes"
    """Not at this resolution."""
    PLUS_INFINITY = "+INF"
    MINUS_INFINITY = "-INF"
    RESERVED = "RFU"


Number = int | float | Special

_SPECIAL_SFLOAT = {
    0x07FE: Special.PLUS_INFINITY,
    0x07FF: Special.NAN,
    0x0800: Special.NRES,
    0x0801: Special.RESERVED,
    0x0802: Special.MINUS_INFINITY,
}

_POWERS_OF_TEN: tuple[int, ...] = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)


def sfloat(word: int) -> Number:
    """Decode one 16-bit word. Exact: a negative exponent divides by a power of ten, once."""
    special = _SPECIAL_SFLOAT.get(word)
    if special is not None:
        return special
    mantissa = word & 0x0FFF
    exponent = word >> 12
    if mantissa >= 0x0800:
        mantissa -= 0x1000
    if exponent >= 8:
        return mantissa / _POWERS_OF_TEN[16 - exponent]
    return mantissa * _POWERS_OF_TEN[exponent]


_SPECIAL_FLOAT = {
    0x007F_FFFE: Special.PLUS_INFINITY,
    0x007F_FFFF: Special.NAN,
    0x0080_0000: Special.NRES,
    0x0080_0001: Special.RESERVED,
    0x0080_0002: Special.MINUS_INFINITY,
}


def medical_float(word: int) -> Number:
    """Decode one 32-bit word. Exact for every value that a health device sends."""
    special = _SPECIAL_FLOAT.get(word)
    if special is not None:
        return special
    mantissa = word & 0x00FF_FFFF
    exponent = word >> 24
    if mantissa >= 0x0080_0000:
        mantissa -= 0x0100_0000
    scale: int = 10 ** (0x100 - exponent if exponent >= 0x80 else exponent)
    return mantissa / scale if exponent >= 0x80 else mantissa * scale


def finite(number: Number) -> float | None:
    """The number, or None where the word was not one."""
    return None if isinstance(number, Special) else float(number)
