"""The ingest service: one readable loop, and what it is made of."""

from __future__ import annotations

import threading
from contextlib import closing

import structlog
from prometheus_client import CollectorRegistry

from cunmai_ingest.book import Book
from cunmai_ingest.claims import claimed
from cunmai_ingest.ledger.counts import StreamCount, stream_counts
from cunmai_ingest.ledger.gauges import LedgerGauges
from cunmai_ingest.ledger.keeper import Keeper
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.pipeline import Pipeline
from cunmai_ingest.settings import IngestSettings
from cunmai_ingest.stores import open_store
from cunmai_ingest.stores.base import Store
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.hold import Hold, Stopped
from cunmai_runtime.intake import Intake

_TAKE_WAIT_S = 0.5

_BATCH_BYTES = 8 << 20
"""Payload of one batch: what is held in memory several times over while it is stored."""


class Ingest:
    """One ingest process, or one thread of the demonstration."""

    def __init__(
        self,
        settings: IngestSettings,
        clock: Clock = system_clock,
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """Opens nothing yet. `registry`: where the metrics go; a registry of its own by default."""
        self.settings = settings
        self.metrics = Metrics(registry or CollectorRegistry())
        self._gauges = LedgerGauges(self.metrics.registry)
        self._clock = clock
        receipts = settings.receipt_filters()
        filters = (*settings.filters(), *receipts)
        self._intake = Intake(settings.mqtt, settings.id, filters, clock, not_own=receipts)
        self._log = structlog.get_logger("ingest").bind(id=settings.id)

    @property
    def up(self) -> bool:
        """Connected to the broker and subscribed."""
        return self._intake.up

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Raises UserError where the book or an embedded store cannot be opened."""
        with (
            claimed(self.settings),
            closing(Book(self.settings.book_path, self.settings.quarantine, self.settings.ledger)) as book,
            closing(open_store(self.settings.store)) as store,
        ):
            keeper = self._keeper(book, store)
            hold = Hold("ingest", stop.wait, on_retry=self.metrics.retried)
            pipeline = Pipeline(self._intake, store, book, hold, self.metrics)
            self._intake.start()
            self._log.info("ingest.started", store=self.settings.store.kind)
            try:
                self._loop(pipeline, keeper, stop)
            except Stopped:
                self._log.info("ingest.stopped_while_held")
            finally:
                self._intake.stop()

    def _keeper(self, book: Book, store: Store) -> Keeper:
        settings = self.settings
        return Keeper(
            book.db, store, self._intake.publish, settings.ledger, settings.id, self._clock, self._gauges
        )

    def _loop(self, pipeline: Pipeline, keeper: Keeper, stop: threading.Event) -> None:
        while not stop.is_set():
            batch = self._intake.take(self.settings.batch_messages, _TAKE_WAIT_S, _BATCH_BYTES)
            self.metrics.waiting(*self._intake.held)
            if batch:
                pipeline.handle(batch)
            else:
                pipeline.idle()
            keeper.do_due()

    def counts(self) -> tuple[StreamCount, ...]:
        """What the store itself holds of every stream, from any thread, while running or after."""
        return stream_counts(self.settings)
