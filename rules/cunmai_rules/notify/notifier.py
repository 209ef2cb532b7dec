"""The notifier: `for notice in due(outbox, now()): notify(notice)`, until stopped."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.escalations import Notice
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.notify.message import finding, sms_text
from cunmai_rules.notify.webhook import Message, WebhookSender
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Permanent, Retryable
from cunmai_runtime.hold import Hold, Stopped, disk_faults, pause_s
from cunmai_runtime.sqlite import transaction

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 30.0
POLL_S = 0.2
BATCH_NOTICES = 50
TREND_MS = 5 * 60_000


class Notifier:
    """Belongs to the thread that opened `db`."""

    def __init__(
        self,
        db: sqlite3.Connection,
        desk: Desk,
        sender: WebhookSender,
        settings: RulesSettings,
        clock: Clock,
        rules: Callable[[], RuleSet],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._desk = desk
        self._sender = sender
        self._settings = settings
        self._clock = clock
        self._rules = rules
        self._chance = chance
        self._judgements = Judgements(db)
        self._log = structlog.get_logger("notify")

    def run(self, stop: threading.Event) -> None:
        """Send what is due until stopped."""
        hold = Hold("notify", stop.wait)
        while not stop.wait(POLL_S):
            try:
                hold("send", self.send_due)
            except Stopped:
                return

    def send_due(self) -> int:
        """Try every notice that is due; how many were tried. Raises Retryable where the journal fails."""
        with disk_faults("the rules' journal"):
            notices = self._desk.escalations.due_notices(self._clock(), BATCH_NOTICES)
            for notice in notices:
                self._try(notice)
        return len(notices)

    def _try(self, notice: Notice) -> None:
        try:
            self._sender.send(self._message(notice))
        except Retryable as error:
            self._postpone(notice, str(error))
        except Permanent as error:
            metrics.NOTICES.labels("failed").inc()
            self._log.error("notify.failed", notice=notice.id, contact=notice.contact, why=str(error))
            with transaction(self._db):
                self._desk.failed(notice, str(error), self._clock())
        else:
            metrics.NOTICES.labels("accepted").inc()
            self._log.info(
                "notify.accepted", notice=notice.id, contact=notice.contact, escalation=notice.escalation
            )
            with transaction(self._db):
                self._desk.accepted(notice, self._clock())

    def _postpone(self, notice: Notice, error: str) -> None:
        metrics.NOTICES.labels("postponed").inc()
        wait_s = pause_s(
            notice.attempts + 1, first_s=RETRY_FIRST_S, longest_s=RETRY_LONGEST_S, chance=self._chance()
        )
        if error != notice.error:
            self._log.warning("notify.postponed", notice=notice.id, contact=notice.contact, why=error)
        now_ms = self._clock()
        with transaction(self._db):
            self._desk.postponed(notice, error, now_ms + int(wait_s * 1000), now_ms)

    def _message(self, notice: Notice) -> Message:
        """Raises Permanent where there is nobody to send it to."""
        contact = self._settings.contact(notice.contact)
        if contact is None:
            raise Permanent("the contact is no longer on the roster")
        escalation = self._desk.escalations.get(notice.escalation)
        assert escalation is not None, "a notice belongs to an escalation"
        until_ms = escalation.reading_t_ms
        readings = self._judgements.around(escalation.subject, until_ms - TREND_MS, until_ms)
        found = finding(escalation, self._rules().by_id.get(escalation.rule), readings)
        site = self._settings.site_of(escalation.gateway)
        text = sms_text(
            escalation,
            found,
            site=site.name if site else escalation.gateway,
            link=f"{self._settings.public_url}/e/{self._desk.token(notice.id)}",
            utc_offset_minutes=self._settings.utc_offset_minutes,
        )
        return Message(notice.id, contact.to.get_secret_value(), text, escalation.id)
