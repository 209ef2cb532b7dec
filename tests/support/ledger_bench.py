"""A ledger under test: a real book and store, messages as they come, a clock to move, and what was published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from cunmai_ingest.assembly import understand
from cunmai_ingest.book import Book
from cunmai_ingest.ledger.days import day_text
from cunmai_ingest.ledger.gauges import LedgerGauges
from cunmai_ingest.ledger.keeper import Keeper
from cunmai_ingest.ledger.tables import FIGURES
from cunmai_ingest.messages import points_of
from cunmai_ingest.settings import IngestSettings, LedgerSettings, SqliteSettings
from cunmai_ingest.settle import settle
from cunmai_ingest.stores import open_store
from cunmai_ingest.stores.base import Store
from support.messages import (
    EVENTS_TOPIC,
    READINGS_TOPIC,
    RECEIPTS_TOPIC,
    STATE_TOPIC,
    STREAM,
    T0_MS,
    envelope,
    state,
)


@dataclass
class LedgerBench:
    """`take` is what ingest does with one message; `sweep` is what the keeper does every few seconds."""

    settings: IngestSettings
    book: Book
    store: Store
    registry: CollectorRegistry
    now_ms: int = T0_MS
    link_up: bool = True
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(
            self.book.db,
            self.store,
            self.publish,
            self.settings.ledger,
            "ingest",
            lambda: self.now_ms,
            LedgerGauges(self.registry),
        )

    def publish(self, topic: str, payload: bytes) -> bool:
        if self.link_up:
            self.published.append((topic, json.loads(payload)))
        return self.link_up

    def take(self, topic: str, *payloads: bytes) -> None:
        messages = [understand(topic, payload, self.now_ms) for payload in payloads]
        self.book.commit(settle(messages, self.store.write(points_of(messages))))

    def readings(self, *readings: dict[str, Any], **header: Any) -> None:
        self.take(READINGS_TOPIC, envelope(readings, **header))

    def state(self, measured: int, **changes: Any) -> None:
        self.take(STATE_TOPIC, state(measured, **changes))

    def judged(self, *ranges: tuple[int, int], refused: tuple[tuple[int, int], ...] = ()) -> None:
        receipt = {"v": 1, "consumer": "rules", "stream": STREAM, "ranges": ranges, "quarantined": refused}
        self.take(RECEIPTS_TOPIC, json.dumps(receipt).encode())

    def sweep(self, after_s: float = 0) -> list[tuple[str, dict[str, Any]]]:
        """Let time pass, sweep; what was published."""
        self.now_ms += int(after_s * 1000)
        self.published.clear()
        self.keeper.sweep()
        return list(self.published)

    def events(self, published: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        return [event for topic, body in published if topic == EVENTS_TOPIC for event in body["events"]]

    def days(self) -> dict[str, dict[str, int]]:
        """What the ledger's table says, by day."""
        rows = self.book.db.execute(f"SELECT day, {', '.join(FIGURES)} FROM ledger_day ORDER BY day")
        return {
            day_text(day): {name: number for name, number in zip(FIGURES, numbers, strict=True) if number}
            for day, *numbers in rows
        }


@contextmanager
def ledger_bench(folder: Path, **changes: Any) -> Iterator[LedgerBench]:
    """`changes`: of the ledger's settings."""
    settings = IngestSettings(
        data_dir=folder,
        store=SqliteSettings(kind="sqlite", path=folder / "store.sqlite"),
        ledger=LedgerSettings(**changes),
    )
    with (
        closing(Book(settings.book_path, settings.quarantine, settings.ledger)) as book,
        closing(open_store(settings.store)) as store,
    ):
        yield LedgerBench(settings, book, store, CollectorRegistry())
