"""Bytes of one characteristic in, what they mean out. Pure; a driver makes one per connection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.stream import Refused, StreamParser
from cunmai_gateway.interpret.perfusion import flag_low_perfusion
from cunmai_gateway.measurement import Outcome


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame: what it holds, and what that says of a person (None: nothing, as a waveform or a battery)."""

    record: Any
    outcome: Outcome | None


class Listener:
    """Cuts, decodes and interprets. `model` is the advertised name or model number, for limits per model."""

    __slots__ = ("_format", "_interpret", "_model", "_parser")

    def __init__(self, frame_type: FrameType, model: str = "") -> None:
        self._format = frame_type
        self._interpret = frame_type.session() if frame_type.session else frame_type.interpret
        self._model = model
        self._parser = None if frame_type.framing is None else StreamParser(frame_type.framing)

    def feed(self, data: bytes) -> list[Heard | Refused]:
        """What one notification brings, in the order of its bytes."""
        pieces = [data] if self._parser is None else self._parser.feed(data)
        return self._hear(pieces)

    def flush(self) -> list[Heard | Refused]:
        """What is left when the connection ends."""
        return [] if self._parser is None else self._hear(self._parser.flush())

    def _hear(self, pieces: Iterable[bytes | Refused]) -> list[Heard | Refused]:
        return [piece if isinstance(piece, Refused) else self._frame(piece) for piece in pieces]

    def _frame(self, frame: bytes) -> Heard | Refused:
        try:
            record = self._format.decode(frame)
        except Malformed as error:
            return Refused(frame, str(error))
        outcome = None if self._interpret is None else self._interpret(record)
        return Heard(record, flag_low_perfusion(outcome, self._model))
