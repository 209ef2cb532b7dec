"""The spool: numbers without gaps, deletion only on all receipts, and nothing lost to a kill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool, measured_in
from cunmai_gateway.spool_tables import MIGRATIONS
from cunmai_runtime.errors import UserError
from cunmai_runtime.sqlite import open_database


def draft(number: int, *once_keys: str) -> Draft:
    return Draft("oximetry", 1000 + number, b'{"t":%d}' % number, once_keys)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spool.sqlite"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    spool = Spool(path, created_ms=1)
    yield spool
    spool.close()


def seqs(spool: Spool) -> list[int]:
    return [reading.seq for reading in spool.held(0, 10**9, 10**6)]


def test_numbers_count_up_from_one(spool: Spool) -> None:
    assert spool.append([draft(1), draft(2)]) == [1, 2]
    assert spool.append([draft(3)]) == [3]
    assert (spool.measured(), spool.pending()) == (3, 3)


def test_what_goes_on_the_wire_carries_its_number(spool: Spool) -> None:
    spool.append([draft(7)])
    assert spool.held(0, 1, 10)[0].json() == b'{"seq":1,"t":7}'


def test_a_reading_is_let_go_only_when_every_consumer_holds_it(spool: Spool) -> None:
    spool.append([draft(n) for n in range(5)])
    assert spool.receipt("ingest", [(1, 3)]) == 0
    assert spool.receipt("ingest", [(1, 3)]) == 0
    assert spool.receipt("rules", [(2, 5)]) == 2
    assert seqs(spool) == [1, 4, 5]
    assert spool.receipt("ingest", [(4, 5)]) == 2
    assert spool.receipt("rules", [(1, 1)]) == 1
    assert seqs(spool) == []


def test_a_consumer_that_is_not_required_changes_nothing(spool: Spool) -> None:
    spool.append([draft(1)])
    assert spool.receipt("archive", [(1, 1)]) == 0
    assert spool.receipt("rules", [(1, 1)]) == 0
    assert seqs(spool) == [1]


def test_a_receipt_for_what_was_never_measured_changes_nothing(spool: Spool) -> None:
    spool.receipt("ingest", [(1, 100)])
    spool.receipt("rules", [(1, 100)])
    assert spool.append([draft(1)]) == [1]
    assert seqs(spool) == [1]


def test_numbers_go_on_after_everything_was_let_go_and_after_a_restart(spool: Spool, path: Path) -> None:
    spool.append([draft(1), draft(2)])
    for consumer in ("ingest", "rules"):
        spool.receipt(consumer, [(1, 2)])
    stream = spool.stream
    again = Spool(path, created_ms=2)
    assert again.stream == stream
    assert again.measured() == 2
    assert again.append([draft(3)]) == [3]
    assert measured_in(path) == (stream, 3)
    again.close()


def test_held_is_bounded_and_in_order(spool: Spool) -> None:
    spool.append([draft(n) for n in range(10)])
    assert [reading.seq for reading in spool.held(2, 9, 3)] == [3, 4, 5]
    assert [reading.seq for reading in spool.held(8, 9, 3)] == [9]


def test_a_thing_becomes_one_reading_however_often_it_is_fetched(spool: Spool) -> None:
    assert spool.append([draft(1, "exam:1", "entry:7")]) == [1]
    assert spool.append([draft(2, "exam:1", "entry:8")]) == []
    assert spool.append([draft(3, "exam:2")]) == [2]
    assert spool.has_once("exam:1")
    assert spool.has_once("entry:8")  # the second entry is remembered as known too
    assert not spool.has_once("exam:3")
    assert spool.measured() == 2


def test_a_failed_append_takes_no_number(spool: Spool) -> None:
    def broken() -> Iterator[Draft]:
        yield draft(1)
        raise RuntimeError("the disk, say")

    with pytest.raises(RuntimeError):
        spool.append(broken())
    assert spool.append([draft(2)]) == [1]


def test_a_spool_of_a_newer_program_is_left_alone(path: Path) -> None:
    open_database(
        path, [f"CREATE TABLE t{number} (a TEXT);" for number in range(len(MIGRATIONS) + 1)]
    ).close()
    with pytest.raises(UserError, match=f"schema version {len(MIGRATIONS) + 1}"):
        Spool(path, created_ms=1)


APPENDER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from cunmai_gateway.readings import Draft
    from cunmai_gateway.spool import Spool

    spool = Spool(Path(sys.argv[1]), created_ms=1)
    number = 0
    while True:
        number += 1
        drafts = [Draft("oximetry", number, b'{"t":%d}' % number) for _ in range(3)]
        for seq in spool.append(drafts):
            print(seq, flush=True)
    """
)


@pytest.mark.parametrize("seed", range(5))
def test_an_append_that_returned_survives_kill_9(path: Path, seed: int) -> None:
    """The appender says each number only after its append returned; then it is killed at a random moment."""
    chance = random.Random(seed)
    said: list[int] = []
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        stop_after = chance.randint(1, 60)
        for line in process.stdout:
            said.append(int(line))
            stop_after -= 1
            if stop_after == 0:
                os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    spool = Spool(path, created_ms=1)
    kept = seqs(spool)
    spool.close()
    assert kept == list(range(1, len(kept) + 1)), "no gap, nothing twice"
    assert set(said) <= set(kept), "nothing that was said to be stored is missing"
