"""What a power cut leaves of a SQLite file in WAL mode, made from the file's states before and after a commit.

What was synchronised stays as it was. Of what was being written, every sector may be there or not, the
file may have any length in between, and writing may have stopped at any byte, in the middle of a frame too.
The order of the two files is SQLite's own: the log is synchronised before the database is touched.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

_SECTOR = 512
_HEADER = 32


@dataclass(frozen=True, slots=True)
class Files:
    """Database and log, whole."""

    db: bytes
    wal: bytes

    @classmethod
    def of(cls, path: Path) -> Files:
        wal = wal_path(path)
        return cls(path.read_bytes(), wal.read_bytes() if wal.exists() else b"")

    def put(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.db)
        wal_path(path).write_bytes(self.wal)


def wal_path(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def cut(before: Files, after: Files, chance: random.Random) -> Files:
    """One state that a power cut between the two may leave."""
    if before.db == after.db or chance.random() < 0.6:
        return Files(before.db, _torn_log(before.wal, after.wal, chance))
    return Files(_torn(before.db, after.db, chance), after.wal)


def _torn_log(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """A log that begins anew has its header synchronised before any frame follows."""
    if old[:_HEADER] == new[:_HEADER]:
        return _torn(old, new, chance)
    return old if chance.random() < 0.1 else _torn(new[:_HEADER] + old[_HEADER:], new, chance)


def _torn(old: bytes, new: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.5:
        return _stopped(old, new, chance)
    length = chance.choice(
        (len(old), len(new), chance.randint(min(len(old), len(new)), max(len(old), len(new))))
    )
    out = bytearray(length)
    share = chance.random()
    for at in range(0, length, _SECTOR):
        source = new if chance.random() < share else old
        sector = source[at : min(at + _SECTOR, length)]
        out[at : at + len(sector)] = sector
    return bytes(out)


def _stopped(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """Written from the front, up to any byte of what has changed."""
    first = next(
        (at for at in range(0, len(new), _SECTOR) if new[at : at + _SECTOR] != old[at : at + _SECTOR]), 0
    )
    stop = chance.randint(first, len(new)) if new else 0
    return new[:stop] + old[stop:]
