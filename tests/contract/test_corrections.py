"""Corrections in every store: stored once for the right resident, the earlier reading marked, in any order.

What is read back is asked of the store itself: rows of its own table, or the server past our code.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from cunmai_ingest.book import Book
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.pipeline import Pipeline
from cunmai_runtime.hold import Hold
from cunmai_runtime.intake import Delivery
from support.messages import EVENT_STREAM, READINGS_TOPIC, STREAM, T0_MS, envelope, oximetry
from support.store_sites import ARRIVED_MS, InfluxSite, Site, SqliteSite, counts, influx_site, sqlite_site

MOST_WAITS = 5
"""A server on a busy machine may be late once; the real service would wait for ever."""


class _Broker:
    """Remembers what was receipted."""

    def __init__(self) -> None:
        self.receipts: list[Any] = []

    def publish(self, _topic: str, payload: bytes) -> bool:
        self.receipts.append(json.loads(payload))
        return True

    def ack(self, batch: Sequence[Delivery]) -> None:
        """Nothing to do."""


class Bench:
    """A pipeline over a store under test. `restart` is what a new process finds."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.broker = _Broker()
        self._path = folder / "book.sqlite"
        self._mids = itertools.count(1)
        self.restart()

    def restart(self) -> None:
        self.book = Book(self._path)
        waits = itertools.count(1)
        hold = Hold("ingest", lambda _: next(waits) > MOST_WAITS)
        metrics = Metrics(CollectorRegistry())
        self.pipeline = Pipeline(self.broker, self.site.store, self.book, hold, metrics)

    def take(self, *payloads: bytes, arrived_ms: int = ARRIVED_MS) -> None:
        self.pipeline.handle(
            [Delivery(READINGS_TOPIC, payload, arrived_ms, next(self._mids), 1) for payload in payloads]
        )

    def rows(self) -> list[dict[str, Any]]:
        """Every oximetry point, oldest first, with the names that matter here."""
        if isinstance(self.site, SqliteSite):
            found = self.site.store._db.execute(  # type: ignore[attr-defined]
                "SELECT t_ns, tags, fields FROM points ORDER BY t_ns, stream, seq"
            )
            every = [{"time": t_ns, **json.loads(tags), **json.loads(fields)} for t_ns, tags, fields in found]
        else:
            assert isinstance(self.site, InfluxSite)
            every = sorted(self.site.rows_like("oximetry"), key=lambda row: (row["time"], row["stream"]))
        names = ("stream", "seq", "resident", "spo2_pct", "superseded", "superseded_by", "corrects")
        return [{name: row[name] for name in names if name in row} for row in every]

    def history(self, resident: str) -> list[tuple[int, Any]]:
        return self.site.store.history(resident, "oximetry", "spo2_pct", 0, ARRIVED_MS)


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.server)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    sites = sqlite_site(tmp_path) if request.param == "sqlite" else influx_site()
    for site in sites:
        made = Bench(site, tmp_path)
        with closing(made.book):
            yield made


WRONG = envelope([oximetry(1, resident="r-wrong", spo2_pct=91.0), oximetry(2, resident="r-wrong")])
RIGHT = envelope(
    [
        oximetry(
            3,
            T0_MS + 1000,
            resident="r-right",
            spo2_pct=91.0,
            corrects={"stream": STREAM, "seq": 1, "resident": "r-wrong"},
        )
    ]
)
AFTER = [
    {
        "stream": STREAM,
        "seq": 1,
        "resident": "r-wrong",
        "spo2_pct": 91.0,
        "superseded": True,
        "superseded_by": f"{STREAM}/3",
    },
    {
        "stream": STREAM,
        "seq": 3,
        "resident": "r-right",
        "spo2_pct": 91.0,
        "superseded": False,
        "corrects": f"{STREAM}/1",
    },
    {"stream": STREAM, "seq": 2, "resident": "r-wrong", "spo2_pct": 97.0, "superseded": False},
]


def check_after(bench: Bench) -> None:
    assert bench.rows() == AFTER
    assert bench.history("r-wrong") == [(T0_MS + 2000, 97.0)]
    assert bench.history("r-right") == [(T0_MS + 1000, 91.0)]
    assert [latest.fields["seq"] for latest in bench.site.store.latest("r-wrong")] == [2]
    assert counts(bench.site.store) == ([(1, 3)], 3)
    assert list(bench.book.superseded(STREAM)) == [(1, 1)]


@pytest.mark.parametrize(
    "batches", [[[WRONG], [RIGHT]], [[RIGHT], [WRONG]], [[WRONG, RIGHT]], [[RIGHT, WRONG]]]
)
def test_in_any_order_and_in_one_batch_or_two(bench: Bench, batches: list[list[bytes]]) -> None:
    for batch in batches:
        bench.take(*batch)
    check_after(bench)


def test_everything_sent_again_changes_nothing(bench: Bench) -> None:
    for batch in ([WRONG], [RIGHT], [WRONG], [RIGHT, WRONG], [WRONG]):
        bench.take(*batch)
    check_after(bench)


def test_a_process_that_starts_later_still_knows(bench: Bench) -> None:
    bench.take(RIGHT)
    bench.book.close()
    bench.restart()
    bench.take(WRONG)
    check_after(bench)


def test_a_correction_whose_reading_never_came_shows_no_one_anything(bench: Bench) -> None:
    bench.take(RIGHT)
    assert bench.history("r-wrong") == []
    assert bench.site.store.latest("r-wrong") == []
    assert counts(bench.site.store) == ([(3, 3)], 1)


def test_an_unattributed_reading_is_attributed_later(bench: Bench) -> None:
    bench.take(envelope([oximetry(1, resident=None, spo2_pct=88.0)]))
    correction = oximetry(
        2, T0_MS + 1000, resident="r-late", spo2_pct=88.0, corrects={"stream": STREAM, "seq": 1}
    )
    bench.take(envelope([correction]))
    assert bench.history("r-late") == [(T0_MS + 1000, 88.0)]
    first, second = bench.rows()
    assert ("resident" in first, first["superseded"], first["superseded_by"]) == (False, True, f"{STREAM}/2")
    assert (second["resident"], second["superseded"]) == ("r-late", False)


def test_a_correction_is_corrected_in_turn(bench: Bench) -> None:
    again = oximetry(
        4, T0_MS + 1000, resident="r-third", spo2_pct=91.0,
        corrects={"stream": STREAM, "seq": 3, "resident": "r-right"},
    )  # fmt: skip
    bench.take(envelope([again]), RIGHT, WRONG)
    assert bench.history("r-right") == []
    assert bench.history("r-third") == [(T0_MS + 1000, 91.0)]
    assert bench.history("r-wrong") == [(T0_MS + 2000, 97.0)]


def test_a_reading_of_an_earlier_spool_is_corrected(bench: Bench) -> None:
    bench.take(envelope([oximetry(7, resident="r-wrong")], stream=EVENT_STREAM))
    correction = oximetry(
        1, T0_MS + 7000, resident="r-right",
        corrects={"stream": EVENT_STREAM, "seq": 7, "resident": "r-wrong"},
    )  # fmt: skip
    bench.take(envelope([correction]))
    assert bench.history("r-wrong") == []
    assert bench.history("r-right") == [(T0_MS + 7000, 97.0)]
    assert counts(bench.site.store, EVENT_STREAM) == ([(7, 7)], 1)


def test_a_correction_of_itself_or_of_a_later_reading_is_set_aside(bench: Bench) -> None:
    bench.take(envelope([oximetry(5, corrects={"stream": STREAM, "seq": seq}) for seq in (5,)]))
    bench.take(envelope([oximetry(6, corrects={"stream": STREAM, "seq": 9})]))
    assert counts(bench.site.store) == ([], 0)
    assert {entry.reason for entry in bench.book.quarantine_entries()} == {"bad_reading"}
    assert not bench.book.superseded(STREAM)


# -- with a clock that was wrong -----------------------------------------------------------------------

DAY_MS = 86_400_000


def _untrusted(seq: int, t_ms: int, sent_ms: int, **changes: Any) -> bytes:
    reading = oximetry(seq, t_ms, clock="untrusted", **changes)
    return envelope([reading], sent=sent_ms, clock="untrusted")


def settle_the_clock(bench: Bench) -> None:
    """Readings 1 to 5, one every five seconds, from a gateway a day behind: the offset becomes steady."""
    for seq in range(1, 6):
        at_ms = T0_MS + 5000 * seq
        bench.take(_untrusted(seq, at_ms - DAY_MS, at_ms - DAY_MS), arrived_ms=at_ms)


def test_a_steady_clock_is_corrected_and_marked(bench: Bench) -> None:
    settle_the_clock(bench)
    times = [t_ms for t_ms, _ in bench.history("r-1001")]
    uncorrected, corrected = times[:3], times[3:]
    assert uncorrected == [T0_MS + 5000 * seq - DAY_MS for seq in (1, 2, 3)]
    assert corrected == [T0_MS + 5000 * seq for seq in (4, 5)]


def test_what_was_placed_never_moves_whenever_it_comes_again(bench: Bench) -> None:
    settle_the_clock(bench)
    before = bench.rows()
    bench.book.close()
    bench.restart()  # Nothing of the offset is remembered but what was decided by it.
    for seq in range(1, 6):
        at_ms = T0_MS + 5000 * seq
        bench.take(_untrusted(seq, at_ms - DAY_MS, at_ms + 7 * DAY_MS), arrived_ms=at_ms + 9 * DAY_MS)
    assert bench.rows() == before
    assert counts(bench.site.store) == ([(1, 5)], 5)


@pytest.mark.parametrize("target", [2, 5])
def test_a_correction_stands_where_its_reading_was_placed(bench: Bench, target: int) -> None:
    settle_the_clock(bench)
    (before,) = [t_ms for t_ms, _ in bench.history("r-1001") if (t_ms - T0_MS) % DAY_MS == 5000 * target]
    t_ms = T0_MS + 5000 * target - DAY_MS
    corrects = {"stream": STREAM, "seq": target, "resident": "r-1001"}
    changes: dict[str, Any] = {"resident": "r-right", "corrects": corrects}
    bench.take(_untrusted(9, t_ms, T0_MS + DAY_MS, **changes), arrived_ms=T0_MS + DAY_MS)
    assert bench.history("r-right") == [(before, 97.0)]
    assert len(bench.history("r-1001")) == 4


def test_readings_of_an_unsettled_clock_wait_with_their_gateway_and_then_find_their_place(
    bench: Bench,
) -> None:
    """A kiosk that starts in 1970: nothing can be stored, nothing is lost or set aside meanwhile."""
    for seq in range(1, 5):
        at_ms = T0_MS + 5000 * seq
        bench.take(_untrusted(seq, 5000 * seq, 5000 * seq), arrived_ms=at_ms)
        assert len(bench.broker.receipts) == (0 if seq < 4 else 1)
    assert bench.history("r-1001") == [(T0_MS + 20_000, 97.0)]
    for seq in range(1, 4):  # Unreceipted, so they are sent again.
        bench.take(_untrusted(seq, 5000 * seq, 20_000 + seq), arrived_ms=T0_MS + 20_000 + seq)
    assert [t_ms for t_ms, _ in bench.history("r-1001")] == [T0_MS + 5000 * seq for seq in (1, 2, 3, 4)]
    assert bench.book.quarantine_entries() == []


def test_a_clock_that_never_settles_is_set_aside_in_the_end(bench: Bench) -> None:
    for minute in (0, 9, 11):
        bench.take(_untrusted(1, 5000, 5000), arrived_ms=T0_MS + minute * 60_000)
        set_aside = [entry.reason for entry in bench.book.quarantine_entries()]
        assert set_aside == (["implausible_time"] if minute == 11 else [])
