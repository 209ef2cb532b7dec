"""A fault of ours on one message: that message is set aside with its traceback logged, and nothing else stops."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from cunmai_ingest import pipeline as pipeline_module
from cunmai_ingest.book import Book
from cunmai_ingest.messages import Read, read_message
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.pipeline import Pipeline
from cunmai_ingest.points import Storable
from cunmai_ingest.poison import poison
from cunmai_ingest.stores.base import WriteOutcome
from cunmai_ingest.stores.sqlite import SqliteStore
from cunmai_runtime.errors import UserError
from cunmai_runtime.hold import Hold
from cunmai_runtime.intake import Delivery
from support.messages import (
    EVENT_STREAM,
    EVENTS_TOPIC,
    GATEWAY,
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


class FragileStore(SqliteStore):
    """Has a bug: number 13."""

    def write(self, points: Sequence[Storable]) -> WriteOutcome:
        if any(point.seq == 13 for point in points):
            raise ZeroDivisionError("thirteen")
        return super().write(points)


class Rig:
    def __init__(self, folder: Path) -> None:
        self.store = FragileStore(folder / "store.sqlite")
        self.book = Book(folder / "book.sqlite")
        self.registry = CollectorRegistry()
        self.acked: list[int] = []
        self.receipts: list[dict[str, Any]] = []
        hold = Hold("ingest", lambda _: True)
        self.pipeline = Pipeline(self, self.store, self.book, hold, Metrics(self.registry))

    def publish(self, _topic: str, payload: bytes) -> bool:
        self.receipts.append(json.loads(payload))
        return True

    def ack(self, batch: Sequence[Delivery]) -> None:
        self.acked += [item.mid for item in batch]

    def take(self, *messages: tuple[str, bytes]) -> None:
        self.pipeline.handle(
            [Delivery(topic, payload, ARRIVED_MS, mid, 1) for mid, (topic, payload) in enumerate(messages, 1)]
        )

    def reasons(self) -> set[tuple[str, int | None]]:
        return {(entry.reason, entry.seq) for entry in self.book.quarantine_entries()}

    def stored(self) -> list[tuple[int, int]]:
        return list(self.store.sequences(STREAM).seqs)

    def internal_errors(self) -> float | None:
        return self.registry.get_sample_value("cunmai_ingest_internal_errors_total")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    with closing(made.store), closing(made.book):
        yield made


def _readings(*seqs: int) -> tuple[str, bytes]:
    return READINGS_TOPIC, envelope([oximetry(seq) for seq in seqs])


def test_the_message_is_set_aside_and_the_others_are_stored(rig: Rig) -> None:
    with structlog.testing.capture_logs() as logs:
        rig.take(_readings(1, 2), _readings(12, 13), _readings(3), (EVENTS_TOPIC, events([opened(1)])))
    assert rig.stored() == [(1, 3)]
    assert rig.reasons() == {("internal_error", 12), ("internal_error", 13)}
    assert rig.acked == [1, 2, 3, 4]
    assert rig.internal_errors() == 1
    (failure,) = [entry for entry in logs if entry["event"] == "ingest.internal_error"]
    assert (failure["topic"], failure["exc_info"], failure["log_level"]) == (READINGS_TOPIC, True, "error")
    receipt = next(receipt for receipt in rig.receipts if receipt["quarantined"])
    assert (receipt["stream"], receipt["ranges"], receipt["quarantined"]) == (STREAM, [[12, 13]], [[12, 13]])


def test_the_message_is_kept_whole_and_says_what_failed(rig: Rig) -> None:
    topic, payload = _readings(13)
    rig.take((topic, payload))
    (entry,) = rig.book.quarantine_entries()
    assert (entry.sender, entry.detail) == (GATEWAY, "a fault of ours: ZeroDivisionError: thirteen")
    found = rig.book.quarantine_entry(entry.id)
    assert found is not None
    assert found[1] == payload


def test_a_number_that_no_table_can_hold(rig: Rig) -> None:
    """SQLite's integers end at 64 bits: the contract refuses what lies beyond, by name."""
    rig.take((STATE_TOPIC, state(5, configuration_version=2**70)), _readings(1))
    assert rig.stored() == [(1, 1)]
    (entry,) = rig.book.quarantine_entries()
    assert (entry.reason, entry.seq) == ("bad_header", None)
    assert "configuration_version" in entry.detail


def test_a_fault_in_reading_a_message(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(topic: str, payload: bytes, arrived_ms: int) -> Read:
        if b'"seq": 7,' in payload:
            raise RecursionError
        return read_message(topic, payload, arrived_ms)

    monkeypatch.setattr(pipeline_module, "read_message", read)
    rig.take(_readings(6), _readings(7), _readings(8))
    assert rig.stored() == [(6, 6), (8, 8)]
    assert rig.reasons() == {("internal_error", 7)}


def test_where_not_even_the_quarantine_takes_it_the_rest_still_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr("cunmai_ingest.quarantine.keep", fail)
    with structlog.testing.capture_logs() as logs:
        rig.take(_readings(1), _readings(13), _readings(2))
    assert "ingest.cannot_set_aside" in {entry["event"] for entry in logs}
    assert rig.acked[-1] == 3, "it is not delivered for ever"
    assert all(13 not in range(first, last + 1) for entry in rig.receipts for first, last in entry["ranges"])


def test_a_damaged_file_still_ends_the_process(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise UserError("damaged")

    monkeypatch.setattr(rig.book, "commit", fail)
    with pytest.raises(UserError):
        rig.take(_readings(1))
    assert rig.acked == []


@pytest.mark.parametrize(
    ("topic", "payload", "numbers"),
    [
        (*_readings(4, 5), [4, 5]),
        (EVENTS_TOPIC, events([opened(3)]), [3]),
        (READINGS_TOPIC, b"[" * 100_000, [None]),
        (READINGS_TOPIC, b"\xff", [None]),
        (READINGS_TOPIC, b"3", [None]),
        (READINGS_TOPIC, b'{"readings": 3}', [None]),
        (READINGS_TOPIC, envelope([{"seq": True}, {"seq": -1}, {"seq": 2**60}, {"seq": 9}]), [9]),
        (READINGS_TOPIC, envelope([oximetry(1)], gateway="clinic-02"), [None]),
        ("x", envelope([oximetry(1)]), [None]),
        (EVENTS_TOPIC, events([opened(1)], source="a/#"), [None]),
        (EVENTS_TOPIC, events([opened(1)], stream="s"), [None]),
    ],
)
def test_numbers_are_named_as_far_as_they_can_be_read(
    topic: str, payload: bytes, numbers: list[int | None]
) -> None:
    settled = poison(topic, payload, ARRIVED_MS, ValueError())
    assert [refused.seq for refused in settled.refused] == numbers
    origin = settled.message.origin
    assert (origin is None) == (numbers == [None])
    if origin is not None:
        assert origin.stream in (STREAM, EVENT_STREAM)
