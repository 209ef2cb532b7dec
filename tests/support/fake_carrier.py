"""A carrier that misbehaves as told: it drops, delays, duplicates, reorders and lies in its receipts.

It stands in for the sender, so that ten thousand messages take no network. What is real is everything of
ours around it: the requests' outcomes go to the notifier, the receipts to the callback addresses.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from cunmai_rules.notify.providers.base import Accepted, Fault, Message, Outcome, Refused
from cunmai_rules.notify.providers.settings import Provider


@dataclass(frozen=True)
class Chances:
    """How likely each misbehaviour is, from 0 to 1, for one message."""

    refuses: float = 0.0
    never_answers: float = 0.0
    """The message is taken, and the answer to the request is lost."""
    loses: float = 0.0
    """It is accepted and never reaches the phone; the receipt says so, or is dropped or lies."""
    drops: float = 0.0
    """No receipt."""
    duplicates: float = 0.0
    lies: float = 0.0
    """The receipt says the opposite."""
    mistakes: float = 0.0
    """The receipt names a message that nobody sent."""
    delay_s: tuple[float, float] = (1.0, 1.0)
    """Receipts come so long after the message, from and to: wide enough, they change places."""


@dataclass(frozen=True)
class Report:
    """One receipt on its way. `id` is what the carrier calls the message, `notice` what we do."""

    at_ms: int
    provider: str
    id: str
    notice: str
    number: str
    delivered: bool


@dataclass
class FakeCarrier:
    """All providers' carriers at once. `down` providers answer 500."""

    clock: Callable[[], int]
    seed: int = 1
    chances: dict[str, Chances] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """They take the message, and no answer comes."""
    refuses_for_good: set[str] = field(default_factory=set)
    names_messages: bool = True
    """Whether accepted messages get an id of the carrier's; without, receipts go by ours."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Provider and notice of every attempt, in order."""
    taken: list[tuple[str, Message]] = field(default_factory=list)
    """What was really taken, once for each idempotency key at each provider."""
    phones: Counter[str] = field(default_factory=Counter)
    """How often each notice reached its phone, over all providers."""
    _reports: list[Report] = field(default_factory=list)
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def submit(self, message: Message, provider: Provider) -> Future[Outcome]:
        """As `Sender.submit`, at once."""
        self.asked.append((provider.name, message.id))
        future: Future[Outcome] = Future()
        future.set_result(self._outcome(message, provider.name))
        return future

    def due(self) -> list[Report]:
        """The receipts whose time has come, in the order in which they are sent."""
        now_ms = self.clock()
        ready = [one for one in self._reports if one.at_ms <= now_ms]
        self._reports = [one for one in self._reports if one.at_ms > now_ms]
        return sorted(ready, key=lambda one: one.at_ms)

    @property
    def on_the_way(self) -> int:
        return len(self._reports)

    def _outcome(self, message: Message, provider: str) -> Outcome:
        chances = self.chances.get(provider, Chances())
        if provider in self.refuses_for_good:
            return Refused(Fault.PERMANENT, "HTTP 422")
        if provider in self.down or self._happens(chances.refuses):
            return Refused(Fault.RETRYABLE, "HTTP 500")
        id_ = self._take(message, provider, chances)
        if provider in self.silent or self._happens(chances.never_answers):
            return Refused(Fault.UNSURE, "no answer within 10 s")
        return Accepted(id_ if self.names_messages else None)

    def _take(self, message: Message, provider: str, chances: Chances) -> str:
        known = self._known.get((provider, message.id))
        if known is not None:
            return known  # the idempotency key: sent once
        id_ = self._known[provider, message.id] = f"{provider}-{len(self.taken)}"
        self.taken.append((provider, message))
        delivered = not self._happens(chances.loses)
        self.phones[message.id] += delivered
        if self._happens(chances.drops):
            return id_
        says = delivered != self._happens(chances.lies)
        named = "nobody" if self._happens(chances.mistakes) else id_
        for _ in range(1 + self._happens(chances.duplicates)):
            at_ms = self.clock() + int(1000 * self._random.uniform(*chances.delay_s))
            ours = message.id if named == id_ else "n0"
            self._reports.append(Report(at_ms, provider, named, ours, message.to, says))
        return id_

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance
