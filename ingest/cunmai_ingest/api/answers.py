"""The shapes of the JSON answers. Times are ms since 1970 UTC, days are the clinic's."""

from __future__ import annotations

from pydantic import BaseModel


class ReadingOut(BaseModel):
    """One current reading of a resident."""

    stream: str
    seq: int
    kind: str
    t_ms: int
    """When it was measured."""
    arrived_ms: int | None
    gateway: str
    device: str
    clock: str | None
    """How far the gateway's clock could be believed; null where it is not known."""
    quality: list[str]
    """Objections; empty when there is none."""
    values: dict[str, float | int | bool | str]
    """By the contract's names, which carry the unit."""


class LatestOut(BaseModel):
    """The newest current reading of each kind. A kind that is not there was not found: it is unknown."""

    resident: str
    readings: list[ReadingOut]


class HistoryOut(BaseModel):
    """Newest first. `next_page` goes on where this page ends; null where it is the last."""

    resident: str
    readings: list[ReadingOut]
    next_page: str | None


class GatewayOut(BaseModel):
    """A gateway as it was last heard of. Null: it has never said."""

    gateway: str
    presence: str | None
    seen_ms: int | None
    stream: str | None
    software: str | None
    clock: str | None


class GatewaysOut(BaseModel):
    gateways: list[GatewayOut]


class DeviceOut(BaseModel):
    """A device as its newest reading tells."""

    gateway: str
    device: str
    kind: str
    last_t_ms: int
    last_arrived_ms: int


class DevicesOut(BaseModel):
    devices: list[DeviceOut]


class LedgerDayOut(BaseModel):
    """One gateway's day. `measured` = `stored` + `quarantined` + `lost` + `missing`."""

    gateway: str
    day: str
    measured: int
    stored: int
    judged: int
    refused: int
    unjudged: int
    late: int
    quarantined: int
    missing: int
    lost: int
    overdue: int
    unnumbered: int
    reckoned_ms: int


class GapOut(BaseModel):
    """One open gap: `first` to `last`, both included."""

    gateway: str
    stream: str
    kind: str
    first: int
    last: int
    since_ms: int
    asks: int
    step: str
    """Why it is, or is not, asked for now."""


class LedgerOut(BaseModel):
    """`utc_offset`: whose days these are. `gaps`: at most 1,000, the oldest."""

    utc_offset: str
    days: list[LedgerDayOut]
    gaps: list[GapOut]


class HealthOut(BaseModel):
    """`newest_day`: the newest day of the ledger; null where it is empty."""

    newest_day: str | None
