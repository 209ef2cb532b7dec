"""What a format is: how to decode one type of frame, what it means, and how its frames lie in a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cunmai_gateway.decoders.stream import Framing
from cunmai_gateway.measurement import Outcome

Interpret = Callable[[Any], Outcome | None]
"""What a decoded record says of a person. None where a record never says anything: a waveform, a battery."""


@dataclass(frozen=True, slots=True)
class FrameType:
    """One format, by the name that drivers and `cunmai decode` use."""

    name: str
    title: str
    decode: Callable[[bytes], Any]
    """A frozen record of one whole frame. Raises Malformed, and nothing else."""
    interpret: Interpret | None = None
    """None for a format that measures nothing."""
    framing: Framing | None = None
    """None where each notification is one frame."""
    session: Callable[[], Interpret] | None = None
    """For a format whose frames explain one another: makes an `interpret` that remembers, one per connection."""
