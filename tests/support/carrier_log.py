"""What the carrier and the people at the phones have seen and done, kept by them: the counter goes by it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to send a message."""

    provider: str
    key: str
    """Our id of the message, which the webhook takes for its idempotency key."""
    number: str
    resident: str | None
    """None for what tells of no resident: an answer to a reply."""
    body: str
    at_ms: int
    at_s: float
    did: str
    """What the carrier did with it: `taken`, or one of its misdeeds."""
    took: bool
    """Whether it has the message now."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the carrier's to the service, once it was answered."""

    what: str
    """receipt, reply"""
    provider: str
    key: str
    """Of the message it is about; empty for a reply."""
    says: str
    """delivered, failed; of a reply its text."""
    number: str
    kind: str
    """true, lie, forged, unknown, other_number; of a reply: good, unknown_number, forged, vague."""
    status: int
    at_ms: int
    """When it was answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person has answered about one resident, so that it has to be on record."""

    resident: str
    number: str
    answer: str
    means: str
    """sms, link"""
    at_ms: int
    confirmed: bool = False
    """The service has said that it has it."""


@dataclass
class CarrierLog:
    """Everything, in order. Written by many threads."""

    attempts: list[Attempt] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    phones: Counter[str] = field(default_factory=Counter)
    """How often each message reached a phone."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attempt(self, attempt: Attempt) -> None:
        with self._lock:
            self.attempts.append(attempt)

    def call(self, call: Call) -> None:
        with self._lock:
            self.calls.append(call)

    def rang(self, key: str) -> None:
        with self._lock:
            self.phones[key] += 1

    def answer(self, answer: Answer) -> int:
        """Note what somebody is about to say; its place."""
        with self._lock:
            self.answers.append(answer)
            return len(self.answers) - 1

    def confirm(self, place: int) -> None:
        with self._lock:
            self.answers[place] = replace(self.answers[place], confirmed=True)
