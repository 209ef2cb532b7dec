"""The notifier: `for notice in due(outbox, now()): notify(notice)`, several at a time, until stopped."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.machine import still_wanted
from cunmai_rules.escalation.policy import DAY_MS
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.journal.notices import Notice
from cunmai_rules.notify.breaker import Breaker
from cunmai_rules.notify.breakers import Breakers
from cunmai_rules.notify.courtesies import CourtesySender, Outbox
from cunmai_rules.notify.providers.base import Accepted, Fault, Outcome, Refused
from cunmai_rules.notify.providers.settings import Provider
from cunmai_rules.notify.routing import Nobody, Wait, after_refusal, route, settled
from cunmai_rules.notify.sender import Sends
from cunmai_rules.notify.templates import load_templates
from cunmai_rules.notify.wording import Wording
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.hold import Hold, Stopped, pause_s
from cunmai_wire.events import Grade

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 30.0
POLL_S = 0.2
LAST_WAIT_S = 5.0
BATCH_NOTICES = 50
MOST_TURNS = 20
MOST_DROPPED = 10
"""Batches of them in one turn: what is under way waits for its outcome to be written down meanwhile."""
OFF_THE_ROSTER = "the contact is no longer on the roster"
SEALED = "the contact's number cannot be opened"
_NO_SUMMARY = (Fault.PERMANENT, Fault.MISDIRECTED)
"""A provider that refuses a summary so may take its messages: its template was withdrawn, or differs."""

UnderWay = dict[str, tuple[Notice, Provider, Future[Outcome]]]
"""By the notice's id: as it was before this attempt, who was given it, and what comes of that.

An outcome stays here until it is on the disk. A journal that is busy, or whose session is lost, must repeat the
commit, never the message.
"""


class Notifier:
    """Belongs to the thread that opened `db`; only the requests themselves run elsewhere."""

    def __init__(
        self,
        db: Database,
        desk: Desk,
        sender: Sends,
        settings: RulesSettings,
        clock: Clock,
        rules: Callable[[], RuleSet],
        *,
        breakers: Breakers | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._desk = desk
        self._sender = sender
        self._settings = settings
        self._clock = clock
        self._chance = chance
        names = [provider.name for provider in settings.providers]
        self._breakers = breakers or Breakers(names, clock)
        templates = load_templates(settings.sms.templates, settings.sms.language)
        self._wording = Wording(Judgements(db), desk, settings, templates, rules)
        self._courtesies = CourtesySender(
            Outbox(db, desk, sender, settings, clock, templates, self._breakers)
        )
        self._woken: Callable[[], None] = lambda: None
        self._log = structlog.get_logger("notify")
        self.under_way: UnderWay = {}

    def run(self, stop: threading.Event, woken: threading.Event) -> None:
        """Send what is due until stopped. `woken` is set where something may be due sooner than the next look."""
        hold = Hold("notify", stop.wait)
        self._woken = woken.set
        with suppress(Stopped):
            while not stop.is_set():
                woken.wait(POLL_S)
                woken.clear()  # Before looking: what comes while we look wakes us again.
                hold("send", self._turn)
        wait([future for _, _, future in self.under_way.values()], LAST_WAIT_S)
        with suppress(Stopped):
            hold("record", self.record)

    def send_due(self) -> int:
        """Try every notice that is due and wait for the answers; how many. Raises Retryable (the journal)."""
        self.record()
        started = 0
        for _ in range(MOST_TURNS):  # one that a provider refused is due at the next one at once
            begun = self.start_due()
            wait([future for _, _, future in self.under_way.values()])
            self.record()
            started += begun
            if not begun:
                break
        self._courtesies.turn()
        return started

    def circuits(self) -> dict[str, str]:
        """How each provider stands."""
        return self._breakers.circuits()

    def _turn(self) -> None:
        self.record()
        self.start_due()
        self._courtesies.turn()

    # -- sending --------------------------------------------------------------------------------------

    def start_due(self) -> int:
        """Start what is due, as many at a time as the settings allow; how many were started or dropped.

        What nobody waits for any more is dropped beforehand and takes no place: after an outage there may be
        more of it than of messages to send, and it is the older.
        """
        free = self._settings.at_once - len(self.under_way)
        done = 0
        for _ in range(MOST_DROPPED if free > 0 else 0):
            due = self._desk.escalations.due_notices(self._clock(), self._longest_wait_ms, BATCH_NOTICES)
            waiting = [notice for notice in due if notice.id not in self.under_way]
            wanted = [notice for notice in waiting if not self._dropped(notice)]
            done += len(waiting) - len(wanted)
            for notice in wanted:
                if notice.id not in self.under_way and len(self.under_way) < self._settings.at_once:
                    self._start(notice)
                    done += 1
            if wanted or not waiting:
                break
        return done

    def _dropped(self, notice: Notice) -> bool:
        """Let go of one that has been overtaken, or answered, since it was made."""
        escalation = self._desk.escalations.get(notice.escalation)
        if escalation is None or still_wanted(escalation, notice.number):
            return False
        with self._db.transaction():
            dropped = self._desk.notices.drop_unwanted(notice, self._clock())
        if dropped:
            metrics.NOTICES.labels("dropped").inc()
        return dropped

    @property
    def _longest_wait_ms(self) -> int:
        """No notice is due further ahead than this, unless the clock was set back."""
        doubts = [provider.unsure_wait_s for provider in self._settings.providers]
        asleep_s = DAY_MS // 1000  # what a rate holds back may then wait for the end of the quiet hours
        held_s = self._desk.folding.longest_wait_s + asleep_s if self._desk.folding.looks_back_s else 0
        return int(max(RETRY_LONGEST_S, held_s, *doubts) * 1000)

    def _start(self, notice: Notice) -> None:
        now_ms = self._clock()
        with self._db.transaction():
            escalation = self._desk.escalations.get(notice.escalation)
            assert escalation is not None, "a notice belongs to an escalation"
            text, parts = "", ""
            if notice.text is None:
                looked = self._desk.summaries.look(notice, now_ms)
                if looked is None:
                    metrics.NOTICES.labels("held").inc()
                    return
                notice = looked
                text, parts = self._wording.words(notice, escalation, now_ms)
            wanted = self._desk.notices.about_to_send(notice, text, parts, now_ms)
            if wanted is None:
                metrics.NOTICES.labels("dropped").inc()
                return
            able = self._able(wanted)
            wanted = settled(wanted, able, now_ms)
            urgent = escalation.grade is Grade.RED and notice.number == 1
            chosen = route(wanted, able, self._breakers.now, now_ms, urgent=urgent)
            match chosen:
                case Nobody():
                    self._desk.notices.failed(wanted, wanted.error or "refused", now_ms)
                    metrics.NOTICES.labels("failed").inc()
                    return
                case Wait():
                    self._desk.notices.later(wanted, chosen.until_ms)
                    return
        self._give(wanted, chosen)

    def _able(self, notice: Notice) -> tuple[Provider, ...]:
        """The providers that can send such a message. Any may, where none can now: it says so, and is shouted."""
        kind = "summary" if notice.carries_summary else "page"
        return tuple(one for one in self._settings.providers if one.sends(kind)) or self._settings.providers

    def _give(self, wanted: Notice, provider: Provider) -> None:
        number, trouble = self._number(wanted)
        if number is None:
            self._failed(wanted, trouble)
            return
        now_ms = self._clock()
        with self._db.transaction():
            given = self._desk.notices.sending(wanted, provider.name, self._desk.mark(number), now_ms)
        if given is None:
            return
        self._breakers.change(provider.name, lambda breaker: breaker.tried(now_ms))
        before = replace(given, unsure_ms=wanted.unsure_ms)
        under_way = self._submitted(given, number, provider)
        under_way.add_done_callback(lambda _: self._woken())
        self.under_way[given.id] = (before, provider, under_way)

    def _number(self, notice: Notice) -> tuple[str | None, str]:
        """The contact's number; or why there is none."""
        try:
            number = self._desk.directory.number_of(notice.contact, f"notice {notice.id}", self._clock())
        except UserError as error:
            # Somebody has to mend the keys; until then the next contact is asked.
            self._log.error("notify.number_sealed", contact=notice.contact, why=str(error))
            return None, SEALED
        return number, OFF_THE_ROSTER

    def _submitted(self, notice: Notice, number: str, provider: Provider) -> Future[Outcome]:
        return self._sender.submit(self._wording.message(notice, number), provider)

    # -- outcomes -------------------------------------------------------------------------------------

    def record(self) -> None:
        """Write down what has come of those under way. Raises Retryable with the rest still to be written."""
        for id_, (notice, provider, future) in list(self.under_way.items()):
            if future.done():
                self._record(notice, provider, future)
                del self.under_way[id_]

    def _record(self, notice: Notice, provider: Provider, future: Future[Outcome]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        outcome = Refused(Fault.RETRYABLE, type(error).__name__) if error else future.result()
        if isinstance(outcome, Accepted):
            self._accepted(notice, provider, outcome)
        else:
            self._refused(notice, provider, outcome)

    def _accepted(self, notice: Notice, provider: Provider, accepted: Accepted) -> None:
        with self._db.transaction():
            self._desk.notices.accepted(
                notice, accepted.provider_id, provider.receipt_within_s, self._clock()
            )
        self._breakers.change(provider.name, Breaker.succeeded)
        metrics.ATTEMPTS.labels(provider.name, "accepted").inc()
        metrics.NOTICES.labels("accepted").inc()
        self._log.info(
            "notify.accepted", notice=notice.id, contact=notice.contact, escalation=notice.escalation,
            provider=provider.name,
        )  # fmt: skip

    def _failed(self, notice: Notice, why: str) -> None:
        with self._db.transaction():
            self._desk.notices.failed(notice, why, self._clock())
        metrics.NOTICES.labels("failed").inc()
        self._log.error("notify.failed", notice=notice.id, contact=notice.contact, why=why)

    def _refused(self, notice: Notice, provider: Provider, refused: Refused) -> None:
        """The message is still owed: another provider, or this one again."""
        now_ms = self._clock()
        providers = self._able(notice)
        permanent = refused.fault is Fault.PERMANENT
        self._breakers.change(
            provider.name, lambda breaker: breaker.succeeded() if permanent else breaker.failed(now_ms)
        )
        metrics.ATTEMPTS.labels(provider.name, refused.fault).inc()
        if notice.carries_summary and refused.fault in _NO_SUMMARY:
            with self._db.transaction():
                self._desk.notices.taken_apart(notice, refused.reason, now_ms)
            metrics.NOTICES.labels("apart").inc()
            self._shout(notice, provider, refused)
            return
        wait_s = pause_s(
            notice.attempts // len(providers) + 1,
            first_s=RETRY_FIRST_S, longest_s=RETRY_LONGEST_S, chance=self._chance(),
        )  # fmt: skip
        changed = after_refusal(notice, refused, providers, now_ms, int(wait_s * 1000))
        if isinstance(route(changed, providers, {}, now_ms, urgent=False), Nobody):
            self._failed(notice, refused.reason)
            return
        with self._db.transaction():
            self._desk.notices.postponed(notice, changed, now_ms)
        metrics.NOTICES.labels("postponed").inc()
        if refused.reason != notice.error:
            self._shout(notice, provider, refused)

    def _shout(self, notice: Notice, provider: Provider, refused: Refused) -> None:
        if refused.fault in (Fault.MISDIRECTED, Fault.PERMANENT):
            self._log.error(
                "notify.provider_misdirected", notice=notice.id, provider=provider.name, why=refused.reason,
                todo="check the address, the keys, the template and the credit of this SMS provider",
            )  # fmt: skip
        else:
            self._log.warning(
                "notify.postponed", notice=notice.id, contact=notice.contact, provider=provider.name,
                why=refused.reason,
            )  # fmt: skip
