"""Reading little-endian fields off a frame, strictly: a frame is used up exactly, or it is malformed."""

from __future__ import annotations

from typing import NamedTuple

from cunmai_gateway.decoders.sfloat import Number, medical_float, sfloat


class Malformed(ValueError):
    """The frame is not what its type says. The text names the field and what was expected."""


def need_size(frame: bytes, size: int) -> None:
    """Raises Malformed where the frame has another size."""
    if len(frame) != size:
        raise Malformed(f"frame: {len(frame)} bytes, expected {size}")


class DeviceTime(NamedTuple):
    """A device's own date and time (characteristic 2A08), in no known zone.

    Year, month and day may be 0: unknown, and legal.
    """

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int

    @property
    def known(self) -> bool:
        """Whether the day is given at all."""
        return bool(self.year and self.month and self.day)

    def __str__(self) -> str:
        return (
            f"{self.year:04d}-{self.month:02d}-{self.day:02d}"
            f"T{self.hour:02d}:{self.minute:02d}:{self.second:02d}"
        )


class Cursor:
    """Takes fields off a frame from the front."""

    __slots__ = ("_at", "_frame")

    def __init__(self, frame: bytes) -> None:
        self._frame = frame
        self._at = 0

    # A frame is decoded for every notification of every device: the common fields are read without a
    # slice and without a call.

    def take(self, count: int, field: str) -> bytes:
        """The next `count` bytes."""
        at = self._at
        end = at + count
        if end > len(self._frame):
            raise self._short(count, field)
        self._at = end
        return self._frame[at:end]

    def unsigned(self, count: int, field: str) -> int:
        """An unsigned little-endian integer of `count` bytes."""
        frame, at = self._frame, self._at
        end = at + count
        if end > len(frame):
            raise self._short(count, field)
        self._at = end
        return frame[at] if count == 1 else int.from_bytes(frame[at:end], "little")

    def unsigned_big(self, count: int, field: str) -> int:
        """An unsigned big-endian integer of `count` bytes."""
        return int.from_bytes(self.take(count, field), "big")

    def signed(self, count: int, field: str) -> int:
        """A signed little-endian integer of `count` bytes."""
        return int.from_bytes(self.take(count, field), "little", signed=True)

    def sfloat(self, field: str) -> Number:
        """An IEEE 11073 16-bit float."""
        frame, at = self._frame, self._at
        if at + 2 > len(frame):
            raise self._short(2, field)
        self._at = at + 2
        return sfloat(frame[at] | frame[at + 1] << 8)

    def medical_float(self, field: str) -> Number:
        """An IEEE 11073 32-bit float."""
        return medical_float(self.unsigned(4, field))

    def left(self) -> int:
        """How many bytes are not taken yet."""
        return len(self._frame) - self._at

    def device_time(self, field: str) -> DeviceTime:
        """Seven bytes of date and time."""
        low, high, month, day, hour, minute, second = self.take(7, field)
        time = DeviceTime(low | high << 8, month, day, hour, minute, second)
        if month > 12 or day > 31 or hour > 23 or minute > 59 or second > 59:
            raise Malformed(f"{field}: {time} is not a date and time")
        return time

    def end(self) -> None:
        """The frame must be used up."""
        left = len(self._frame) - self._at
        if left:
            raise Malformed(f"{left} bytes left over after offset {self._at}")

    def _short(self, count: int, field: str) -> Malformed:
        left = len(self._frame) - self._at
        return Malformed(f"{field}: needs {count} bytes at offset {self._at}, the frame has {left} left")
