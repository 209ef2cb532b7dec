"""The loop's body with a real store and a real book; only the broker is a list that remembers."""

from __future__ import annotations

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
from cunmai_ingest.points import Storable
from cunmai_ingest.settle import Committed, Settled
from cunmai_ingest.stores.base import WriteOutcome
from cunmai_ingest.stores.sqlite import SqliteStore
from cunmai_runtime.errors import Retryable
from cunmai_runtime.hold import Hold, Stopped
from cunmai_runtime.intake import Delivery
from cunmai_runtime.outgoing import Outgoing
from support.messages import READINGS_TOPIC, STATE_TOPIC, STREAM, T0_MS, envelope, oximetry, state


class Recorder:
    """Writes down, in order, everything that leaves or is committed."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.link_up = True

    def publish(self, _topic: str, payload: bytes) -> bool:
        if self.link_up:
            self.events.append(("receipt", json.loads(payload)["ranges"]))
        return self.link_up

    def ack(self, batch: Sequence[Delivery]) -> None:
        self.events.append(("ack", [delivery.mid for delivery in batch]))


class RecordedStore(SqliteStore):
    def __init__(self, path: Path, recorder: Recorder) -> None:
        super().__init__(path)
        self._recorder = recorder
        self.failures: list[str] = []

    def write(self, points: Sequence[Storable]) -> WriteOutcome:
        if self.failures:
            raise Retryable(self.failures.pop(0))
        outcome = super().write(points)
        self._recorder.events.append(("store", [point.seq for point in points]))
        return outcome


class Crash(BaseException):
    """The process dies here."""


class RecordedBook(Book):
    def __init__(self, path: Path, recorder: Recorder) -> None:
        super().__init__(path)
        self._recorder = recorder
        self.crash_next = False

    def commit(self, settled: Sequence[Settled]) -> Committed:
        if self.crash_next:
            self.crash_next = False
            raise Crash
        committed = super().commit(settled)
        self._recorder.events.append(("book", committed.stored))
        return committed


class Parts:
    def __init__(self, folder: Path) -> None:
        self.recorder = Recorder()
        self.store = RecordedStore(folder / "store.sqlite", self.recorder)
        self.book = RecordedBook(folder / "book.sqlite", self.recorder)
        self.registry = CollectorRegistry()
        self.stop = False
        metrics = Metrics(self.registry)
        hold = Hold("ingest", lambda _: self.stop, on_retry=metrics.retried)
        self.pipeline = Pipeline(self.recorder, self.store, self.book, hold, metrics)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"cunmai_ingest_{name}_total", labels)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path)
    with closing(made.store), closing(made.book):
        yield made


def _deliveries(*payloads: bytes, topic: str = READINGS_TOPIC) -> list[Delivery]:
    return [Delivery(topic, payload, T0_MS + 60_000, mid, 1) for mid, payload in enumerate(payloads, 1)]


def test_store_then_book_then_receipts_then_acknowledgement(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([oximetry(1), oximetry(2)]), envelope([oximetry(3)])))
    assert parts.recorder.events == [
        ("store", [1, 2, 3]),
        ("book", 3),
        ("receipt", [[1, 3]]),
        ("ack", [1, 2]),
    ]


def test_while_the_store_is_down_nothing_is_receipted_or_acknowledged(parts: Parts) -> None:
    parts.store.failures = ["down"]
    parts.stop = True
    with pytest.raises(Stopped):
        parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    assert parts.recorder.events == []
    assert not parts.book.stored(STREAM)


def test_the_batch_is_stored_once_the_store_is_back(parts: Parts) -> None:
    parts.store.failures = ["down", "down", "starting"]
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    assert [what for what, _ in parts.recorder.events] == ["store", "book", "receipt", "ack"]
    assert parts.metric("retries") == 3


def test_a_crash_between_store_and_book_is_healed_by_redelivery(parts: Parts) -> None:
    batch = _deliveries(envelope([oximetry(1), oximetry(2)]))
    parts.book.crash_next = True
    with pytest.raises(Crash):
        parts.pipeline.handle(batch)
    assert parts.recorder.events == [("store", [1, 2])], "nothing was receipted"
    parts.pipeline.handle(batch)
    stored = parts.store.sequences(STREAM)
    assert (stored.distinct, stored.total) == (2, 2)
    assert parts.recorder.events[-2:] == [("receipt", [[1, 2]]), ("ack", [1])]


def test_what_is_held_already_is_receipted_again(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    assert [event for event in parts.recorder.events if event[0] == "receipt"] == [("receipt", [[1, 1]])] * 2
    assert (parts.metric("stored"), parts.metric("duplicates")) == (1, 1)


def test_receipts_wait_for_the_link_and_nothing_else_does(parts: Parts) -> None:
    parts.recorder.link_up = False
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    parts.pipeline.handle(_deliveries(envelope([oximetry(2)])))
    parts.pipeline.idle()
    assert [what for what, _ in parts.recorder.events] == ["store", "book", "ack"] * 2
    parts.recorder.link_up = True
    parts.pipeline.idle()
    assert parts.recorder.events[-2:] == [("receipt", [[1, 1]]), ("receipt", [[2, 2]])]
    assert (parts.metric("receipts", sent="yes"), parts.metric("receipts", sent="no")) == (2, None)


def test_waiting_receipts_go_out_in_order_before_new_ones(parts: Parts) -> None:
    parts.recorder.link_up = False
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    parts.recorder.link_up = True
    parts.pipeline.handle(_deliveries(envelope([oximetry(2)])))
    sent = [ranges for what, ranges in parts.recorder.events if what == "receipt"]
    assert sent == [[[1, 1]], [[2, 2]]]


def test_receipts_that_wait_are_bounded_and_what_falls_out_is_counted() -> None:
    sent: list[bytes] = []
    metrics = Metrics(CollectorRegistry())
    links = iter([False] * 5)

    def publish(_topic: str, payload: bytes) -> bool:
        if next(links, True):
            sent.append(payload)
            return True
        return False

    outgoing = Outgoing(publish, on_outcome=lambda sent: metrics.receipt(sent=sent), most=3)
    for number in range(5):
        outgoing.send([("t", b"%d" % number)])
    assert sent == []
    outgoing.flush()
    assert sent == [b"2", b"3", b"4"]
    dropped = metrics.registry.get_sample_value("cunmai_ingest_receipts_total", {"sent": "no"})
    assert dropped == 2


def test_bad_input_between_good_is_set_aside_receipted_and_counted(parts: Parts) -> None:
    parts.pipeline.handle(
        _deliveries(envelope([oximetry(1)]), b"junk", envelope([oximetry(2, 0), oximetry(3)]))
    )
    assert parts.store.sequences(STREAM).seqs.count() == 2
    assert parts.recorder.events[-2:] == [("receipt", [[1, 3]]), ("ack", [1, 2, 3])]
    assert parts.metric("quarantined", reason="implausible_time") == 1
    assert parts.metric("quarantined", reason="not_json") == 1
    assert parts.metric("messages") == 3


def test_a_state_is_acknowledged_and_not_receipted(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(state(12), topic=STATE_TOPIC))
    assert [what for what, _ in parts.recorder.events] == ["store", "book", "ack"]
    assert parts.book.streams()[0].measured == 12


FOREIGN_TOPIC = "cunmai/v1/54/clinic-02/readings"
"""crc32(b"clinic-02") mod 64 is 54."""


def _spo2_pcts(parts: Parts) -> list[object]:
    found = parts.store.history("r-1001", "oximetry", "spo2_pct", T0_MS, T0_MS + 60_000)
    return [value for _, value in found]


def test_another_reading_under_a_number_that_is_stored_does_not_take_its_place(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([oximetry(1), oximetry(2)])))
    parts.pipeline.handle(_deliveries(envelope([oximetry(2, spo2_pct=80.0), oximetry(3)])))
    assert _spo2_pcts(parts) == [97.0, 97.0, 97.0]
    assert parts.recorder.events[-4:] == [("store", [3]), ("book", 1), ("receipt", [[2, 3]]), ("ack", [1])]


def test_a_stream_belongs_to_who_sent_it_first(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    foreign = envelope([oximetry(1, spo2_pct=60.0), oximetry(2, spo2_pct=60.0)], gateway="clinic-02")
    parts.pipeline.handle(_deliveries(foreign, topic=FOREIGN_TOPIC))
    assert parts.recorder.events[-3:] == [("store", []), ("book", 0), ("ack", [1])], "not receipted"
    assert parts.metric("quarantined", reason="wrong_sender") == 1
    parts.pipeline.handle(_deliveries(envelope([oximetry(2)])))
    assert _spo2_pcts(parts) == [97.0, 97.0]


def test_a_foreign_state_says_nothing_of_a_stream(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    topic = FOREIGN_TOPIC.replace("readings", "state")
    parts.pipeline.handle(_deliveries(state(999, gateway="clinic-02"), topic=topic))
    assert [(entry.sender, entry.measured) for entry in parts.book.streams()] == [("clinic-01", 0)]
    assert parts.metric("quarantined", reason="wrong_sender") == 1


def _correcting(seq: int, **changes: Any) -> dict[str, Any]:
    corrects = {"stream": STREAM, "seq": seq, "resident": "r-1001"}
    return oximetry(9, T0_MS + 1000 * seq, resident="r-2002", corrects=corrects, **changes)


def test_a_gateway_corrects_no_other_gateways_reading(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    own = "00000000-0000-0000-0000-000000000002"
    foreign = envelope([_correcting(1)], gateway="clinic-02", stream=own)
    parts.pipeline.handle(_deliveries(foreign, topic=FOREIGN_TOPIC))
    assert parts.metric("quarantined", reason="bad_reading") == 1
    assert _spo2_pcts(parts) == [97.0]


def test_a_refused_correction_hides_nothing(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([_correcting(1) | {"t": 1000}])))
    assert parts.metric("quarantined", reason="implausible_time") == 1
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    assert _spo2_pcts(parts) == [97.0]


def test_a_correction_that_comes_first_still_hides_what_it_corrects(parts: Parts) -> None:
    parts.pipeline.handle(_deliveries(envelope([_correcting(1)])))
    parts.pipeline.handle(_deliveries(envelope([oximetry(1)])))
    assert _spo2_pcts(parts) == []
