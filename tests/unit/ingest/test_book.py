from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_ingest.assembly import understand
from cunmai_ingest.book import Book, GatewayEntry, StreamEntry
from cunmai_ingest.messages import Message
from cunmai_ingest.settings import QuarantineSettings
from cunmai_ingest.settle import Committed, settle
from cunmai_ingest.stores.base import WriteOutcome
from cunmai_runtime.errors import Retryable, UserError
from support.messages import (
    EVENT_STREAM,
    EVENTS_TOPIC,
    READINGS_TOPIC,
    STATE_TOPIC,
    STREAM,
    T0_MS,
    envelope,
    events,
    opened,
    oximetry,
    state,
)

ARRIVED_MS = T0_MS + 60_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    with closing(Book(path, QuarantineSettings(max_messages=3, max_bytes=2000))) as opened_book:
        yield opened_book


def _commit(
    book: Book, *payloads: bytes, topic: str = READINGS_TOPIC, arrived_ms: int = ARRIVED_MS
) -> Committed:
    """Everything that can be read counts as stored."""
    messages = [understand(topic, payload, arrived_ms) for payload in payloads]
    return book.commit(settle(messages, WriteOutcome((), ())))


def test_what_is_held_survives_closing(book: Book, path: Path) -> None:
    committed = _commit(book, envelope([oximetry(1), oximetry(2)]), envelope([oximetry(4)]))
    assert (committed.stored, committed.duplicates) == (3, 0)
    book.close()
    with closing(Book(path)) as again:
        assert list(again.stored(STREAM)) == [(1, 2), (4, 4)]
        assert again.streams() == [StreamEntry(STREAM, "clinic-01", 0)]


def test_what_comes_again_is_a_duplicate(book: Book) -> None:
    _commit(book, envelope([oximetry(1), oximetry(2)]))
    committed = _commit(book, envelope([oximetry(2), oximetry(3)]), envelope([oximetry(3)]))
    assert (committed.stored, committed.duplicates) == (1, 2)
    assert book.counters() == {"messages": 3, "stored": 3, "duplicates": 2}


def test_events_are_held_like_readings(book: Book) -> None:
    _commit(book, events([opened(1)]), topic=EVENTS_TOPIC)
    assert list(book.stored(EVENT_STREAM)) == [(1, 1)]
    assert book.streams() == [StreamEntry(EVENT_STREAM, "rules", 0)]


def test_a_refused_reading_is_kept_whole_with_its_reason(book: Book) -> None:
    payload = envelope([oximetry(1), oximetry(2, 0)])
    committed = _commit(book, payload)
    assert committed.quarantined == {"implausible_time": 1}
    (entry,) = book.quarantine_entries()
    assert (entry.reason, entry.sender, entry.stream, entry.seq) == (
        "implausible_time",
        "clinic-01",
        STREAM,
        2,
    )
    assert entry.detail == "dated 1970-01-01, before 2020-01-01"
    assert (entry.topic, entry.first_ms, entry.times) == (READINGS_TOPIC, ARRIVED_MS, 1)
    assert book.quarantine_entry(entry.id) == (entry, payload)
    assert list(book.quarantined(STREAM)) == [(2, 2)]
    assert list(book.stored(STREAM)) == [(1, 1)]


def test_a_message_that_nobody_can_read_is_kept_without_a_sender(book: Book) -> None:
    _commit(book, b"\xff\x00")
    (entry,) = book.quarantine_entries()
    assert (entry.reason, entry.sender, entry.stream, entry.seq) == ("not_json", None, None, None)
    assert book.streams() == []


def test_the_same_refusal_again_is_counted_not_kept_again(book: Book) -> None:
    _commit(book, envelope([oximetry(2, 0)]))
    again = _commit(book, envelope([oximetry(2, 0)], sent=T0_MS + 1), b"junk", arrived_ms=ARRIVED_MS + 5)
    assert again.quarantined == {"not_json": 1}
    assert _commit(book, b"junk", arrived_ms=ARRIVED_MS + 9).quarantined == {}
    junk, reading = book.quarantine_entries()
    assert (reading.times, reading.first_ms, reading.last_ms) == (2, ARRIVED_MS, ARRIVED_MS + 5)
    assert (junk.times, junk.last_ms) == (2, ARRIVED_MS + 9)
    assert book.counters()["quarantined.not_json"] == 1


def test_the_quarantine_keeps_the_newest_messages_and_counts_what_it_drops(book: Book) -> None:
    for number in range(5):
        _commit(book, envelope([oximetry(2 * number + 1, 0), oximetry(2 * number + 2, 0)]))
    assert [entry.seq for entry in book.quarantine_entries()] == [10, 9, 8, 7, 6, 5]
    assert book.counters()["quarantine_dropped"] == 4
    assert list(book.quarantined(STREAM)) == [(1, 10)], "what was dropped is still known to be quarantined"


def test_the_quarantine_is_bounded_in_bytes_too(book: Book) -> None:
    _commit(book, b"a" * 900)
    _commit(book, b"b" * 900)
    committed = _commit(book, b"c" * 900)
    assert committed.dropped == 1
    assert [book.quarantine_entry(entry.id)[1][:1] for entry in book.quarantine_entries()] == [b"c", b"b"]  # type: ignore[index]
    assert _commit(book, b"d" * 2001).dropped == 3, "a message larger than the bound cannot stay either"
    assert book.quarantine_entries() == []


def test_a_state_says_how_far_a_gateway_has_counted(book: Book) -> None:
    _commit(book, state(40), topic=STATE_TOPIC)
    _commit(book, state(7, presence="offline"), topic=STATE_TOPIC, arrived_ms=ARRIVED_MS + 1)
    assert book.streams() == [StreamEntry(STREAM, "clinic-01", 40)], "a last will is older than the birth"
    assert book.gateways() == [
        GatewayEntry("clinic-01", STREAM, "offline", T0_MS, "trusted", "0.1.0", None, ARRIVED_MS + 1)
    ]


def test_nothing_of_a_batch_is_entered_when_any_of_it_fails(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Book, "_enter_state", fail)
        messages = [
            understand(READINGS_TOPIC, envelope([oximetry(1)]), ARRIVED_MS),
            understand(STATE_TOPIC, state(1), ARRIVED_MS),
        ]
        with pytest.raises(Retryable, match="disk is full"):
            book.commit(settle(messages, WriteOutcome((), ())))
    assert not book.stored(STREAM)
    assert book.commit(settle(messages, WriteOutcome((), ()))).stored == 1


def test_a_busy_file_is_retryable(book: Book, path: Path) -> None:
    book._db.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="locked"):
            _commit(book, envelope([oximetry(1)]))
    assert _commit(book, envelope([oximetry(1)])).stored == 1


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_bytes(b"this is not a database, and long enough to be looked at" * 20)
    with pytest.raises(UserError, match=r"book\.sqlite cannot be opened"):
        Book(path)


def test_a_message_without_origin_or_refusal_only_counts(book: Book) -> None:
    committed = book.commit(settle([Message("t", b"", 1)], WriteOutcome((), ())))
    assert (committed.stored, committed.quarantined) == (0, {})
    assert book.counters() == {"messages": 1}
