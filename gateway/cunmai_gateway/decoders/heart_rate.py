"""Heart Rate Service (HRS 1.0): measurement 2A37."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, Malformed

_CONTACT = (None, None, False, True)
"""By flag bits 1 and 2: unsupported twice, supported without contact, with contact."""


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement:
    """2A37. `rr_1024` are the intervals between beats, oldest first, in 1/1024 s."""

    flags: int
    hr: int
    contact: bool | None
    energy_kJ: int | None  # noqa: N815 - the unit's own spelling
    rr_1024: tuple[int, ...] | None


def decode_measurement(frame: bytes) -> HeartRateMeasurement:
    """Decode a 2A37 notification. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    rate = cursor.unsigned(2 if flags & 0x01 else 1, "heart rate")
    energy = cursor.unsigned(2, "energy expended") if flags & 0x08 else None
    intervals = _intervals(cursor) if flags & 0x10 else None
    cursor.end()
    return HeartRateMeasurement(flags, rate, _CONTACT[flags >> 1 & 3], energy, intervals)


def _intervals(cursor: Cursor) -> tuple[int, ...]:
    count, odd = divmod(cursor.left(), 2)
    if count == 0 or odd:
        raise Malformed(f"RR intervals: {cursor.left()} bytes left, expected 2 for each of at least one")
    return tuple(cursor.unsigned(2, "RR interval") for _ in range(count))
