"""Every query of the ledger's dashboard, on the real InfluxDB, over what the ledger itself has written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards
from cunmai_ingest.stores import open_store
from support.influx import influx_settings, shared_influxd
from support.ledger_bench import ledger_bench
from support.messages import EVENTS_TOPIC, GATEWAY, T0_MS, oximetry

pytestmark = pytest.mark.server

DAY_MS = 86_400_000
NS = 1_000_000
MIDNIGHT = 1_699_977_600_000 * NS
"""2023-11-15 00:00 in China."""
NEXT = MIDNIGHT + DAY_MS * NS

Ask = Callable[..., list[list[Any]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A day with one missing of three and one late; a day with one reading, and one lost before it had a number."""
    server = shared_influxd()
    front, database = server.front(), server.new_database()
    with (
        closing(open_store(influx_settings(front, database))) as store,
        ledger_bench(tmp_path_factory.mktemp("ledger")) as bench,
    ):
        bench.keeper._store = bench.store = store
        bench.now_ms = T0_MS + 310_000
        bench.readings(oximetry(1, T0_MS), oximetry(3, T0_MS + 300_000))
        bench.judged((1, 1), (3, 3))
        bench.sweep()
        fill_events(bench.sweep(after_s=900), bench)
        bench.now_ms = T0_MS + DAY_MS
        losses = [
            {
                "stream": "11111111-2222-3333-4444-555555555555",
                "day": "2023-11-16",
                "reason": "not_stored",
                "count": 1,
            }
        ]
        bench.state(3, losses=losses)
        bench.readings(oximetry(4, T0_MS + DAY_MS))
        bench.sweep()

    def run(query: str, gateway: str = ".*") -> list[list[Any]]:
        filled = query.replace("$timeFilter", f"time >= {MIDNIGHT} and time < {MIDNIGHT + 14 * DAY_MS * NS}")
        filled = filled.replace("$gateway", gateway)
        return [row for series in server.query(filled, database) for row in series["values"]]

    yield run
    front.cut()


def fill_events(published: list[tuple[str, dict[str, Any]]], bench: Any) -> None:
    """What the broker would bring back."""
    for topic, body in published:
        if topic == EVENTS_TOPIC:
            bench.take(topic, json.dumps(body).encode())


EXPECTED: dict[int, list[list[Any]]] = {
    1: [[MIDNIGHT, 1]],
    2: [[MIDNIGHT, 0]],
    3: [[MIDNIGHT, 1]],
    4: [[MIDNIGHT, 1]],
    5: [[MIDNIGHT, 1, 0], [NEXT, 0, 0]],
    6: [
        [NEXT, GATEWAY, "2023-11-16", 1, 1, 0, 0, 0, 0, 0, 0, 1, 1],
        [MIDNIGHT, GATEWAY, "2023-11-15", 3, 2, 2, 1, 0, 1, 1, 0, 0, 0],
    ],
    7: [[(T0_MS + 1_210_000) * NS + 1, GATEWAY, "missing", "open", "ask", 1, 2, 2]],
}


def queries() -> dict[int, str]:
    return {panel["id"]: panel["targets"][0]["query"] for panel in dashboards()["ledger.json"]["panels"]}


def test_every_query_has_an_expectation() -> None:
    assert set(queries()) == set(EXPECTED)


@pytest.mark.parametrize("which", EXPECTED)
def test_a_query_returns_the_known_values(ask: Ask, which: int) -> None:
    assert ask(queries()[which]) == EXPECTED[which]
    assert ask(queries()[which], gateway="clinic-01") == EXPECTED[which]


@pytest.mark.parametrize("which", EXPECTED)
def test_a_query_for_another_gateway_finds_nothing(ask: Ask, which: int) -> None:
    assert ask(queries()[which], gateway="clinic-02") == []


def test_the_choices_are_the_gateways(ask: Ask) -> None:
    (variable,) = dashboards()["ledger.json"]["templating"]["list"]
    assert ask(variable["query"]) == [["gateway", "clinic-01"]]
