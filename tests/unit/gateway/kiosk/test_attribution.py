"""Corrections: each measurement counts for at most one resident, each correction is made exactly once."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cunmai_gateway.kiosk.attribution import correction
from cunmai_gateway.kiosk.episodes import Episode
from cunmai_gateway.kiosk.memory import Memory
from cunmai_gateway.kiosk.store import Intent, KioskStore, StoreFault
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.readings import Draft, to_reading
from cunmai_gateway.spool import Spool
from cunmai_wire.base import ClockTrust
from support.kiosk import NOW_MS, Bench, counted_for, oximetry


class Crash(Exception):
    """The power fails here."""


class Machine:
    """One spool and one memory, which can lose their power at any step of an attribution."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.t_ms = NOW_MS
        self.start()

    def start(self) -> None:
        self.spool = Spool(self.folder / "spool.sqlite", created_ms=0)
        self.memory = Memory(self.folder / "kiosk.sqlite", lambda: self.t_ms)
        self.memory.open(self.spool)

    def stop(self) -> None:
        self.memory.close()
        self.spool.close()

    def draft(self, resident: str | None, measurement: Measurement | None = None) -> Draft:
        self.t_ms += 1000
        return to_reading(
            measurement or oximetry(90 + self.t_ms // 1000 % 9),
            device="oxi-1", resident=resident, t_ms=self.t_ms, clock=ClockTrust.TRUSTED,
        )  # fmt: skip

    def measure(self, *residents: str | None) -> None:
        self.memory.append(self.spool, [self.draft(resident) for resident in residents], not_stored={})

    def attribute(
        self, first: int, last: int, counts_for: str | None, resident: str | None
    ) -> tuple[int, ...]:
        episode = Episode(self.spool.stream, "oxi-1", "oximetry", counts_for, first, last, 0, 0, 0, {})
        done = self.memory.attribute(self.spool, episode, resident)
        return done.corrected, done.already, done.conflicting, done.lost

    def crash_at(self, point: str, counts_for: str | None, resident: str | None) -> None:
        """Attribute everything, and lose the power at a point of it; then start again."""
        store = self.memory._store
        assert store is not None
        where = {"intend": store, "append": self.spool, "conclude": store}[point.split("-", maxsplit=1)[0]]
        name, moment = point.split("-")
        real = getattr(where, name)

        def fails(*args: object) -> object:
            if moment == "after":
                real(*args)
            raise Crash

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, name, fails)
            patch.setattr(store, "discard", full_disk)  # a dead machine tidies nothing up
            with contextlib.suppress(Crash):
                self.attribute(1, self.spool.measured() or 1, counts_for, resident)
        self.stop()
        self.start()

    def readings(self) -> list[dict[str, object]]:
        return [json.loads(one.json()) for one in self.spool.held(0, 2**53 - 1, 10**6)]

    def kept(self) -> dict[tuple[int, int], str | None]:
        return {(one.t_ms, one.seq): one.resident for one in self.memory.newest(self.spool, 10**6)}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_unattributed_reading_is_attributed_by_a_reading_of_its_own(machine: Machine) -> None:
    machine.measure(None)
    assert machine.attribute(1, 1, None, "R-1") == (1, 0, 0, 0)
    earlier, corrected = machine.readings()
    assert corrected == earlier | {
        "seq": 2,
        "resident": "R-1",
        "corrects": {"stream": machine.spool.stream, "seq": 1},
    }


def test_a_wrong_one_is_put_right_and_names_whom_it_was_taken_from(machine: Machine) -> None:
    machine.measure("R-1")
    assert machine.attribute(1, 1, "R-1", "R-2") == (1, 0, 0, 0)
    assert machine.readings()[1]["corrects"] == {
        "stream": machine.spool.stream, "seq": 1, "resident": "R-1",
    }  # fmt: skip


def test_a_second_correction_corrects_the_first_one(machine: Machine) -> None:
    machine.measure(None)
    machine.attribute(1, 1, None, "R-1")
    machine.attribute(1, 1, "R-1", "R-2")
    machine.attribute(1, 1, "R-2", None)
    machine.attribute(1, 1, None, "R-1")
    chain = [(one["seq"], one["corrects"]["seq"]) for one in machine.readings()[1:]]  # type: ignore[index]
    assert chain == [(2, 1), (3, 2), (4, 3), (5, 4)]
    assert list(counted_for(machine.readings()).values()) == ["R-1"]


def test_asking_twice_changes_nothing(machine: Machine) -> None:
    machine.measure(None, None)
    assert machine.attribute(1, 2, None, "R-1") == (2, 0, 0, 0)
    assert machine.attribute(1, 2, None, "R-1") == (0, 2, 0, 0)
    machine.stop()
    machine.start()
    assert machine.attribute(1, 2, None, "R-1") == (0, 2, 0, 0)
    assert machine.spool.measured() == 4


def test_what_somebody_else_has_changed_meanwhile_is_left_alone(machine: Machine) -> None:
    machine.measure(None)
    machine.attribute(1, 1, None, "R-1")
    assert machine.attribute(1, 1, None, "R-2") == (0, 0, 1, 0)
    assert list(counted_for(machine.readings()).values()) == ["R-1"]


def test_only_the_chosen_ones_are_touched(machine: Machine) -> None:
    machine.measure(None, None, None)
    assert machine.attribute(2, 2, None, "R-1") == (1, 0, 0, 0)
    assert list(counted_for(machine.readings()).values()) == [None, "R-1", None]


def test_the_clinics_own_status_can_be_attributed_to_nobody(machine: Machine) -> None:
    status = machine.draft(None, Measurement("site_status", {"waiting_count": 3}))
    machine.memory.append(machine.spool, [status], not_stored={})
    assert machine.attribute(1, 1, None, "R-1") == (0, 0, 0, 0)
    assert machine.kept() == {}


def test_a_correction_never_carries_a_personal_number(machine: Machine) -> None:
    machine.measure(None)
    (kept,) = machine.memory.newest(machine.spool, 1)
    with pytest.raises(ValueError, match="looks like a phone or identity number"):
        correction(kept, "13800000001")


def test_a_draft_that_the_spool_had_before_is_not_remembered_twice(machine: Machine) -> None:
    exam = Measurement("oximetry", oximetry(97).values, once_keys=("record:1", "record:1b"))
    other = Measurement("oximetry", oximetry(96).values, once_keys=("record:1",))
    drafts = [machine.draft(None, one) for one in (exam, other, exam, oximetry(95))]
    machine.memory.append(machine.spool, drafts, not_stored={})
    assert [seq for _, seq in machine.kept()] == [1, 2]
    assert machine.spool.measured() == 2


def full_disk(*_: object) -> None:
    raise StoreFault(sqlite3.OperationalError("database or disk is full"))


def test_what_was_appended_when_the_kiosks_file_failed_is_caught_up(machine: Machine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KioskStore, "keep", full_disk)
        machine.measure(None, None)
    assert machine.kept() == {}
    assert machine.spool.measured() == 2
    machine.measure(None)
    assert [seq for _, seq in machine.kept()] == [1, 2, 3]
    assert [fresh.seq for _, fresh in machine.memory.news] == [1, 2, 3]


def test_a_spool_that_fails_behind_an_append_does_not_undo_it(machine: Machine) -> None:
    machine.measure(None)
    store = machine.memory._store
    assert store is not None
    (kept,) = store.newest(1)
    store.intend([Intent(kept, "R-1", machine.spool.stream, 2)])
    machine.memory.close()
    real, calls = machine.spool.append, []

    def full_at_the_second(*args: object, **more: object) -> list[int]:
        calls.append(args)
        if len(calls) == 2:
            raise sqlite3.OperationalError("database or disk is full")
        return real(*args, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine.spool, "append", full_at_the_second)
        machine.measure(None)
    assert (len(calls), machine.spool.measured()) == (2, 2)
    machine.measure(None)
    assert counted_for(machine.readings()) == machine.kept()


def test_a_damaged_file_is_set_aside_and_what_the_spool_holds_is_known_again(machine: Machine) -> None:
    machine.measure(None, None)
    machine.attribute(1, 1, None, "R-1")
    machine.stop()
    path = machine.folder / "kiosk.sqlite"
    path.write_bytes(b"not a database" * 100)
    machine.start()
    assert [seq for _, seq in machine.kept()] == [1, 2]
    assert len(list(machine.folder.glob("kiosk.sqlite.damaged-*"))) == 1
    # It is no longer known here for whom the first one counts: it is left alone, and the other is not.
    assert machine.attribute(1, 2, None, "R-2") == (1, 0, 0, 1)
    assert sorted(counted_for(machine.readings()).values(), key=str) == ["R-1", "R-2"]


def test_old_ones_go_first_and_attributed_ones_before_the_others(machine: Machine) -> None:
    machine.measure(None, "R-1", "R-1", None)
    assert machine.memory.forget(machine.spool, before_ms=0, most=3) == 1
    assert [seq for _, seq in machine.kept()] == [1, 3, 4]
    assert machine.memory.forget(machine.spool, before_ms=0, most=1) == 2
    assert [seq for _, seq in machine.kept()] == [4]
    assert machine.memory.forget(machine.spool, before_ms=machine.t_ms + 1, most=10) == 1


def test_a_failing_disk_leaves_nothing_to_be_done_behind_anyones_back(machine: Machine) -> None:
    machine.measure(None)

    def full(*_: object) -> None:
        raise OSError("disk full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine.spool, "append", full)
        with pytest.raises(OSError, match="disk full"):
            machine.attribute(1, 1, None, "R-1")
    machine.stop()
    machine.start()
    assert list(machine.kept().values()) == [None]
    assert machine.attribute(1, 1, None, "R-2") == (1, 0, 0, 0)


def test_what_the_kiosks_file_did_not_take_is_concluded_before_anything_else(machine: Machine) -> None:
    machine.measure(None)
    store = machine.memory._store
    assert store is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "conclude", full_disk)
        with pytest.raises(StoreFault):
            machine.attribute(1, 1, None, "R-1")
    assert machine.attribute(1, 1, None, "R-2") == (0, 0, 1, 0), "it counts for R-1 by now"
    assert list(machine.kept().values()) == ["R-1"]
    assert machine.attribute(1, 1, "R-1", "R-2") == (1, 0, 0, 0)
    assert counted_for(machine.readings()) == machine.kept()


POINTS = [f"{step}-{moment}" for step in ("intend", "append", "conclude") for moment in ("before", "after")]


@pytest.mark.parametrize("point", POINTS)
def test_a_power_cut_at_any_step_leaves_each_correction_made_once_or_not_begun(
    machine: Machine, point: str
) -> None:
    machine.measure(None, None, "R-9")
    machine.crash_at(point, None, "R-1")
    expected = [None, None] if point == "intend-before" else ["R-1", "R-1"]
    assert list(machine.kept().values()) == [*expected, "R-9"]
    assert counted_for(machine.readings()) == machine.kept()


residents = st.sampled_from([None, "R-1", "R-2", "R-3"])
operations = st.one_of(
    st.tuples(st.just("measure"), st.lists(residents, min_size=1, max_size=4), st.just(None), st.just(None)),
    st.tuples(st.just("attribute"), st.tuples(st.integers(1, 12), st.integers(1, 12)), residents, residents),
    st.tuples(st.just("crash"), st.sampled_from(POINTS), residents, residents),
    st.tuples(st.just("restart"), st.none(), st.none(), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(operations, max_size=12))
def test_whatever_happens_store_and_spool_agree_for_whom_each_measurement_counts(
    story: list[tuple[str, object, str | None, str | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        try:
            for what, more, counts_for, resident in story:
                match what, more:
                    case "measure", list(whose):
                        machine.measure(*whose)
                    case "attribute", (int(first), int(last)):
                        machine.attribute(first, last, counts_for, resident)
                    case "crash", str(point):
                        machine.crash_at(point, counts_for, resident)
                    case _:
                        machine.stop()
                        machine.start()
                assert counted_for(machine.readings()) == machine.kept()
        finally:
            machine.stop()


# -- in the gateway's way ------------------------------------------------------------------------------


def test_the_resident_of_a_reading(bench: Bench) -> None:
    bench.check_in("R-1")
    began_ms = bench.now_ms
    bench.now_ms += 5_000

    def who(device: str, t_ms: int) -> str | None:
        assigned = bench.assigned[device]
        return bench.call(lambda: bench.kiosk.resident_of(device, assigned, t_ms))

    assert who("oxi-home", bench.now_ms) == "R-HOME"
    assert who("oxi-1", bench.now_ms) == "R-1"
    assert who("oxi-1", began_ms - 1) is None


def test_a_device_that_does_not_stand_at_the_kiosk_is_nobodys(tmp_path: Path) -> None:
    bench = Bench(tmp_path, assigned={"oxi-1": None, "oxi-2": None}, devices=("oxi-1",))
    try:
        bench.check_in("R-1")
        now_ms = bench.now_ms
        who = bench.call(lambda: [bench.kiosk.resident_of(id_, None, now_ms) for id_ in ("oxi-1", "oxi-2")])
        assert who == ["R-1", None]
    finally:
        bench.end()


def test_delivery_is_told_by_the_receipts(bench: Bench) -> None:
    bench.measure(oximetry(97))
    bench.check_in("R-1")
    bench.series(97, 96)
    assert bench.state()["mine"] == {"kept": 2, "waiting": 2, "delivery": "uploading"}
    bench.up = False
    state = bench.state()
    assert (state["mine"]["delivery"], state["all"]["waiting"]) == ("saved", 3)
    bench.use(lambda spool: spool.receipt("ingest", [(1, 3)]))
    assert bench.state()["mine"]["waiting"] == 2
    bench.use(lambda spool: spool.receipt("rules", [(1, 2)]))
    assert bench.state()["mine"] == {"kept": 2, "waiting": 1, "delivery": "saved"}
    bench.receipt_all()
    assert bench.state()["mine"] == {"kept": 2, "waiting": 0, "delivery": "uploaded"}
    bench.fault = "disk full"
    assert bench.state()["mine"]["delivery"] == "not_kept"


def test_corrections_are_handed_to_the_uplink_and_survive_a_restart(bench: Bench) -> None:
    bench.series(97, 96)
    (episode,) = bench.run(bench.kiosk.recent())
    assert (episode.first_seq, episode.last_seq, episode.count, episode.spans["spo2_pct"]) == (
        1,
        2,
        2,
        (96, 97),
    )
    assert bench.run(bench.kiosk.attribute(episode, "R-1")).corrected == 2
    assert bench.sent == [(bench.stream, 4)]
    bench.close()
    bench.open()
    (episode,) = bench.run(bench.kiosk.recent())
    assert episode.resident == "R-1"


def test_nothing_is_called_uploaded_before_it_was_counted(bench: Bench) -> None:
    assert bench.call(bench.kiosk.state)["all"]["delivery"] == "unknown"
    assert bench.state()["all"]["delivery"] == "uploaded"
    bench.check_in("R-1")
    bench.series(97)
    state = bench.call(bench.kiosk.state)
    assert (state["all"]["delivery"], state["all"]["waiting"], state["mine"]["waiting"]) == (
        "uploading",
        1,
        1,
    )
    bench.run(bench.kiosk.refresh())
    assert bench.call(bench.kiosk.state)["all"]["waiting"] == 1


def test_what_waits_for_a_resident_is_counted_in_episodes(bench: Bench) -> None:
    bench.series(97, 97, 97)
    bench.series(96, 96, device="bp-1")
    bench.now_ms += 60_000
    bench.series(95)
    bench.check_in("R-1")
    bench.series(94)
    assert bench.state()["unattributed"] == 3
    assert sum(one.resident is None for one in bench.run(bench.kiosk.recent())) == 3
