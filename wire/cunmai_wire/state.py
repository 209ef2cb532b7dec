"""A gateway's retained state: its birth, and its last will."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cunmai_wire.base import (
    MAX_SEQ,
    ClockTrust,
    ConfigurationVersion,
    GatewayId,
    Message,
    Millis,
    Name,
    Seq,
    StreamId,
    Version,
)
from cunmai_wire.readings import ShortText


class Presence(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"


class LossReason(StrEnum):
    """Why a gateway no longer holds a reading that some consumer never receipted."""

    DROPPED = "dropped"
    """Dropped at the spool's bound; ingest had not receipted it."""
    UNJUDGED = "unjudged"
    """Dropped at the spool's bound; ingest holds it, the rules had not receipted it."""
    DAMAGED = "damaged"
    """In a spool file that was damaged, and could not be read."""
    NOT_STORED = "not_stored"
    """Measured while the disk took nothing: it never had a number."""


MAX_LOST = 1_000_000_000
"""Of one stream, day and reason: no clinic measures so much in a day."""


class Loss(Message):
    """What a gateway knows to be lost of one stream and day, since that stream began: for the ledger."""

    stream: StreamId
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    """UTC. Of `damaged`: the day on which it was found."""
    reason: LossReason | Name
    """A reason that this version does not know is a loss all the same."""
    count: int = Field(ge=0, le=MAX_LOST)
    """0: an unknown number."""


class ConfigurationRefused(Message):
    """The newest configuration that was not taken. The one in force is `configuration_version`."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    """Of the command."""
    version: ConfigurationVersion | Literal[0]
    """0: of the kept file, which could not be read."""
    reason: Name
    """`older_version`, `same_version`, `not_remote`, `unknown_device`, `invalid`."""
    detail: Annotated[str, StringConstraints(max_length=300)]
    """One sentence for a person; no values of the configuration."""


MAX_LOSSES = 100


class GatewayState(Message):
    """Published retained at every connection (online), and by the broker when the link dies (offline).

    A last will is written at connect time, so its `at` is when that connection began.
    """

    v: Version
    gateway: GatewayId
    presence: Presence
    at: Millis
    clock: ClockTrust
    stream: StreamId
    measured: Seq | Literal[0]
    """The highest sequence number given out so far: what the ledger compares with."""
    software: ShortText
    configuration_version: ConfigurationVersion | None = None
    configuration_refused: ConfigurationRefused | None = None
    """None once a later configuration was taken."""
    losses: Annotated[tuple[Loss, ...], Field(max_length=MAX_LOSSES)] = ()
    """The newest days first."""
    lost_total: int = Field(default=0, ge=0, le=MAX_SEQ)
    """Readings, over the life of the gateway's disk: also those of days that no longer fit in `losses`."""
