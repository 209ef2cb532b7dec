"""Commands: server to gateway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cunmai_wire.base import ConfigurationVersion, Message, Millis, SeqRange, StreamId, Version
from cunmai_wire.receipts import MAX_RANGES


class CommandBase(Message):
    v: Version
    id: Annotated[str, Field(min_length=1, max_length=64)]
    """Commands are delivered at least once; a gateway does a command id once."""
    at: Millis


class Resend(CommandBase):
    """Send these readings again, where they are still held."""

    command: Literal["resend"]
    stream: StreamId
    ranges: Annotated[tuple[SeqRange, ...], Field(min_length=1, max_length=MAX_RANGES)]


class Configure(CommandBase):
    """Take this configuration, or refuse it whole with a reason and keep the old one."""

    command: Literal["configure"]
    version: ConfigurationVersion
    configuration: dict[str, JsonValue]


Command = Annotated[Resend | Configure, Field(discriminator="command")]
