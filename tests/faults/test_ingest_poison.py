"""Hostile messages between good ones: every good reading stored, every bad one set aside with its reason.

InfluxDB's own read-back is compared with what was sent, number by number. Short by default; in full, ten
thousand of them (a few minutes):

    CUNMAI_CAMPAIGN=full ./dev test tests/faults/test_ingest_poison.py -s
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from prometheus_client import CollectorRegistry

from cunmai_ingest.book import Book
from cunmai_ingest.lines import readable
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.pipeline import Pipeline
from cunmai_ingest.settings import QuarantineSettings
from cunmai_runtime.hold import Hold
from cunmai_runtime.intake import Delivery
from support.hostile import Hostile, good_reading, hostile
from support.messages import READINGS_TOPIC, STREAM, T0_MS, envelope
from support.store_sites import InfluxSite, influx_site

FULL = os.environ.get("CUNMAI_CAMPAIGN") == "full"
MESSAGES = 10_000 if FULL else 250
BATCH = 40

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600 if FULL else 300)]


class Campaign:
    """A pipeline over a real InfluxDB, and what was sent through it."""

    def __init__(self, site: InfluxSite, book: Book) -> None:
        self.site = site
        self.book = book
        self.good: list[dict[str, Any]] = []
        self.bad: list[Hostile] = []
        self.receipted: set[int] = set()
        self.refused: set[int] = set()
        self.acked = 0
        self.sent = 0
        self._batch: list[bytes] = []
        self.registry = CollectorRegistry()
        self.pipeline = Pipeline(
            self, site.store, book, Hold("ingest", lambda _: True), Metrics(self.registry)
        )

    def publish(self, _topic: str, payload: bytes) -> bool:
        receipt = json.loads(payload)
        for name, kept in (("ranges", self.receipted), ("quarantined", self.refused)):
            kept.update(n for first, last in receipt[name] for n in range(first, last + 1))
        return True

    def ack(self, batch: Sequence[Delivery]) -> None:
        self.acked += len(batch)

    def take(self, made: Hostile) -> None:
        """The hostile message, with a good one before and behind it."""
        first, second = good_reading(), good_reading()
        self.good += [first, *made.good, second]
        self.bad.append(made)
        self._batch += [envelope([first]), made.payload, envelope([second])]
        if len(self._batch) >= BATCH * 3:
            self.flush()

    def flush(self) -> None:
        batch = [
            Delivery(READINGS_TOPIC, payload, T0_MS + 3_600_000, mid, 1)
            for mid, payload in enumerate(self._batch)
        ]
        self.sent += len(batch)
        self._batch = []
        self.pipeline.handle(batch)

    def read_back(self) -> list[dict[str, Any]]:
        """What InfluxDB holds, as the readings that it was made from."""
        stock: dict[int, dict[str, float]] = {}
        for row in self.site.rows_like("medicine_stock"):
            stock.setdefault(row["seq"], {})[readable(row["medicine"])] = row["stock_days"]
        found = []
        for kind, names in (
            ("oximetry", ("mode", "spo2_pct")),
            ("temperature", ("temperature_c", "site")),
            ("site_status", ()),
        ):
            for row in self.site.rows_like(kind):
                assert row["stream"] == STREAM
                about = {name: row[name] for name in ("seq", "clock", "device", "resident", *names)}
                reading = {**about, "t": row["time"] // 1_000_000, "kind": kind}
                found.append(reading | ({"stock_days": stock[row["seq"]]} if kind == "site_status" else {}))
        return sorted(found, key=lambda reading: reading["seq"])


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Campaign]:
    bounds = QuarantineSettings(max_messages=100_000, max_bytes=64 << 30)
    for site in influx_site():
        with closing(Book(tmp_path / "book.sqlite", bounds)) as book:
            yield Campaign(site, book)


def test_every_good_reading_is_stored_and_every_bad_one_set_aside(campaign: Campaign) -> None:
    @settings(
        max_examples=MESSAGES, deadline=None, database=None, derandomize=not FULL,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(made=hostile())
    def send(made: Hostile) -> None:
        campaign.take(made)

    with structlog.testing.capture_logs():
        send()
        campaign.flush()
    check(campaign)


def check(campaign: Campaign) -> None:
    assert campaign.read_back() == sorted(campaign.good, key=lambda reading: reading["seq"])
    assert campaign.acked == campaign.sent
    kept: dict[bytes, set[tuple[int | None, str]]] = {}
    for entry in campaign.book.quarantine_entries(10**9):
        found = campaign.book.quarantine_entry(entry.id)
        assert found is not None
        assert entry.reason not in ("internal_error", "store_refused"), entry
        kept.setdefault(found[1], set()).add((entry.seq, entry.reason))
    good_seqs = {reading["seq"] for reading in campaign.good}
    for made in campaign.bad:
        assert {seq for seq, _ in kept[made.payload]} == set(made.bad), made
    assert set(kept) == {made.payload for made in campaign.bad}
    numbered = {seq for made in campaign.bad for seq in made.bad if seq is not None}
    assert campaign.refused == numbered
    assert campaign.receipted == numbered | good_seqs
    reasons: dict[str, int] = {}
    for _, reason in (entry for entries in kept.values() for entry in entries):
        reasons[reason] = reasons.get(reason, 0) + 1
    sys.stdout.write(
        f"\n{len(campaign.bad)} hostile messages ({len(kept)} different) between {len(campaign.good)} good readings:"
        f" all good ones read back equal, all bad ones set aside: {reasons}\n"
    )
