"""The ingest service: one readable loop, and what it is made of."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry

from cunmai_ingest.book import Book
from cunmai_ingest.ledger.counts import StreamCount, stream_counts
from cunmai_ingest.ledger.gauges import LedgerGauges
from cunmai_ingest.ledger.keeper import Keeper
from cunmai_ingest.messages import points_of, understand
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.receipts import receipts_for
from cunmai_ingest.settings import IngestSettings
from cunmai_ingest.settle import Settled, settle
from cunmai_ingest.stores import open_store
from cunmai_ingest.stores.base import Store
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.hold import Hold, Stopped
from cunmai_runtime.intake import Delivery, Intake
from cunmai_runtime.logs import OnChange
from cunmai_runtime.outgoing import Outgoing

_TAKE_WAIT_S = 0.5


class Broker(Protocol):
    """What the loop needs of `cunmai_runtime.intake.Intake`."""

    def publish(self, topic: str, payload: bytes) -> bool: ...

    def ack(self, batch: Sequence[Delivery]) -> None: ...


class Pipeline:
    """What happens to one batch, in this order and no other."""

    def __init__(self, broker: Broker, store: Store, book: Book, hold: Hold, metrics: Metrics) -> None:
        self._broker = broker
        self._store = store
        self._book = book
        self._hold = hold
        self._metrics = metrics
        self._outgoing = Outgoing(broker.publish, on_outcome=lambda sent: metrics.receipt(sent=sent))
        self._log = structlog.get_logger("ingest")
        self._changed = OnChange()

    def handle(self, batch: Sequence[Delivery]) -> None:
        """Store, commit, receipt, acknowledge. Raises Stopped while the store or the book is down."""
        messages = [understand(item.topic, item.payload, item.arrived_ms) for item in batch]
        points = points_of(messages)
        outcome = self._hold("store", lambda: self._store.write(points))
        settled = settle(messages, outcome)
        committed = self._hold("book", lambda: self._book.commit(settled))
        self._outgoing.send(receipts_for(committed))
        self._broker.ack(batch)
        self._metrics.count(committed)
        self._tell_refusals(settled)

    def _tell_refusals(self, settled: Sequence[Settled]) -> None:
        for entry in settled:
            for fault in entry.refused:
                if self._changed(entry.message.topic, fault.detail):
                    self._log.warning(
                        "ingest.set_aside",
                        topic=entry.message.topic,
                        reason=fault.reason,
                        detail=fault.detail,
                    )

    def idle(self) -> None:
        """Nothing has arrived for a moment: send the receipts that had to wait."""
        self._outgoing.flush()


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
            batch = self._intake.take(self.settings.batch_messages, _TAKE_WAIT_S)
            if batch:
                pipeline.handle(batch)
            else:
                pipeline.idle()
            keeper.do_due()

    def counts(self) -> tuple[StreamCount, ...]:
        """What the store itself holds of every stream, from any thread, while running or after."""
        return stream_counts(self.settings)
