"""Damaged spool files: set aside whole, salvaged, a new stream begun; and torn ones that are not damaged."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Receipted, Spool
from cunmai_gateway.spool_damage import KEEP_ASIDE, find_fault, open_spool, replace_damaged
from cunmai_gateway.walcheck import wal_fault

NOW_MS = 1_790_000_000_000
PAGE = 4096
FRAME = 24 + PAGE


def draft(number: int, *once_keys: str) -> Draft:
    return Draft("oximetry", 1000 + number, b'{"t":%d,"pad":"%s"}' % (number, b"x" * 200), once_keys)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def fill(path: Path, readings: int) -> str:
    """A closed spool of many pages; its stream."""
    with closing(Spool(path, created_ms=1)) as spool:
        spool.append([draft(number, f"exam:{number}") for number in range(readings)])
        spool.receipt("ingest", [(1, 10)])
        spool.obeyed("c-1")
        return spool.stream


def leave_open(path: Path, appends: int) -> Spool:
    """A spool whose commits are in the log: copy its files while it is open, as a power cut leaves them."""
    spool = Spool(path, created_ms=1)
    for number in range(appends):
        spool.append([draft(number)])
    return spool


def copy(path: Path, to: Path) -> Path:
    to.mkdir()
    for name in (path.name, wal_of(path).name):
        shutil.copy(path.with_name(name), to / name)
    return to / path.name


def salvaged(spool: Spool) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    while batch := spool.salvaged(found[-1] if found else ("", 0), 1000):
        found += [(batch.stream, reading.seq) for reading in batch.readings]
    return found


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def test_a_whole_file_is_opened_as_it_is(path: Path) -> None:
    stream = fill(path, 50)
    with closing(open_spool(path, created_ms=NOW_MS)) as spool:
        assert (spool.stream, spool.pending()) == (stream, 50)
    assert list(path.parent.glob("*damaged*")) == []


def test_a_spoilt_page_costs_only_what_was_on_it(path: Path) -> None:
    old = fill(path, 500)
    pages = path.stat().st_size // PAGE
    with closing(sqlite3.connect(path)) as db:
        (middle,) = db.execute("SELECT seq FROM reading WHERE seq = 250").fetchone()
        assert middle == 250
    raw = path.read_bytes()
    page = next(n for n in range(pages) if b'"t":249,' in raw[n * PAGE : (n + 1) * PAGE])
    overwrite(path, page * PAGE, bytes(PAGE))
    with closing(open_spool(path, created_ms=NOW_MS)) as spool:
        assert spool.stream != old
        kept = salvaged(spool)
        assert 450 < len(kept) < 500
        assert {stream for stream, _ in kept} == {old}
        assert kept[0] == (old, 1)
        assert kept[-1] == (old, 500)
        assert (old, 250) not in kept
        assert spool.has_once("exam:0")
        assert spool.was_obeyed("c-1")
        assert [(loss.stream, loss.day, loss.reason, loss.count) for loss in spool.losses()] == [
            (old, "2026-09-21", "damaged", 0)
        ]
        assert spool.append([draft(1)]) == [1]
    aside = path.with_name("spool.sqlite.damaged-20260921T141320Z")
    assert aside.read_bytes()[:16] == b"SQLite format 3\0"
    assert aside.stat().st_size == pages * PAGE


def test_salvaged_readings_keep_their_receipts_and_are_let_go_by_their_own_stream(path: Path) -> None:
    old = fill(path, 20)
    with closing(replace_damaged(path, "said so", now_ms=NOW_MS)) as spool:
        assert spool.pending() == 20
        assert spool.receipt("rules", [(1, 20)]) == 0, "those are of another stream"
        assert spool.receipt_all([Receipted("rules", old, [(1, 12)])]) == 10
        assert spool.receipt_all([Receipted("ingest", old, [(1, 20)])]) == 2
        assert spool.pending() == 8
        assert salvaged(spool)[0] == (old, 13)


def test_a_spoilt_header_is_set_aside_and_said_to_be_lost(path: Path) -> None:
    fill(path, 50)
    overwrite(path, 0, b"\xff" * 100)
    with closing(open_spool(path, created_ms=NOW_MS)) as spool:
        assert spool.pending() == 0
        assert [(loss.stream, loss.reason) for loss in spool.losses()] == [(spool.stream, "damaged")]
    assert path.with_name("spool.sqlite.damaged-20260921T141320Z").read_bytes()[:100] == b"\xff" * 100


def test_damage_found_again_salvages_what_was_salvaged_before(path: Path) -> None:
    first = fill(path, 20)
    second = replace_damaged(path, "once", now_ms=NOW_MS)
    second.append([draft(1), draft(2)])
    second.close()
    with closing(replace_damaged(path, "twice", now_ms=NOW_MS)) as third:
        expected = {(first, n) for n in range(1, 21)} | {(second.stream, 1), (second.stream, 2)}
        assert set(salvaged(third)) == expected
        assert {loss.stream for loss in third.losses()} == {first, second.stream}


@pytest.mark.parametrize("step", ["marker", "renamed", "built", "done"])
def test_cut_off_in_the_middle_it_is_resumed(path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fill(path, 30)

    class Cut(Exception):
        pass

    def cut(*_: object, **__: object) -> None:
        raise Cut

    point = {
        "marker": "_rename_aside",
        "renamed": "_salvage",
        "built": "_put_in_place",
        "done": "_forget_oldest",
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(f"cunmai_gateway.spool_damage.{point}", cut)
        with pytest.raises(Cut):
            replace_damaged(path, "said so", now_ms=NOW_MS)
    with closing(open_spool(path, created_ms=NOW_MS + 1)) as spool:
        assert spool.stream != old
        assert salvaged(spool) == [(old, n) for n in range(1, 31)]
        assert spool.append([draft(1)]) == [1]
        stream = spool.stream
    with closing(open_spool(path, created_ms=NOW_MS + 2)) as spool:
        assert spool.stream == stream
    assert len([p for p in path.parent.glob("*.damaged-*") if not p.name.endswith(("-wal", "-shm"))]) == 1


def test_only_the_newest_damaged_files_are_kept(path: Path) -> None:
    fill(path, 3)
    for times in range(KEEP_ASIDE + 2):
        replace_damaged(path, "again", now_ms=NOW_MS + times * 1000).close()
    kept = [p.name for p in path.parent.glob("*.damaged-*") if not p.name.endswith(("-wal", "-shm"))]
    assert sorted(kept) == [f"spool.sqlite.damaged-20260921T1413{second}Z" for second in (22, 23, 24)]


# -- the write-ahead log ------------------------------------------------------------------------------


def test_a_log_cut_anywhere_in_its_last_commit_is_not_damaged(path: Path, tmp_path: Path) -> None:
    with closing(leave_open(path, 6)) as spool:
        before = wal_of(path).stat().st_size
        spool.append([draft(100)])
        whole = wal_of(path).read_bytes()
    for cut in range(before, len(whole), 301):
        assert wal_fault(whole[:cut]) is None, cut
        torn = whole[:cut] + bytes(len(whole) - cut)
        assert wal_fault(torn) is None, cut


def test_a_bad_frame_before_confirmed_commits_is_damage(path: Path, tmp_path: Path) -> None:
    """SQLite itself would drop them without a word, and give their numbers out again."""
    with closing(leave_open(path, 8)) as spool:
        there = copy(path, tmp_path / "copy")
        old = spool.stream
    wal = wal_of(there).read_bytes()
    assert wal_fault(wal) is None
    frame = (len(wal) - 32) // FRAME // 2
    overwrite(wal_of(there), 32 + frame * FRAME + 24 + 100, b"\x55")
    assert find_fault(there) == (
        f"the write-ahead log is damaged in frame {frame + 1}, before commits that were confirmed"
    )
    with closing(open_spool(there, created_ms=NOW_MS)) as spool:
        assert spool.stream != old
        kept = [seq for _, seq in salvaged(spool)]
        assert kept == list(range(1, len(kept) + 1))
        assert 0 < len(kept) < 8


def test_a_spoilt_log_header_is_damage(path: Path, tmp_path: Path) -> None:
    with closing(leave_open(path, 3)):
        there = copy(path, tmp_path / "copy")
    overwrite(wal_of(there), 20, b"\x55\x55")
    assert find_fault(there) == "the write-ahead log's header is damaged"


def test_a_log_with_an_older_generation_behind_the_new_one_is_whole(path: Path) -> None:
    with closing(leave_open(path, 20)) as spool:
        spool._db.execute("PRAGMA wal_checkpoint(RESTART)")
        spool.append([draft(1)])
        wal = wal_of(path).read_bytes()
        assert len(wal) > 20 * FRAME
        assert wal_fault(wal) is None
