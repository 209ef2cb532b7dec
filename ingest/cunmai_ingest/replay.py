"""Taking messages out of the quarantine again, after a fix: each is stored exactly once, or stays.

The same steps as for a message that arrives, with the arrival time of then. What is stored is let go of in
the same commit that enters it; a crash before it leaves the message where it was, and storing again changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cunmai_ingest.book import Book
from cunmai_ingest.messages import read_message
from cunmai_ingest.poison import poison
from cunmai_ingest.quarantine import Whole
from cunmai_ingest.settle import Settled, settle
from cunmai_ingest.stores.base import Store
from cunmai_ingest.streams import Streams
from cunmai_runtime.errors import Retryable, UserError
from cunmai_wire.parsing import Refused


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one message."""

    topic: str
    stored: int
    """Readings or events of it that are in the store now."""
    left: int
    """Refusals of it that stay in the quarantine."""
    still: tuple[Refused, ...]


def replay(book: Book, store: Store, message_ids: Iterable[int]) -> Iterator[Replayed]:
    """Take these messages again, one after the other. Raises Retryable where the store or the book is down."""
    streams = Streams(book)
    for message_id in message_ids:
        whole = book.quarantine_message(message_id)
        if whole is None:
            continue
        settled = _take(streams, store, whole)
        left = book.replayed(message_id, settled)
        yield Replayed(whole.topic, len(settled.stored), left, settled.refused)


def _take(streams: Streams, store: Store, whole: Whole) -> Settled:
    try:
        messages = streams.assemble([read_message(whole.topic, whole.payload, whole.arrived_ms)])
        (settled,) = settle(messages, store.write(messages[0].points))
    except (Retryable, UserError):
        raise
    except Exception as error:  # noqa: BLE001 - the fault that brought it here is not mended: it stays
        streams.forget()
        return poison(whole.topic, whole.payload, whole.arrived_ms, error)
    return settled
