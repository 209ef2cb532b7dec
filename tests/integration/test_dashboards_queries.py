"""Every query of every dashboard, run on the real InfluxDB over data that the real ingest store wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards
from cunmai_ingest.assembly import understand
from cunmai_ingest.messages import points_of
from cunmai_ingest.stores import open_store
from support.influx import Influxd, influx_settings, shared_influxd
from support.messages import EVENTS_TOPIC, READINGS_TOPIC, STREAM, T0_MS, envelope, events, opened, oximetry

pytestmark = pytest.mark.server

ARRIVED_MS = T0_MS + 60_000
NS = 1_000_000


def entered(seq: int, kind: str, **values: Any) -> dict[str, Any]:
    """What a person entered at the kiosk, `seq` seconds after T0."""
    common = {
        "seq": seq,
        "t": T0_MS + 1000 * seq,
        "clock": "trusted",
        "device": "kiosk",
        "resident": "r-1001",
    }
    return {**common, "quality": [], "kind": kind, **values}


# Two readings in the first ten seconds, none in the next ten, one in the last.
READINGS = [
    oximetry(1, T0_MS + 1000, spo2_pct=96.0, pulse_bpm=70.0, perfusion_index_pct=4.0),
    oximetry(
        2, T0_MS + 2000, spo2_pct=92.0, pulse_bpm=74.0, perfusion_index_pct=3.0, quality=["poor_signal"]
    ),
    oximetry(3, T0_MS + 21_000, spo2_pct=91.0, pulse_bpm=80.0, perfusion_index_pct=2.5),
    oximetry(4, T0_MS + 22_000, spo2_pct=55.0, resident="r-2002"),
    oximetry(5, T0_MS + 23_000, spo2_pct=44.0, resident=None),
    oximetry(6, T0_MS + 90_000, spo2_pct=33.0),
    # Counted for the wrong resident, then corrected: no panel may show it here.
    oximetry(7, T0_MS + 21_500, spo2_pct=11.0, pulse_bpm=11.0, perfusion_index_pct=1.1),
    oximetry(
        8,
        T0_MS + 21_500,
        spo2_pct=11.0,
        resident="r-2002",
        corrects={"stream": STREAM, "seq": 7, "resident": "r-1001"},
    ),
    entered(9, "respiration", respiratory_rate_per_min=18.0),
    entered(10, "respiration", respiratory_rate_per_min=22.0),
    entered(11, "assessment", consciousness="C", on_oxygen=True, oxygen_flow_l_min=2.5),
    entered(12, "assessment", febrile_or_crying=False),
    entered(13, "follow_up", method="phone"),
    entered(14, "assessment", consciousness="U", resident="r-2002"),
    # Entered for the wrong resident, and taken back.
    entered(15, "respiration", respiratory_rate_per_min=81.0),
    entered(
        16,
        "respiration",
        respiratory_rate_per_min=81.0,
        t=T0_MS + 15_000,
        resident=None,
        corrects={"stream": STREAM, "seq": 15, "resident": "r-1001"},
    ),
]
_WHO = {"gateway": "clinic-01", "resident": "r-1001"}
_GRADE = {
    "type": "grade_changed",
    **_WHO,
    "rule": "spo2-severe",
    "rule_version": "1.2",
    "reason": "at_or_below_limit",
    "reading_t": T0_MS,
}
_ABOUT = {**_WHO, "escalation": "esc-1"}
EVENTS = [
    {**_GRADE, "seq": 1, "t": T0_MS + 1000, "grade": "green", "previous": "grey"},
    {**_GRADE, "seq": 2, "t": T0_MS + 22_000, "grade": "red", "previous": "green"},
    opened(3, t=T0_MS + 22_000),
    {
        **_ABOUT,
        "type": "notice_changed",
        "seq": 4,
        "t": T0_MS + 23_000,
        "notice": "n-1",
        "contact": "doctor-7",
        "state": "accepted",
        "attempts": 1,
    },
    {
        **_ABOUT,
        "type": "escalation_answered",
        "seq": 5,
        "t": T0_MS + 24_000,
        "contact": "doctor-7",
        "answer": "referred",
    },
    {**_ABOUT, "type": "escalation_closed", "seq": 6, "t": T0_MS + 25_000, "reason": "answered"},
    {**_GRADE, "rule": "pulse-fast", "seq": 8, "t": T0_MS + 27_000, "grade": "green", "previous": "grey"},
    {**_GRADE, "resident": "r-2002", "seq": 7, "t": T0_MS + 26_000, "grade": "yellow", "previous": "grey"},
]


def _at(offset_s: int, seq: int = 0) -> int:
    return (T0_MS + 1000 * offset_s) * NS + seq


# By panel id and query: the rows that must come back, computed by hand from the data above. Grades come by
# rule, in the order of the rules' names: pulse-fast, then spo2-severe.
EXPECTED: dict[tuple[int, str], list[list[Any]]] = {
    (1, "A"): [[_at(27, 8), "green"], [_at(22, 2), "red"]],
    (2, "A"): [[_at(21, 3), 91]],
    (3, "A"): [[_at(21, 3), 80]],
    (4, "A"): [[_at(21, 3), ARRIVED_MS]],
    (5, "A"): [[_at(0), 92], [_at(10), None], [_at(20), 91]],
    (6, "A"): [[_at(0), 72], [_at(10), None], [_at(20), 80]],
    (7, "A"): [[_at(0), 3.5], [_at(10), None], [_at(20), 2.5]],
    (8, "A"): [[_at(0), "poor_signal"], [_at(10), None], [_at(20), ""]],
    (9, "A"): [[_at(27, 8), "green"], [_at(1, 1), "green"], [_at(22, 2), "red"]],
    (10, "A"): [[_at(22, 3), "esc-1", "red", "page", "spo2-severe", "1.2", "at_or_below_limit"]],
    (10, "B"): [[_at(23, 4), "esc-1", "doctor-7", "accepted"]],
    (10, "C"): [[_at(24, 5), "esc-1", "doctor-7", "referred"]],
    (10, "D"): [[_at(25, 6), "esc-1", "answered"]],
    (11, "A"): [[_at(0), 18], [_at(10), 22], [_at(20), None]],
    (12, "A"): [[_at(12, 12), None, None, None, False], [_at(11, 11), "C", True, 2.5, None]],
    (12, "B"): [[_at(13, 13), "phone"]],
}


class Filled:
    """A database with the data above, asked as Grafana asks."""

    def __init__(self, server: Influxd, database: str) -> None:
        self._server = server
        self._database = database

    def run(self, query: str, *, resident: str = "r-1001", gateway: str = ".*") -> list[list[Any]]:
        """Fill in what Grafana fills in, for the half minute from T0, and run it."""
        filled = (
            query.replace("$timeFilter", f"time >= {T0_MS}ms and time < {T0_MS + 30_000}ms")
            .replace("$__interval", "10s")
            .replace("$resident", resident)
            .replace("$gateway", gateway)
        )
        assert "$" not in filled.replace("$/", ""), f"something is left to fill in: {filled}"
        series = self._server.query(filled, self._database)
        return [row for one in series for row in one["values"]]


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    server = shared_influxd()
    front = server.front()
    database = server.new_database()
    messages = [
        understand(READINGS_TOPIC, envelope(READINGS), ARRIVED_MS),
        understand(EVENTS_TOPIC, events(EVENTS), ARRIVED_MS),
    ]
    assert not any(message.refused for message in messages)
    with closing(open_store(influx_settings(front, database))) as store:
        assert store.write(points_of(messages)).refused == ()
    yield Filled(server, database)
    front.cut()


def _queries() -> dict[tuple[int, str], str]:
    return {
        (panel["id"], target["refId"]): target["query"]
        for panel in dashboards()["resident.json"]["panels"]
        for target in panel["targets"]
    }


def test_every_query_has_an_expectation() -> None:
    assert set(_queries()) == set(EXPECTED)


@pytest.mark.parametrize("which", EXPECTED, ids=str)
def test_a_query_returns_the_known_values(filled: Filled, which: tuple[int, str]) -> None:
    assert filled.run(_queries()[which]) == EXPECTED[which]


@pytest.mark.parametrize("which", EXPECTED, ids=str)
def test_a_query_for_nobody_finds_nothing(filled: Filled, which: tuple[int, str]) -> None:
    """Above all not the readings that no one is named in."""
    found = filled.run(_queries()[which], resident="")
    assert [row for row in found if any(value is not None for value in row[1:])] == []


@pytest.mark.parametrize("which", EXPECTED, ids=str)
def test_a_query_keeps_to_the_chosen_gateway(filled: Filled, which: tuple[int, str]) -> None:
    query = _queries()[which]
    assert filled.run(query, gateway="clinic-01") == EXPECTED[which]
    found = filled.run(query, gateway="clinic-02")
    assert [row for row in found if any(value is not None for value in row[1:])] == []


def test_the_choices_are_those_that_have_readings(filled: Filled) -> None:
    variables = {
        variable["name"]: variable["query"]
        for variable in dashboards()["resident.json"]["templating"]["list"]
    }
    assert filled.run(variables["gateway"]) == [["gateway", "clinic-01"]]
    assert filled.run(variables["resident"]) == [["resident", "r-1001"], ["resident", "r-2002"]]
    assert filled.run(variables["resident"], gateway="clinic-02") == []
