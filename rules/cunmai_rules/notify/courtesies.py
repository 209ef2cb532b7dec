"""Sends courtesies: after the notices, one attempt or three, and then no more."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.courtesies import GIVE_UP_MS, Courtesies, Courtesy
from cunmai_rules.journal.database import Database
from cunmai_rules.notify.breakers import Breakers
from cunmai_rules.notify.providers.base import Accepted, Fault, Message, Outcome
from cunmai_rules.notify.providers.settings import Provider, WebhookProvider
from cunmai_rules.notify.sender import Sends
from cunmai_rules.notify.templates import Templates
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import UserError

MOST_ATTEMPTS = 3
PAUSE_MS = 30_000
AT_ONCE = 4


@dataclass(frozen=True)
class Outbox:
    """What sending takes, as the notifier has it."""

    db: Database
    desk: Desk
    sender: Sends
    settings: RulesSettings
    clock: Clock
    templates: Templates
    breakers: Breakers


class CourtesySender:
    """Belongs to the notifier's thread. Only the first share of several does it."""

    def __init__(self, outbox: Outbox) -> None:
        self._box = outbox
        self._courtesies = Courtesies(outbox.db)
        self._log = structlog.get_logger("notify")
        self._under_way: dict[str, tuple[Courtesy, Future[Outcome]]] = {}

    def turn(self) -> None:
        """Write down what has come of those under way, and start what is due. Raises Retryable."""
        for id_, (courtesy, future) in list(self._under_way.items()):
            if future.done():
                self._record(courtesy, future)
                del self._under_way[id_]
        if self._box.db.share.slot == 0:
            for courtesy in self._courtesies.due(self._box.clock(), AT_ONCE):
                if courtesy.id not in self._under_way and len(self._under_way) < AT_ONCE:
                    self._start(courtesy)

    def _start(self, courtesy: Courtesy) -> None:
        provider = self._provider(courtesy.kind)
        number = self._number(courtesy)
        if provider is None or number is None or self._box.clock() - courtesy.made_ms > GIVE_UP_MS:
            self._settle(courtesy, "dropped")
            return
        if not isinstance(provider, WebhookProvider):
            with self._box.db.transaction():
                self._courtesies.give(courtesy.id)
        templates = self._box.templates
        message = Message(
            courtesy.id,
            number,
            templates.text(courtesy.kind, courtesy.values),
            "",
            courtesy.made_ms,
            courtesy.kind,
            templates.values(courtesy.kind, courtesy.values),
        )
        self._under_way[courtesy.id] = (courtesy, self._box.sender.submit(message, provider))

    def _provider(self, kind: str) -> Provider | None:
        """The first that works and has an approved template for it, where it needs one."""
        able = [one for one in self._box.settings.providers if one.sends(kind)]
        circuits = self._box.breakers.circuits()
        return next((one for one in able if circuits.get(one.name) == "closed"), able[0] if able else None)

    def _number(self, courtesy: Courtesy) -> str | None:
        try:
            return self._box.desk.directory.number_of(
                courtesy.contact, f"courtesy {courtesy.id}", self._box.clock()
            )
        except UserError:
            return None

    def _record(self, courtesy: Courtesy, future: Future[Outcome]) -> None:
        outcome = None if future.cancelled() or future.exception() else future.result()
        if isinstance(outcome, Accepted):
            self._settle(courtesy, "accepted")
        elif (
            outcome is None or outcome.fault is not Fault.RETRYABLE or courtesy.attempts + 1 >= MOST_ATTEMPTS
        ):
            # In doubt, too: a second copy of an explanation explains nothing more.
            self._settle(courtesy, "failed")
        else:
            with self._box.db.transaction():
                self._courtesies.later(courtesy.id, self._box.clock() + PAUSE_MS)

    def _settle(self, courtesy: Courtesy, state: str) -> None:
        with self._box.db.transaction():
            self._courtesies.settle(courtesy.id, state)
        metrics.NOTICES.labels(f"courtesy_{state}").inc()
        self._log.info("notify.courtesy", contact=courtesy.contact, kind=courtesy.kind, state=state)
