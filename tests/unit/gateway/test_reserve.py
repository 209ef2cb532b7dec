"""The reserve: a gateway starts on a disk that is full."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_gateway.reserve import RESERVE_BYTES, open_with_reserve
from cunmai_gateway.spool import Spool


class Disk:
    """Full until the reserve is given up, or for good."""

    def __init__(self, folder: Path, *, helps: bool = True) -> None:
        self.path = folder / "spool.sqlite"
        self.reserve = folder / "spool.sqlite.reserve"
        self.full = False
        self._helps = helps

    def open(self) -> Spool:
        if self.full and (self.reserve.exists() or not self._helps):
            raise sqlite3.OperationalError("database or disk is full")
        return Spool(self.path, created_ms=1)


def test_it_is_made_at_the_first_start_and_again_when_there_is_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for _ in range(2):
        with closing(open_with_reserve(disk.path, disk.open)):
            assert disk.reserve.stat().st_blocks * 512 >= RESERVE_BYTES
        disk.reserve.unlink()


def test_it_is_given_up_where_the_disk_is_full(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with closing(open_with_reserve(disk.path, disk.open)) as spool:
        stream = spool.stream
    disk.full = True
    with closing(open_with_reserve(disk.path, disk.open)) as spool:
        assert spool.stream == stream
    assert not disk.reserve.exists()


def test_where_it_does_not_help_the_fault_is_told(tmp_path: Path) -> None:
    disk = Disk(tmp_path, helps=False)
    open_with_reserve(disk.path, disk.open).close()
    disk.full = True
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            open_with_reserve(disk.path, disk.open)


def test_a_disk_without_room_for_it_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", no_space)
    disk = Disk(tmp_path)
    open_with_reserve(disk.path, disk.open).close()
    assert not disk.reserve.exists()
