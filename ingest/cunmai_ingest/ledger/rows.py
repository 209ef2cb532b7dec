"""Rows of the ledger as others see them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_ingest.ledger.reckon import DayAccount


@dataclass(frozen=True, slots=True)
class DayRow:
    """One gateway's day, all its streams together."""

    gateway: str
    day: int
    figures: DayAccount
    reckoned_ms: int


@dataclass(frozen=True, slots=True)
class GapRow:
    """One open gap, and where the asking for it stands."""

    gateway: str
    stream: str
    kind: str
    first: int
    last: int
    since_ms: int
    asks: int
    step: str


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """A gateway as it was last heard of. None: it has never said."""

    gateway: str
    presence: str | None
    seen_ms: int | None
    """When its last state, or its last reading, arrived; the later."""
    stream: str | None
    software: str | None
    clock: str | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as its newest reading tells."""

    gateway: str
    device: str
    kind: str
    last_t_ms: int
    last_arrived_ms: int
