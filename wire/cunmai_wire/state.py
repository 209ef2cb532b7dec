"""A gateway's retained state: its birth, and its last will."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from cunmai_wire.base import ClockTrust, GatewayId, Message, Millis, Seq, StreamId
from cunmai_wire.readings import ShortText


class Presence(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"


class GatewayState(Message):
    """Published retained at every connection (online), and by the broker when the link dies (offline).

    A last will is written at connect time, so its `at` is when that connection began.
    """

    v: Literal[1]
    gateway: GatewayId
    presence: Presence
    at: Millis
    clock: ClockTrust
    stream: StreamId
    measured: Seq | Literal[0]
    """The highest sequence number given out so far: what the ledger compares with."""
    software: ShortText
    configuration_version: int | None = None
