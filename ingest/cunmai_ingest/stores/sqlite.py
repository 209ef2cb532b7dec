"""The embedded store: one SQLite file, for a demonstration or a single small site."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from cunmai_ingest.points import FieldValue, Point, Storable, Tags
from cunmai_ingest.sqlitefile import open_file
from cunmai_ingest.stores.base import Health, Latest, StoredSeqs, WriteOutcome, encoded
from cunmai_runtime.hold import disk_faults
from cunmai_runtime.sqlite import transaction
from cunmai_wire.ranges import SeqRanges

# `part` is empty for a reading's or event's own point, so that (stream, seq) is its key.
_MIGRATIONS = (
    """
    CREATE TABLE points (
        stream TEXT NOT NULL,
        seq INTEGER NOT NULL,
        part TEXT NOT NULL,
        measurement TEXT NOT NULL,
        resident TEXT,
        t_ns INTEGER NOT NULL,
        tags TEXT NOT NULL,
        fields TEXT NOT NULL,
        PRIMARY KEY (stream, seq, part)
    ) WITHOUT ROWID;
    CREATE INDEX points_by_resident ON points (resident, measurement, t_ns);
    """,
)

_UPSERT = """
    INSERT INTO points (stream, seq, part, measurement, resident, t_ns, tags, fields)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET measurement = excluded.measurement, resident = excluded.resident,
        t_ns = excluded.t_ns, tags = excluded.tags, fields = json_patch(fields, excluded.fields)
"""
# Fields join those that are there, as in InfluxDB: a mark and the reading that it is on come in any order.

_MARK = """
    INSERT INTO points (stream, seq, part, measurement, resident, t_ns, tags, fields)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET fields = json_patch(fields, excluded.fields)
"""
# A mark says that a reading is superseded, and nothing about whose it is.

_NOT_SUPERSEDED = "coalesce(json_extract(fields, '$.superseded'), 0) = 0"

_NS_PER_MS = 1_000_000


class SqliteStore:
    """`Store` in one file. Raises UserError where the file cannot be opened or is not a database of ours."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_file("the store", path, _MIGRATIONS)

    def write(self, points: Sequence[Storable]) -> WriteOutcome:
        # What line protocol cannot say is refused here too: a store that is changed later loses nothing.
        lines, refused = encoded(points)
        stored = tuple(point for point, _ in lines)
        with disk_faults("the store"), transaction(self._db):
            for point in stored:
                plain = point.plain()
                self._db.execute(_UPSERT if plain.marks is None else _MARK, _row(plain))
        return WriteOutcome(stored, tuple(refused))

    def check(self) -> Health:
        try:
            with transaction(self._db):
                pass
        except sqlite3.Error as error:
            return Health(ok=False, zh=f"存储文件不可写({error})", en=f"{self._path} takes no write: {error}")
        return Health(ok=True, zh="存储文件可写", en=f"{self._path} takes writes")

    def sequences(self, stream: str) -> StoredSeqs:
        rows = self._db.execute(
            "SELECT seq FROM points WHERE stream = ? AND part = ''"
            " AND json_extract(fields, '$.seq') IS NOT NULL ORDER BY seq",  # A mark may be there before its reading.
            [stream],
        )
        seqs = SeqRanges()
        total = 0
        for (seq,) in rows:
            seqs.add(seq)
            total += 1
        return StoredSeqs(seqs, total)

    def history(
        self, resident: str, measurement: str, field: str, from_ms: int, to_ms: int, *, limit: int = 10_000
    ) -> list[tuple[int, FieldValue]]:
        rows = self._db.execute(
            "SELECT t_ns, fields FROM points WHERE resident = ? AND measurement = ? AND t_ns >= ? AND t_ns < ?"  # noqa: S608 - constant
            f" AND {_NOT_SUPERSEDED} ORDER BY t_ns DESC LIMIT ?",
            [resident, measurement, from_ms * _NS_PER_MS, to_ms * _NS_PER_MS, limit],
        )
        decoded = [(t_ns // _NS_PER_MS, json.loads(fields)) for t_ns, fields in rows]
        return [(t_ms, fields[field]) for t_ms, fields in reversed(decoded) if field in fields]

    def latest(self, resident: str) -> list[Latest]:
        rows = self._db.execute(
            "SELECT measurement, max(t_ns), tags, fields FROM points WHERE resident = ? AND part = ''"  # noqa: S608 - constant
            f" AND {_NOT_SUPERSEDED} GROUP BY measurement ORDER BY measurement",
            [resident],
        )
        return [
            Latest(measurement, t_ns // _NS_PER_MS, json.loads(tags), json.loads(fields))
            for measurement, t_ns, tags, fields in rows
        ]

    def close(self) -> None:
        self._db.close()


def _row(point: Point) -> tuple[str | int | None, ...]:
    stream, seq, part = (point.stream, point.seq, point.part) if point.marks is None else (*point.marks, "")
    tags = dict(point.tags)
    return (
        stream,
        seq,
        part,
        point.measurement,
        tags.get("resident"),
        point.t_ns,
        _tags_json(point.tags),
        _json(point.fields),
    )


# One encoder for all: json.dumps with an argument makes a new one for every call.
_json = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=8192)
def _tags_json(tags: Tags) -> str:
    return _json(dict(tags))
