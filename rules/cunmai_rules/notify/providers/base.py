"""What every SMS provider is given, and what it makes of an answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Message:
    """What to send. `id` is the idempotency key: a receiver that has seen it sends nothing again."""

    id: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    """All of it, as the phone shows it, for a provider that takes whole texts."""
    escalation: str
    created_ms: int
    """When the notice was made: the same at every attempt, because the body must be."""
    template: str = "page"
    """Which approved template a provider of templates has to use for it."""
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Name and value of the template's variables, in the order in which they stand in its text."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One signed request. Headers and body hold keys and a number: neither is ever printed."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the body up to a small bound."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message. That says nothing of the phone."""

    provider_id: str | None = None
    """What its delivery receipt will call the message; None where it goes by our own id."""


class Fault(StrEnum):
    """What a refusal says about trying again."""

    PERMANENT = "permanent"
    """This provider will never take this message."""
    RETRYABLE = "retryable"
    """Not now: a fault of the network, a busy server. It has not been sent."""
    MISDIRECTED = "misdirected"
    """A key, an address, an approval or the credit is wrong: tried again, and somebody must look."""
    UNSURE = "unsure"
    """It may have been taken: the request was sent, and no answer came."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not accepted. `reason` is for the history: a code of the provider, never a number or a text."""

    fault: Fault
    reason: str


Outcome: TypeAlias = Accepted | Refused


def read_json(answer: Answer) -> dict[str, Any] | None:
    """The body as an object, or None: a captive portal answers too."""
    try:
        parsed = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def by_status(status: int, provider: str) -> Refused:
    """What an answer that cannot be read says by its status alone."""
    reason = f"{provider} HTTP {status}"
    if status in (502, 504):
        return Refused(Fault.UNSURE, reason)
    if status >= 500 or status in (408, 425, 429):
        return Refused(Fault.RETRYABLE, reason)
    return Refused(Fault.MISDIRECTED, reason)


def code_of(value: object) -> str:
    """A provider's code, short and printable, whatever came in its place."""
    text = str(value)[:60]
    return "".join(char if char.isalnum() or char in "._-" else "?" for char in text)
