"""Frames out of a byte stream: a parser that finds its feet again after rubbish, loss and split frames.

Serial-port protocols sent over Bluetooth come merged into one notification or split over several. The
parser cuts where the protocol's `Framing` says. Where a frame does not hold it refuses one byte only and
looks again from the next, so that a false header never takes a true frame with it. Every byte that goes in
comes out exactly once: in a frame, in a refused span, or still held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framing:
    """How the frames of one protocol lie in a stream.

    `length` gets the bytes from a first byte on and says how long the frame is, None where it needs more
    bytes to tell, or 0 where no frame begins like this. `check` gets a whole frame and returns what is
    wrong with it, or None. Its checksum policy is `policy`, in words.
    """

    first_bytes: frozenset[int]
    length: Callable[[bytes], int | None]
    check: Callable[[bytes], str | None]
    max_bytes: int
    policy: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that are no frame, and why not."""

    data: bytes
    reason: str


class StreamParser:
    """One per connection. Holds less than one frame between calls."""

    __slots__ = ("_framing", "_held")

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._held = b""

    @property
    def held(self) -> bytes:
        """What waits for the rest of its frame."""
        return self._held

    def feed(self, data: bytes) -> list[bytes | Refused]:
        """The frames and refused spans that are complete with `data`, in the order of their bytes."""
        buffer = self._held + data
        found: list[bytes | Refused] = []
        at = refused_from = 0
        reason = ""
        while at < len(buffer):
            size, wrong = self._look(buffer, at)
            if size is None:
                break
            if wrong is None:
                if refused_from < at:
                    found.append(Refused(buffer[refused_from:at], reason))
                found.append(buffer[at : at + size])
                at += size
                refused_from = at
            else:
                reason = reason if refused_from < at else wrong
                at += 1
        if refused_from < at:
            found.append(Refused(buffer[refused_from:at], reason))
        self._held = buffer[at:]
        return found

    def flush(self) -> list[bytes | Refused]:
        """What is left when the connection ends: begun, never finished."""
        held, self._held = self._held, b""
        return [Refused(held, "the connection ended within a frame")] if held else []

    def _look(self, buffer: bytes, at: int) -> tuple[int | None, str | None]:
        """The size of the frame at `at` and what is wrong there. A size of None: more bytes are needed."""
        framing = self._framing
        if buffer[at] not in framing.first_bytes:
            return 1, "no frame begins here"
        size = framing.length(buffer[at : at + framing.max_bytes])
        if size is None:
            return None, None
        if not 0 < size <= framing.max_bytes:
            return 1, "no frame begins like this"
        if at + size > len(buffer):
            return None, None
        return size, framing.check(buffer[at : at + size])
