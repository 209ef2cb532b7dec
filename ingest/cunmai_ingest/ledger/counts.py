"""What was stored, counted by the store itself: for the demonstration's ledger and for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cunmai_ingest.book import Book
from cunmai_ingest.settings import IngestSettings
from cunmai_ingest.stores import open_store
from cunmai_ingest.stores.base import Store, StoredSeqs
from cunmai_wire.ranges import SeqRanges


@dataclass(frozen=True, slots=True)
class StreamCount:
    """One stream of readings or events, as ingest knows it."""

    stream: str
    sender: str
    """The gateway, or the service that published these events."""
    measured: int
    """The highest number its gateway has claimed in a state message; 0 where it has claimed none."""
    stored: StoredSeqs
    """Read back from the store, never from a counter."""
    quarantined: SeqRanges
    """Numbers set aside with a reason, from the book."""


def stream_counts(settings: IngestSettings) -> tuple[StreamCount, ...]:
    """One entry for every stream that ingest has heard of. Raises Retryable where the store is down."""
    with closing(Book(settings.book_path, settings.quarantine)) as book, open_reader(settings) as store:
        return tuple(
            StreamCount(
                entry.stream,
                entry.sender,
                entry.measured,
                store.sequences(entry.stream),
                book.quarantined(entry.stream),
            )
            for entry in book.streams()
        )


@contextmanager
def open_reader(settings: IngestSettings) -> Iterator[Store]:
    """The store, opened for reading by the calling thread."""
    with closing(open_store(settings.store)) as store:
        yield store
