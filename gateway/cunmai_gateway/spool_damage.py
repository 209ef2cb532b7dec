"""A damaged spool file is set aside whole, what can be read of it goes on, and a new stream begins.

A new stream, because the damaged file may no longer know the last numbers that it gave out, and a
number given to two readings would lose one of them at every consumer. What is salvaged keeps its own
stream and number, so that consumers that have it already know it again.

The steps can be repeated: a marker is written first and removed last, so that a power cut in the middle
of them resumes them instead of opening half a file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import cast

import structlog

from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_bounds import SpoolLimits
from cunmai_gateway.walcheck import wal_fault
from cunmai_runtime.wholefile import sync_folder, write_whole

KEEP_ASIDE = 3
"""Damaged files that are kept; the oldest goes when another comes."""
_WAL, _SHM = "-wal", "-shm"

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Salvage:
    """What became of a damaged file."""

    aside: Path
    readings: int
    streams: tuple[str, ...]


def open_spool(path: Path, *, created_ms: int, limits: SpoolLimits | None = None) -> Spool:
    """Open the spool after looking whether it is whole; where it is not, replace it, loudly.

    Raises UserError where a newer program wrote it, sqlite3.OperationalError where the disk refuses.
    """
    fault = _interrupted(path) or find_fault(path)
    if fault is not None:
        return replace_damaged(path, fault, now_ms=created_ms, limits=limits)
    return Spool(path, created_ms=created_ms, limits=limits)


def find_fault(path: Path) -> str | None:
    """What is wrong with a spool file, in a sentence; None where it is whole, or not there."""
    wal = path.with_name(path.name + _WAL)
    if path.exists() and wal.exists() and (fault := wal_fault(wal.read_bytes())) is not None:
        return fault
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if answer == "ok" else str(answer)


def replace_damaged(path: Path, fault: str, *, now_ms: int, limits: SpoolLimits | None = None) -> Spool:
    """Set the file aside, begin a new stream, and take over what can be read."""
    marker, fresh = path.with_name(f"{path.name}.damaged"), path.with_name(f"{path.name}.fresh")
    aside = _begin(path, marker, fault, now_ms)
    if aside.exists() and path.exists():  # cut off after the last step but one
        marker.unlink()
        return Spool(path, created_ms=now_ms, limits=limits)
    _rename_aside(path, aside)
    for suffix in ("", _WAL, _SHM):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    spool = Spool(fresh, created_ms=now_ms, limits=limits)
    with closing(spool):
        salvage = _salvage(aside, spool, now_ms)
    _put_in_place(fresh, path, marker)
    _forget_oldest(path)
    structlog.get_logger("spool").error(
        "spool.damaged",
        why=fault,
        kept_as=str(salvage.aside),
        salvaged_readings=salvage.readings,
        damaged_streams=salvage.streams,
        meaning="暂存文件损坏: 已整体保留, 读得出的测量值继续上传, 新流已开始 / the spool was damaged: it is kept "
        "whole, what could be read goes on, and a new stream has begun",
        todo="check this disk: cunmai gateway doctor",
    )
    return Spool(path, created_ms=now_ms, limits=limits)


def _interrupted(path: Path) -> str | None:
    """The fault that an earlier run was dealing with when it was cut off."""
    marker = path.with_name(f"{path.name}.damaged")
    if not marker.exists():
        return None
    return str(_read_marker(marker).get("fault", "interrupted"))


def _begin(path: Path, marker: Path, fault: str, now_ms: int) -> Path:
    """Where the damaged file goes; the same place again after an interruption."""
    if marker.exists() and (name := _read_marker(marker).get("aside")):
        return path.with_name(str(name))
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.damaged-{stamp}" + (f"-{again}" if again else "") for again in range(1000))
    aside = next(place for name in names if not (place := path.with_name(name)).exists())
    write_whole(marker, json.dumps({"aside": aside.name, "fault": fault}).encode())
    return aside


def _rename_aside(path: Path, aside: Path) -> None:
    """The log first: the database is there under its new name only when both are."""
    for suffix in (_WAL, ""):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
    path.with_name(path.name + _SHM).unlink(missing_ok=True)


def _put_in_place(fresh: Path, path: Path, marker: Path) -> None:
    fresh.rename(path)
    sync_folder(path.parent)
    marker.unlink()


def _read_marker(marker: Path) -> dict[str, object]:
    try:
        content = json.loads(marker.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _forget_oldest(path: Path) -> None:
    kept = sorted(
        (
            place
            for place in path.parent.glob(f"{path.name}.damaged-*")
            if not place.name.endswith((_WAL, _SHM))
        ),
        key=lambda place: place.stat().st_mtime,
    )
    for place in kept[:-KEEP_ASIDE]:
        for suffix in ("", _WAL, _SHM):
            place.with_name(place.name + suffix).unlink(missing_ok=True)


# -- reading a damaged file ---------------------------------------------------------------------------


def _salvage(aside: Path, spool: Spool, now_ms: int) -> Salvage:
    """Copy what can be read, in one commit, and note that the rest is lost."""
    if not aside.exists():
        return Salvage(aside, 0, ())
    with closing(sqlite3.connect(f"file:{aside}?mode=ro", uri=True)) as old:
        streams = tuple(str(row[0]) for row in _rows(old, "SELECT id FROM stream"))
        own = _both_ways(old, "seq, t_ms, body, receipts", "reading", "seq") if streams else ()
        earlier = _both_ways(old, "stream, seq, t_ms, body, receipts", "salvaged", "stream, seq")
        readings = chain(((streams[0], *row) for row in own), earlier)
        remembered: dict[str, Iterator[Row]] = {
            "INSERT OR IGNORE INTO once VALUES (?)": _both_ways(old, "key", "once", "key"),
            "INSERT OR IGNORE INTO obeyed (id) VALUES (?)": (
                row[1:] for row in _both_ways(old, "number, id", "obeyed", "number")
            ),
            "INSERT OR IGNORE INTO loss VALUES (?, ?, ?, ?)": _both_ways(
                old, "stream, day, reason, count", "loss", "stream, day, reason"
            ),
        }
        damaged = streams[0] if streams else spool.stream
        taken = spool.take_over(filter(_is_json, readings), remembered, damaged=damaged, now_ms=now_ms)
    return Salvage(aside, taken, streams)


def _is_json(row: Row) -> bool:
    """A body spoilt in place would spoil the whole envelope that it is sent in."""
    try:
        json.loads(cast("bytes", row[3]))
    except ValueError:
        return False
    return True


def _both_ways(db: sqlite3.Connection, columns: str, table: str, key: str) -> Iterator[Row]:
    """Rows from the front up to the damage, then from the end back to it. `columns` begin with the key's."""
    keys = key.count(",") + 1
    last: Row | None = None
    query = f"SELECT {columns} FROM {table} ORDER BY "  # noqa: S608 - constants
    try:
        for row in db.execute(query + key):
            last = row[:keys]
            yield row
    except sqlite3.DatabaseError:
        for row in _rows(db, query + key.replace(",", " DESC,") + " DESC"):
            if row[:keys] == last:
                return
            yield row


def _rows(db: sqlite3.Connection, query: str) -> Iterator[Row]:
    """Rows up to the first that cannot be read."""
    try:
        yield from db.execute(query)
    except sqlite3.DatabaseError:
        return
