"""Commands: server to gateway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cunmai_wire.base import (
    ConfigurationVersion,
    DeviceId,
    Message,
    Millis,
    ResidentId,
    SeqRange,
    StreamId,
    Version,
)
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


PromptText = Annotated[str, Field(min_length=1, max_length=200)]


class Prompt(CommandBase):
    """Ask whoever stands at the kiosk for something ("rest 5 minutes, measure again"). It is no command to obey:
    a gateway that cannot show it, or that gets it after `until`, drops it."""

    command: Literal["prompt"]
    resident: ResidentId | None = None
    """Shown only while this resident is checked in; None: to anybody whose reading came from `device`."""
    device: DeviceId
    rule: Annotated[str, Field(min_length=1, max_length=64)]
    zh: PromptText
    en: PromptText
    until: Millis


Command = Annotated[Resend | Configure | Prompt, Field(discriminator="command")]
