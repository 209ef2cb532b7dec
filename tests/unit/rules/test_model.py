"""Any history of deliveries, over a real journal, ends as the one in the order of time.

A machine of hypothesis plays with an engine as the world does: readings of several people come in any order,
some twice, some together, some under the wrong name and corrected before or after; time passes; files are
saved again with other words; the service is stopped and started, and dies in the middle of a batch. In the
end another engine, with a journal of its own, is given each reading once and in order. What was corrected before
it had counted never counts: it is left out there.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.journal.piece import PieceJudgements
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.memory import Memory
from cunmai_rules.thresholds.state import RuleState, rule_states
from cunmai_rules.thresholds.window import tick
from cunmai_runtime.errors import Retryable
from cunmai_runtime.intake import Delivery
from cunmai_wire.topics import Channel, gateway_topic
from support.campaign import campaign
from support.rules import T0_MS
from support.several import IN_OTHER_WORDS, WIDE

GATEWAY = "cz-01"
STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"
RESIDENTS = ("R-1", "R-2", None)
MINUTE = 60_000
VISIT_MS = 25 * MINUTE
END_MS = T0_MS + 60 * MINUTE

KNOWN = Facts(altitude_m=40)

Reading = dict[str, Any]


def _settings(folder: Path) -> RulesSettings:
    return RulesSettings.model_validate(
        {
            "data_dir": folder,
            "packs": folder,
            "contacts": [{"id": "duty", "role": "值班", "to": "1"}],
            "sites": [{"gateway": GATEWAY, "name": "村", "altitude_m": 40, "contacts": ["duty"]}],
            "fallback_contacts": ["duty"],
            "webhook": {"url": "http://127.0.0.1:9/", "secret": "whsec_" + "a2s" * 12},
            "public_url": "http://127.0.0.1:8087",
            "late_after_s": 86_400,
        }
    )


class World:
    """One engine over one journal file, with a clock."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        folder.mkdir()
        self.now_ms = now_ms
        self._settings = _settings(folder)
        self._path = folder / "rules.sqlite"
        self.rules = WIDE
        self._start()

    def _start(self) -> None:
        self.db = open_journal(self._path)
        desk = Desk(self.db, self._settings, b"k" * 32)
        self.engine = Engine(self.db, desk, self._settings, lambda: self.now_ms, self.rules)

    def restarts(self) -> None:
        self.db.close()
        self._start()

    def takes(self, *readings: Reading) -> None:
        envelope = {
            "v": 1, "gateway": GATEWAY, "stream": STREAM, "sent": self.now_ms, "clock": "trusted",
            "readings": list(readings),
        }  # fmt: skip
        topic = gateway_topic(GATEWAY, Channel.READINGS)
        self.engine.take([Delivery(topic, json.dumps(envelope).encode(), self.now_ms, mid=1, epoch=1)])

    def dies_over(self, count: int, *readings: Reading) -> bool:
        """The disk fails after so many readings of a batch; then everything is started again. Whether it did."""
        left = itertools.count(count, -1)
        record = PieceJudgements.record
        died = False

        def failing(*given: Any, **more: Any) -> None:
            nonlocal died
            if next(left) <= 0:
                died = True
                raise Retryable("the disk is gone")
            record(*given, **more)

        with mock.patch.object(PieceJudgements, "record", failing), suppress(Retryable):
            self.takes(*readings)
        self.restarts()
        return died

    def passes_to(self, now_ms: int) -> None:
        self.now_ms = max(self.now_ms, now_ms)
        self.engine.tick()

    def has(self, rules: Any) -> None:
        self.rules = rules
        self.engine.rules = rules

    def ends(self) -> tuple[Any, ...]:
        """All that the order must not change: states, grades told, findings that stand, what was judged."""
        judgements = Judgements(self.db)
        subjects = [row[0] for row in self.db.execute("SELECT id FROM subject ORDER BY id")]
        states = {subject: _known(judgements.memory(subject)) for subject in subjects}
        events = (json.loads(body) for (body,) in self.db.execute("SELECT body FROM event ORDER BY n"))
        grades = {
            (one.get("resident"), one["rule"]): one["grade"]
            for one in events
            if one["type"] == "grade_changed"
        }
        standing = self.db.execute(
            # A live reading that raises an alarm, or makes a page of an earlier late one, asks for the same page.
            "SELECT escalation.subject, finding.rule, replace(finding.reason, 'confirmed_live', 'limit_met'),"
            " finding.reading_t_ms FROM finding"
            " JOIN escalation ON escalation.id = finding.escalation WHERE withdrawn_ms IS NULL"
        )
        judged = self.db.execute("SELECT subject, seq FROM observation WHERE corrected = 0")
        return (
            {subject: those for subject, those in states.items() if those},
            {who: grade for who, grade in grades.items() if grade != "grey"},
            sorted(map(repr, standing)),
            sorted(map(repr, judged)),
        )


def _known(memory: Memory) -> dict[str, RuleState]:
    """Rules that have seen evidence; one whose only reading was somebody else's has not.

    All as of the end: that an alarm's episode is over is noted when the next reading comes, for nobody sees it.
    In which words the file was when a rule was last judged does not matter either.
    """
    states = rule_states(tick(memory, END_MS, WIDE, KNOWN).memory.rules)
    return {rule: one._replace(version="") for rule, one in states.items() if one.evidence_ms}


@st.composite
def visits(draw: st.DrawFn) -> list[Reading]:
    found = []
    for seq in range(1, draw(st.integers(1, 14)) + 1):
        reading: Reading = {
            "seq": seq,
            "t": T0_MS + draw(st.integers(0, 50)) * 30_000,
            "clock": "trusted",
            "device": "oxi-1",
            "resident": draw(st.sampled_from(RESIDENTS)),
        }
        if draw(st.integers(0, 4)) == 0:
            reading |= {"kind": "temperature", "temperature_c": draw(st.sampled_from([37.0, 38.0, 39.0]))}
        else:
            spo2 = draw(st.sampled_from([88, 90, 93, 94, 95, 97]))
            reading |= {"kind": "oximetry", "mode": "continuous", "spo2_pct": spo2, "pulse_bpm": 80}
        if draw(st.integers(0, 5)) == 0:
            reading["quality"] = ["low_perfusion"]
        found.append(reading)
    return found


class AnyHistory(RuleBasedStateMachine):
    """What the world may do."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self._folder.name) / "any", T0_MS + VISIT_MS)

    @initialize(readings=visits())
    def begins(self, readings: list[Reading]) -> None:
        self.readings = {reading["seq"]: reading for reading in readings}
        self.waiting = list(self.readings.values())
        self.wrong: set[int] = set()
        self.come: set[int] = set()
        """In a message that was taken."""
        self.of_the_past: set[int] = set()
        """Corrections that came after what they correct: it had counted, so they are late. Others are news."""

    def _take(self, *readings: Reading) -> None:
        self.world.takes(*readings)
        self._have_come(*readings)

    def _have_come(self, *readings: Reading) -> None:
        for one in readings:
            if one["seq"] not in self.come and "corrects" in one and one["corrects"]["seq"] in self.come:
                self.of_the_past.add(one["seq"])
        self.come |= {one["seq"] for one in readings}

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), count=st.sampled_from([1, 1, 1, 2, 5]))
    def some_come(self, data: st.DataObject, count: int) -> None:
        self._take(*self._some(data, count))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), count=st.integers(0, 2))
    def it_dies_meanwhile(self, data: st.DataObject, count: int) -> None:
        batch = self._some(data, 3)
        if self.world.dies_over(count, *batch):
            self.waiting += batch  # not receipted: the gateway sends them again
        else:
            self._have_come(*batch)

    def _some(self, data: st.DataObject, count: int) -> list[Reading]:
        order = data.draw(st.permutations(self.waiting))
        self.waiting = order[count:]
        return order[:count]

    @rule(data=st.data())
    def some_come_again(self, data: st.DataObject) -> None:
        come = [one for one in self.readings.values() if one not in self.waiting]
        if come:
            self._take(*data.draw(st.lists(st.sampled_from(come), min_size=1, max_size=4)))

    @rule(data=st.data(), resident=st.sampled_from(RESIDENTS))
    def one_was_somebody_elses(self, data: st.DataObject, resident: str | None) -> None:
        right = [
            one for one in self.readings.values()
            if one["seq"] not in self.wrong and "corrects" not in one and one["resident"] != resident
        ]  # fmt: skip
        if not right:
            return
        one = data.draw(st.sampled_from(right))
        self.wrong.add(one["seq"])
        earlier = {"stream": STREAM, "seq": one["seq"], "resident": one["resident"]}
        self._now_waits(one | {"seq": 100 + one["seq"], "resident": resident, "corrects": earlier})

    def _now_waits(self, reading: Reading) -> None:
        self.readings[reading["seq"]] = reading
        self.waiting.append(reading)

    @rule(minutes=st.integers(0, 12))
    def time_passes(self, minutes: int) -> None:
        self.world.passes_to(min(END_MS, self.world.now_ms + minutes * MINUTE))

    @rule()
    def the_files_are_saved_in_other_words(self) -> None:
        self.world.has(IN_OTHER_WORDS if self.world.rules is WIDE else WIDE)

    @rule()
    def it_is_stopped_and_started(self) -> None:
        self.world.restarts()

    def teardown(self) -> None:
        try:
            if hasattr(self, "readings"):
                self._ends_as_in_order()
        finally:
            self.world.db.close()
            self._folder.cleanup()

    def _ends_as_in_order(self) -> None:
        for reading in self.waiting:
            self._take(reading)
        self.world.has(WIDE)
        self.world.passes_to(END_MS)
        ordered = World(Path(self._folder.name) / "ordered", T0_MS)
        try:
            given = (
                one
                for one in self.readings.values()
                # What was wrong is given only where it makes the difference between what is past and what is news.
                if one["seq"] not in self.wrong or 100 + one["seq"] in self.of_the_past
            )
            for reading in sorted(given, key=lambda one: (one["t"], one["seq"])):
                ordered.now_ms = reading["t"]
                ordered.takes(reading)
            ordered.passes_to(END_MS)
            assert self.world.ends() == ordered.ends()
        finally:
            ordered.db.close()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(campaign(25), stateful_step_count=25)
