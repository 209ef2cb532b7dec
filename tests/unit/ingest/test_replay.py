"""The quarantine's replay: after a fix everything is stored exactly once, and what is still bad stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from cunmai_ingest import assembly
from cunmai_ingest.book import Book
from cunmai_ingest.metrics import Metrics
from cunmai_ingest.pipeline import Pipeline
from cunmai_ingest.points import ReadingPoint
from cunmai_ingest.replay import Replayed, replay
from cunmai_ingest.stores.sqlite import SqliteStore
from cunmai_runtime.errors import Retryable
from cunmai_runtime.hold import Hold
from cunmai_runtime.intake import Delivery
from support.messages import READINGS_TOPIC, STATE_TOPIC, STREAM, T0_MS, envelope, oximetry, state

ARRIVED_MS = T0_MS + 60_000


class Rig:
    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "store.sqlite")
        self.book = Book(folder / "book.sqlite")
        hold = Hold("ingest", lambda _: True)
        self.pipeline = Pipeline(self, self.store, self.book, hold, Metrics(CollectorRegistry()))

    def publish(self, _topic: str, _payload: bytes) -> bool:
        return True

    def ack(self, _batch: Sequence[Delivery]) -> None:
        """Nothing to do."""

    def take(self, payload: bytes, topic: str = READINGS_TOPIC) -> None:
        self.pipeline.handle([Delivery(topic, payload, ARRIVED_MS, 1, 1)])

    def replay(self) -> list[Replayed]:
        return list(replay(self.book, self.store, self.book.quarantine_messages()))

    def stored(self) -> tuple[list[tuple[int, int]], int]:
        found = self.store.sequences(STREAM)
        return list(found.seqs), found.total

    def entries(self) -> list[tuple[str, int | None]]:
        return sorted((entry.reason, entry.seq) for entry in self.book.quarantine_entries())


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    with closing(made.store), closing(made.book):
        yield made


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A fault of ours: no reading of device `odd` gets through. `undo()` is the fix."""
    real = ReadingPoint

    def broken(frame: object, reading: object, *rest: object) -> object:
        if reading.device == "odd":  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return real(frame, reading, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(assembly, "ReadingPoint", broken)
    return monkeypatch


def test_after_a_fix_everything_is_stored_exactly_once(rig: Rig, fault: pytest.MonkeyPatch) -> None:
    rig.take(envelope([oximetry(1), oximetry(2, device="odd")]))
    assert rig.entries() == [("internal_error", 1), ("internal_error", 2)]
    assert [outcome.left for outcome in rig.replay()] == [2], "not mended yet: it stays"
    fault.undo()
    (outcome,) = rig.replay()
    assert (outcome.stored, outcome.left, outcome.still) == (2, 0, ())
    assert rig.stored() == ([(1, 2)], 2)
    assert list(rig.book.stored(STREAM)) == [(1, 2)]
    assert (rig.entries(), rig.replay()) == ([], [])
    rig.take(envelope([oximetry(1), oximetry(2, device="odd")]))
    assert rig.stored() == ([(1, 2)], 2)
    assert rig.book.counters()["stored"] == 2


def test_what_is_still_bad_stays_with_its_reason_of_today(rig: Rig, fault: pytest.MonkeyPatch) -> None:
    rig.take(envelope([oximetry(1, device="odd"), oximetry(2, kind="aura"), oximetry(3, spo2_pct=700)]))
    fault.undo()
    (outcome,) = rig.replay()
    assert (outcome.stored, outcome.left) == (1, 2)
    assert rig.entries() == [("bad_reading", 3), ("unknown_kind", 2)]
    assert rig.stored() == ([(1, 1)], 1)


def test_a_crash_between_store_and_book_leaves_it_to_be_replayed(
    rig: Rig, fault: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.take(envelope([oximetry(1, device="odd")]))
    fault.undo()

    class Crash(BaseException):
        """The process dies here."""

    def die(*_: object) -> int:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(rig.book, "replayed", die)
        with pytest.raises(Crash):
            rig.replay()
    assert rig.stored() == ([(1, 1)], 1)
    assert rig.entries() == [("internal_error", 1)]
    assert [outcome.stored for outcome in rig.replay()] == [1]
    assert (rig.stored(), rig.entries()) == (([(1, 1)], 1), [])


def test_an_outage_of_the_store_changes_nothing(rig: Rig, fault: pytest.MonkeyPatch) -> None:
    rig.take(envelope([oximetry(1, device="odd")]))
    fault.undo()

    def down(_: object) -> None:
        raise Retryable("down")

    fault.setattr(rig.store, "write", down)
    with pytest.raises(Retryable):
        rig.replay()
    assert rig.entries() == [("internal_error", 1)]


def test_a_state_of_then_says_nothing_about_now(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OverflowError("a fault that is mended later")

    with monkeypatch.context() as patched:
        patched.setattr(Book, "_enter_state", full)
        rig.take(state(3), STATE_TOPIC)
    rig.take(state(9), STATE_TOPIC)
    assert [outcome.left for outcome in rig.replay()] == [0]
    assert [(entry.measured, entry.stream) for entry in rig.book.streams()] == [(9, STREAM)]


def test_the_running_process_learns_of_a_correction_that_was_replayed(
    rig: Rig, fault: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rig.take(envelope([oximetry(1, resident="r-wrong")]))
    corrects = {"stream": STREAM, "seq": 1, "resident": "r-wrong"}
    rig.take(envelope([oximetry(2, T0_MS + 1000, device="odd", resident="r-right", corrects=corrects)]))
    fault.undo()
    with closing(Book(tmp_path / "book.sqlite")) as other:
        list(replay(other, rig.store, other.quarantine_messages()))
    rig.take(envelope([oximetry(1, resident="r-wrong", device="odd")]))
    assert rig.store.history("r-wrong", "oximetry", "spo2_pct", 0, ARRIVED_MS) == []
