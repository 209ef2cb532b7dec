"""IEEE 11073-20601 short floats, as Bluetooth health characteristics carry them.

SFLOAT: 16 bits, a 4-bit exponent over a 12-bit mantissa, both two's complement, value = mantissa x 10^exponent.
Five words are not numbers and are tested before decoding (IEEE 11073-20601, annex F.8).
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


def finite(number: Number) -> float | None:
    """The number, or None where the word was not one."""
    return None if isinstance(number, Special) else float(number)
