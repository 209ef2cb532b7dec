"""What happens to one batch of messages, in one order and no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog

from cunmai_ingest.book import Book
from cunmai_ingest.messages import points_of, read_message
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.poison import poison
from cunmai_ingest.receipts import receipts_for
from cunmai_ingest.settle import Committed, Settled, settle
from cunmai_ingest.stores.base import Store
from cunmai_ingest.streams import Streams
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.hold import Hold, Stopped
from cunmai_runtime.intake import Delivery
from cunmai_runtime.logs import OnChange
from cunmai_runtime.outgoing import Outgoing

NOT_OUR_MESSAGE = (Retryable, UserError, Stopped)
"""What says nothing about any message: a store that is down, a damaged file, the end of the process."""


class Broker(Protocol):
    """What the pipeline needs of `cunmai_runtime.intake.Intake`."""

    def publish(self, topic: str, payload: bytes) -> bool: ...

    def ack(self, batch: Sequence[Delivery]) -> None: ...


class Pipeline:
    """Store, commit, receipt, acknowledge."""

    def __init__(self, broker: Broker, store: Store, book: Book, hold: Hold, metrics: Metrics) -> None:
        self._broker = broker
        self._store = store
        self._book = book
        self._streams = Streams(book)
        self._hold = hold
        self._metrics = metrics
        self._outgoing = Outgoing(broker.publish, on_outcome=lambda sent: metrics.receipt(sent=sent))
        self._log = structlog.get_logger("ingest")
        self._changed = OnChange()

    def handle(self, batch: Sequence[Delivery]) -> None:
        """Take one batch all the way. Raises Stopped while the store or the book is down.

        A fault of ours that one message brings to light must not stop the others: the batch is then taken
        message by message, and the one that fails alone is set aside whole.
        """
        try:
            self._take(batch)
        except NOT_OUR_MESSAGE:
            raise
        except Exception:  # noqa: BLE001 - the outermost loop: each message is tried by itself, and named
            self._streams.forget()
            for item in batch:
                self._take_alone(item)

    def _take(self, batch: Sequence[Delivery]) -> None:
        reads = [read_message(item.topic, item.payload, item.arrived_ms) for item in batch]
        messages = self._hold("book", lambda: self._streams.assemble(reads))
        points = points_of(messages)
        outcome = self._hold("store", lambda: self._store.write(points))
        self._commit(batch, settle(messages, outcome))

    def _take_alone(self, item: Delivery) -> None:
        try:
            self._take([item])
        except NOT_OUR_MESSAGE:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost loop: set aside with its traceback
            self._log.exception("ingest.internal_error", topic=item.topic, bytes=len(item.payload))
            self._metrics.internal_error()
            self._streams.forget()
            self._set_aside(item, error)

    def _set_aside(self, item: Delivery, error: Exception) -> None:
        try:
            self._commit([item], [poison(item.topic, item.payload, item.arrived_ms, error)])
        except NOT_OUR_MESSAGE:
            raise
        except Exception:  # noqa: BLE001 - not even that: it stays with its gateway, unreceipted and counted
            self._log.exception("ingest.cannot_set_aside", topic=item.topic, bytes=len(item.payload))
            self._broker.ack([item])

    def _commit(self, batch: Sequence[Delivery], settled: Sequence[Settled]) -> None:
        committed = self._hold("book", lambda: self._book.commit(settled))
        self._streams.committed(settled)
        self._outgoing.send(receipts_for(committed))
        self._broker.ack(batch)
        self._metrics.count(committed)
        self._tell(committed)

    def _tell(self, committed: Committed) -> None:
        for entry in committed.settled:
            for fault in entry.refused:
                if self._changed(entry.message.topic, fault.detail):
                    self._log.warning(
                        "ingest.set_aside",
                        topic=entry.message.topic,
                        reason=fault.reason,
                        detail=fault.detail,
                    )
        if committed.dropped:
            self._log.error(
                "ingest.quarantine_full",
                dropped=committed.dropped,
                todo="look into it: cunmai ingest quarantine list; replay or enlarge it",
            )

    def idle(self) -> None:
        """Nothing has arrived for a moment: send the receipts that had to wait."""
        self._outgoing.flush()
