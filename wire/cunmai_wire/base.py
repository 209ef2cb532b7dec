"""The frozen, strict base of every message, and the value types that several messages share."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

MAX_SEQ = 2**53 - 1
"""Largest sequence number: the largest integer that every JSON reader keeps exact."""

MAX_MILLIS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z. Whether a time is *plausible* is the consumers' rule, not the contract's."""


class Message(BaseModel):
    """Base of every model on the wire.

    Unknown fields are accepted and ignored, so that a newer gateway can talk to an older server.
    Values are strict (a number in quotes is refused) and finite (no NaN, no infinity).
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class ClockTrust(StrEnum):
    """How far a gateway's wall clock can be believed at a given moment."""

    TRUSTED = "trusted"
    """Synchronised, by the operating system's own word."""
    UNTRUSTED = "untrusted"
    """Known not to be synchronised: no time source since the start, or it jumped."""
    UNKNOWN = "unknown"
    """The operating system cannot tell."""


# A run of digits that is a Chinese mobile number, or an old (15) or current (18) identity number.
# Separators within it, and letters around it, hide nothing.
_PERSONAL_NUMBER = re.compile(r"(?<!\d)((86)?1[3-9]\d{9}|\d{15}|\d{17}[0-9Xx])(?!\d)")
_SEPARATORS = re.compile(r"[-_.:+ ]")
# A random UUID holds such a run about once in a thousand; it is opaque all the same.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def refuse_personal_number(value: str) -> str:
    """Return `value`, or raise ValueError where it carries what looks like a phone or identity number."""
    # As it stands, too: without separators a number beside another one is part of a longer run.
    found = any(_PERSONAL_NUMBER.search(text) for text in (value, _SEPARATORS.sub("", value)))
    if found and not _UUID.fullmatch(value):
        raise ValueError("looks like a phone or identity number; residents are opaque ids on the wire")
    return value


GatewayId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
"""A gateway's (or a publishing service's) id: it is a topic level, so lower case, digits and dashes."""

DeviceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,63}$")]
"""A device as the gateway knows it: a Bluetooth address, or a name given at pairing."""

ResidentId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,63}$"),
    # A gateway names the same few residents again and again.
    AfterValidator(lru_cache(maxsize=4096)(refuse_personal_number)),
]
"""An opaque resident id. Names and numbers live only in the server's registry."""

StreamId = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
"""The UUID made with a spool. `(stream, seq)` names one message for ever."""

ConsumerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]

Seq = Annotated[int, Field(ge=1, le=MAX_SEQ)]
"""Counts up by one per message of a stream, with no gaps, from 1."""

Millis = Annotated[int, Field(ge=0, le=MAX_MILLIS)]
"""Milliseconds since 1970-01-01T00:00:00Z."""

Version = Annotated[int, Field(ge=1, le=1), WithJsonSchema({"const": 1, "type": "integer"})]
"""Of the contract. Not `Literal[1]`, which takes `true` for 1."""

ConfigurationVersion = Annotated[int, Field(ge=1, le=MAX_SEQ)]
"""Of a gateway's configuration, as its server counts them."""

SeqRange = tuple[Seq, Seq]
"""First and last sequence number, both included."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]
"""A machine-readable name: a rule id, a reason, a pack."""
