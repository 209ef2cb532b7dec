"""Alarm quality from end to end: stories in the rules, their events, ingest's points, the panels' queries on InfluxDB.

Every figure is worked out by hand from the story; the command that reads the journal must come to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards
from cunmai_ingest.assembly import understand
from cunmai_ingest.messages import points_of
from cunmai_ingest.stores import open_store
from cunmai_rules.escalation.receipts import CarrierReceipt
from cunmai_rules.escalation.states import CloseReason
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.quality.episodes import episode_of
from cunmai_rules.quality.measures import DAY_MS, Quality, measure
from cunmai_wire.events import Answer
from support.influx import influx_settings, shared_influxd
from support.rules import OXIMETRY, T0_MS
from support.rules_bench import GATEWAY, Bench
from support.sms_sink import SmsSink

pytestmark = pytest.mark.server

NS = 1_000_000
FROM_MS = 1_767_283_200_000
"""2026-01-02 00:00 in China."""
UNTIL_MS = FROM_MS + 4 * DAY_MS
_MORE = b"""\
  - id: pulse-high
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.pulse_bpm, unit: "/min", at_or_above: 130, for_s: 15, gap_s: 600}
    clear: {below: 120, for_s: 30}
    lane: review
    stale_after_s: 900
    source: a test
"""
_SIGNED = (
    "INSERT INTO signings (resident, team, from_day)"
    " VALUES ('R-1A', 'team-a', '2026-01-01'), ('R-2A', 'team-a', '2026-01-01'), ('R-3B', 'team-b', '2026-01-01')"
)
_REGISTRY = (
    "INSERT INTO sites (id, name, tier) VALUES ('cz', 'village', 'village')",
    "INSERT INTO teams (id, name, site) VALUES ('team-a', 'A', 'cz'), ('team-b', 'B', 'cz')",
    "INSERT INTO residents (id) VALUES ('R-1A'), ('R-2A'), ('R-3B')",
    _SIGNED,
)


def tell(bench: Bench) -> None:
    """Five pages and a task, over three days of China (T0 is 11:04 of the first)."""
    with bench.db.transaction():
        for statement in _REGISTRY:
            bench.db.execute(statement)
    # R-1A: found after 15 s, sent 7 s later, on the phone 3 s after that; seen after 67 s, contacted after 97 s.
    one = raised(bench, "R-1A")
    bench.now_ms += 3000
    with bench.db.transaction():
        notice = bench.desk.escalations.notices(one)[0]
        bench.desk.notices.receipt(
            CarrierReceipt(provider=str(notice.provider), delivered=True, reason="ok", notice=notice.id),
            bench.now_ms,
        )
    answer(bench, one, Answer.SEEN, after_s=57)
    answer(bench, one, Answer.CONTACTED, after_s=30)
    # R-2A, an hour later: contacted after 17 s; after 27 s they say that it was a false alarm after all.
    bench.now_ms += 3_600_000
    two = raised(bench, "R-2A")
    answer(bench, two, Answer.CONTACTED, after_s=10)
    answer(bench, two, Answer.FALSE_ALARM, after_s=10)
    # R-3B, on the second day: referred after 207 s.
    bench.now_ms = T0_MS + DAY_MS
    three = raised(bench, "R-3B")
    answer(bench, three, Answer.REFERRED, after_s=200)
    # Nobody's, on the second day: withdrawn, unanswered.
    bench.now_ms += 3_600_000
    four = raised(bench, None)
    with bench.db.transaction():
        bench.desk.close(four, CloseReason.WITHDRAWN, "rules", bench.now_ms)
    # A task, and on the third day a page that nobody answers: the township is asked too.
    for _ in range(17):
        bench.deliver(bench.reading(97, resident="R-1A", pulse_bpm=140))
        bench.now_ms += 1000
    bench.now_ms = T0_MS + 2 * DAY_MS
    raised(bench, "R-3B")
    bench.passes(bench.settings.escalation_policies().longest_wait_s)
    bench.passes(2)


def raised(bench: Bench, resident: str | None) -> str:
    """Low for 20 s, sent after 2 more; the escalation."""
    for _ in range(20):
        bench.deliver(bench.reading(90, resident=resident))
        bench.now_ms += 1000
    bench.passes(2)
    return bench.desk.escalations.newest(1)[0].id


def answer(bench: Bench, escalation: str, given: Answer, after_s: int) -> None:
    bench.now_ms += after_s * 1000
    with bench.db.transaction():
        bench.desk.answer(escalation, "village", given, bench.now_ms)


def told(bench: Bench) -> list[tuple[str, bytes]]:
    """Every event, as the service publishes them: topic and message."""
    events, messages = bench.desk.events, []
    while True:
        with bench.db.transaction():
            pending = events.pending(bench.now_ms, bench.now_ms)
            for one in pending:
                body = (
                    f'{{"v":1,"source":"rules","stream":"{events.stream()}","sent":{bench.now_ms},'
                    f'"events":[{",".join(one.bodies)}]}}'
                )
                messages.append((one.topic, body.encode()))
                events.receipted([(min(one.seqs), max(one.seqs))])
        if not pending:
            return messages


class Panels:
    """The dashboard's queries over the stories, asked as Grafana asks; and what the command counts."""

    def __init__(self, server: Any, database: str, quality: Quality) -> None:
        self._server, self._database, self.quality = server, database, quality
        (board,) = [one for name, one in dashboards().items() if name == "quality.json"]
        self.queries = {
            (panel["id"], target["refId"]): target["query"]
            for panel in board["panels"]
            for target in panel["targets"]
        }
        self.variables = {one["name"]: one["query"] for one in board["templating"]["list"]}

    def ask(self, panel: int, ref: str = "A", **choice: str) -> dict[str, list[list[Any]]]:
        """By the group's name: its rows, without the time unless it is a day's."""
        series = self.run(self.queries[panel, ref], **choice)
        by_day = "16h" in self.queries[panel, ref] and panel in (12, 13)
        return {
            ",".join((one.get("tags") or {"": ""}).values()): [
                [(row[0] // NS - FROM_MS) // DAY_MS, *row[1:]] if by_day else row[1:] for row in one["values"]
            ]
            for one in series
        }

    def run(self, query: str, gateway: str = ".*", team: str = ".*") -> list[dict[str, Any]]:
        filled = (
            query.replace("$timeFilter", f"time >= {FROM_MS}ms and time < {UNTIL_MS}ms")
            .replace("$gateway", gateway)
            .replace("$team", team)
        )
        assert "$" not in filled.replace("$/", ""), f"something is left to fill in: {filled}"
        found: list[dict[str, Any]] = self._server.query(filled, self._database)
        return found


@pytest.fixture(scope="module")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panels]:
    server = shared_influxd()
    front, database = server.front(), server.new_database()
    with SmsSink() as sink:
        bench = Bench(tmp_path_factory.mktemp("quality"), sink, packs=OXIMETRY + _MORE)
        tell(bench)
        messages = [understand(topic, body, bench.now_ms) for topic, body in told(bench)]
        escalations, team_of = Escalations(bench.db), bench.desk.directory.team_of
        episodes = [
            episode_of(
                one,
                escalations.history(one.id),
                team_of(one.resident, one.gateway, one.opened_ms),
            )
            for one in escalations.opened_between(FROM_MS, UNTIL_MS)
        ]
        bench.close()
    assert not any(message.refused for message in messages)
    with closing(open_store(influx_settings(front, database))) as store:
        assert store.write(points_of(messages)).refused == ()
    yield Panels(server, database, measure(episodes, 4 * DAY_MS))
    front.cut()


# By panel and query: the rows of each group, without their time; panels 12 and 13 with the day instead (0: the first).
EXPECTED: dict[tuple[int, str], dict[str, list[list[Any]]]] = {
    (1, "A"): {"": [[5]]},
    (2, "A"): {"": [[2]]},
    (3, "A"): {"": [[2]]},
    (4, "A"): {"": [[pytest.approx(200 / 3)]]},
    (5, "A"): {"": [[7, 7]]},
    (6, "A"): {"": [[10, 10]]},
    (7, "A"): {"": [[67, 207]]},
    (8, "A"): {"": [[97, 207]]},
    (9, "A"): {"pulse-high": [[0, 1, 0, 0, 0, 0]], "spo2-low": [[5, 0, 2, 1, 1, 3]]},
    (9, "B"): {"spo2-low": [[pytest.approx(200 / 3)]]},
    (10, "A"): {"village": [[5, 2]], "township": [[1, 0]]},
    (10, "B"): {"village": [[5 / 4, 2]], "township": [[1 / 4, 1]]},
    (11, "A"): {"team-a": [[2, 1]], "team-b": [[3, 0]]},
    (11, "B"): {"team-a": [[2 / 4, 2]], "team-b": [[3 / 4, 2]]},
    (12, "A"): {"village": [[0, 2], [1, 2], [2, 1]], "township": [[2, 1]]},
    (13, "A"): {"": [[0, 17, 67, 17, 97], [1, 207, 207, 207, 207]]},
}


def test_every_query_has_an_expectation(panels: Panels) -> None:
    assert set(panels.queries) == set(EXPECTED)


@pytest.mark.parametrize("which", EXPECTED, ids=str)
def test_a_query_comes_to_what_the_story_says(panels: Panels, which: tuple[int, str]) -> None:
    assert panels.ask(*which) == EXPECTED[which]
    assert panels.ask(*which, gateway=GATEWAY) == EXPECTED[which]
    assert panels.ask(*which, gateway="cz-02") == {}


def test_a_team_by_itself(panels: Panels) -> None:
    """Of team-a: right once, then called false; the task of the second day is theirs too."""
    assert panels.ask(9, "A", team="team-a") == {
        "pulse-high": [[0, 1, 0, 0, 0, 0]],
        "spo2-low": [[2, 0, 1, 1, 0, 2]],
    }
    assert panels.ask(4, team="team-a") == {"": [[50]]}
    assert panels.ask(2, team="team-a") == {"": [[0]]}
    assert panels.ask(10, "A", team="team-b") == {"village": [[2, 0]], "township": [[1, 0]]}


def test_the_command_counts_the_same(panels: Panels) -> None:
    quality = panels.quality
    assert {one.rule: one.precision for one in quality.rules} == {
        "spo2-low": pytest.approx(2 / 3),
        "pulse-high": None,
    }
    for loads, panel in ((quality.contacts, 10), (quality.teams, 11)):
        assert {one.who: [[one.messages, one.nuisance]] for one in loads} == EXPECTED[panel, "A"]
    for wait, panel in (("acceptance", 5), ("delivery", 6), ("answer", 7), ("outcome", 8)):
        assert [[quality.waits[wait].p50_s, quality.waits[wait].p90_s]] == EXPECTED[panel, "A"][""]
    assert (quality.waits["answer"].never, quality.waits["outcome"].never) == (2, 2)


def test_the_choices_and_nobody_among_them(panels: Panels) -> None:
    names = {
        name: [row[1] for one in panels.run(query) for row in one["values"]]
        for name, query in panels.variables.items()
    }
    assert names == {"gateway": [GATEWAY], "team": ["team-a", "team-b"]}
    for measurement in ("alarm_counted", "message_counted"):
        keys = panels.run(f'SHOW TAG KEYS FROM "{measurement}"')
        assert not {"resident", "device"} & {row[0] for one in keys for row in one["values"]}
