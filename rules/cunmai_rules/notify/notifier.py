"""The notifier: `for notice in due(outbox, now()): notify(notice)`, several at a time, until stopped."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy import Escalation
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.escalations import Notice
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.notify.message import TREND_MS, finding, sms_text
from cunmai_rules.notify.providers.base import Accepted, Fault, Message, Outcome, Refused
from cunmai_rules.notify.sender import Sender
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.hold import Hold, Stopped, pause_s

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 30.0
POLL_S = 0.2
LAST_WAIT_S = 5.0
BATCH_NOTICES = 50


class Notifier:
    """Belongs to the thread that opened `db`; only the requests themselves run elsewhere."""

    def __init__(
        self,
        db: Database,
        desk: Desk,
        sender: Sender,
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
        # Sent, with an outcome that is not on the disk yet. It stays here until it is: a journal that is
        # busy must repeat the commit, never the message.
        self._under_way: dict[str, tuple[Notice, Future[Outcome]]] = {}

    def run(self, stop: threading.Event) -> None:
        """Send what is due until stopped."""
        hold = Hold("notify", stop.wait)
        with suppress(Stopped):
            while not stop.wait(POLL_S):
                hold("send", self._turn)
        wait([future for _, future in self._under_way.values()], LAST_WAIT_S)
        with suppress(Stopped):
            hold("record", self.record)

    def send_due(self) -> int:
        """Try every notice that is due and wait for the answers; how many. Raises Retryable (the journal)."""
        self.record()
        started = self.start_due()
        wait([future for _, future in self._under_way.values()])
        self.record()
        return started

    def _turn(self) -> None:
        self.record()
        self.start_due()

    # -- sending --------------------------------------------------------------------------------------

    def start_due(self) -> int:
        """Start what is due, as many at a time as the settings allow; how many were started or dropped."""
        free = self._settings.at_once - len(self._under_way)
        if free <= 0:
            return 0
        due = self._desk.escalations.due_notices(self._clock(), int(RETRY_LONGEST_S * 1000), BATCH_NOTICES)
        waiting = [notice for notice in due if notice.id not in self._under_way][:free]
        for notice in waiting:
            self._start(notice)
        return len(waiting)

    def _start(self, notice: Notice) -> None:
        escalation = self._desk.escalations.get(notice.escalation)
        assert escalation is not None, "a notice belongs to an escalation"
        with self._db.transaction():
            wanted = self._desk.about_to_send(notice, self._text(notice, escalation), self._clock())
        if wanted is None:
            metrics.NOTICES.labels("dropped").inc()
            return
        self._under_way[notice.id] = (wanted, self._submitted(wanted))

    def _submitted(self, notice: Notice) -> Future[Outcome]:
        try:
            number = self._desk.directory.number_of(notice.contact, f"notice {notice.id}", self._clock())
        except UserError as error:
            # Somebody has to mend the keys; until then the next contact is asked.
            self._log.error("notify.number_sealed", contact=notice.contact, why=str(error))
            return _failed("the contact's number cannot be opened")
        if number is None:
            return _failed("the contact is no longer on the roster")
        link = f"{self._settings.public_url}/e/{self._desk.token(notice.id)}"
        return self._sender.submit(
            Message(
                notice.id,
                number,
                f"{notice.text} {link}",
                notice.escalation,
                notice.queued_ms,
            ),
            self._settings.providers[0],
        )

    def _text(self, notice: Notice, escalation: Escalation) -> str:
        """What the message says as things stand now. A repeat carries the newest value."""
        again = notice.number > 1
        until_ms = self._clock() if again else escalation.reading_t_ms
        readings = self._judgements.around(escalation.subject, until_ms - TREND_MS, until_ms)
        found = finding(escalation, self._rules().by_id.get(escalation.rule), readings, newest=again)
        return sms_text(
            escalation,
            found,
            site=self._desk.directory.site_name(escalation.gateway),
            again=again,
            utc_offset_minutes=self._settings.utc_offset_minutes,
        )

    # -- outcomes -------------------------------------------------------------------------------------

    def record(self) -> None:
        """Write down what has come of those under way. Raises Retryable with the rest still to be written."""
        for id_, (notice, future) in list(self._under_way.items()):
            if future.done():
                self._record(notice, future)
                del self._under_way[id_]

    def _record(self, notice: Notice, future: Future[Outcome]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        outcome = Refused(Fault.RETRYABLE, type(error).__name__) if error else future.result()
        if isinstance(outcome, Accepted):
            with self._db.transaction():
                self._desk.accepted(notice, self._clock())
            metrics.NOTICES.labels("accepted").inc()
            self._log.info(
                "notify.accepted", notice=notice.id, contact=notice.contact, escalation=notice.escalation
            )
        elif outcome.fault is Fault.PERMANENT:
            with self._db.transaction():
                self._desk.failed(notice, outcome.reason, self._clock())
            metrics.NOTICES.labels("failed").inc()
            self._log.error("notify.failed", notice=notice.id, contact=notice.contact, why=outcome.reason)
        else:
            self._postpone(notice, outcome)

    def _postpone(self, notice: Notice, refused: Refused) -> None:
        """Whatever else went wrong, the message is still owed."""
        why = refused.reason
        wait_s = pause_s(
            notice.attempts + 1, first_s=RETRY_FIRST_S, longest_s=RETRY_LONGEST_S, chance=self._chance()
        )
        now_ms = self._clock()
        with self._db.transaction():
            self._desk.postponed(notice, why, now_ms + int(wait_s * 1000), now_ms)
        metrics.NOTICES.labels("postponed").inc()
        if why == notice.error:
            return
        if refused.fault is Fault.MISDIRECTED:
            self._log.error(
                "notify.webhook_misdirected",
                notice=notice.id,
                why=why,
                todo="check webhook.url and webhook.secret",
            )
        else:
            self._log.warning("notify.postponed", notice=notice.id, contact=notice.contact, why=why)


def _failed(why: str) -> Future[Outcome]:
    """As if the carrier had refused for good: the next contact is asked at once."""
    future: Future[Outcome] = Future()
    future.set_result(Refused(Fault.PERMANENT, why))
    return future
