"""The kiosk's memory of recent readings: so that one can be attributed later, or put right. SQLite, bounded.

Nothing depends on it for delivery: the spool holds what must be sent. Each row is one measurement, for
whom it counts now, and which reading of the spool says so (its `head`): the measurement's own, or the last
correction. A correction always stands in for the head, so the corrections of one measurement are a line
that never forks.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cunmai_gateway.kiosk.entering import BY_HAND
from cunmai_runtime.errors import Retryable
from cunmai_runtime.sqlite import open_database, transaction

_MIGRATIONS = (
    """
    CREATE TABLE kept (
        id          INTEGER PRIMARY KEY,
        stream      TEXT NOT NULL,
        seq         INTEGER NOT NULL,
        t_ms        INTEGER NOT NULL,
        device      TEXT NOT NULL,
        kind        TEXT NOT NULL,
        body        BLOB NOT NULL,  -- the reading as it was first sent, without its seq
        resident    TEXT,           -- for whom it counts now
        head_stream TEXT NOT NULL,
        head_seq    INTEGER NOT NULL,
        UNIQUE (stream, seq)
    ) STRICT;
    CREATE INDEX kept_by_time ON kept (t_ms);
    CREATE TABLE intent (  -- a correction that is being appended to the spool
        id         INTEGER PRIMARY KEY REFERENCES kept (id) ON DELETE CASCADE,
        resident   TEXT,
        new_stream TEXT NOT NULL,
        new_seq    INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE seen (stream TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
)
_SELECT = (
    "SELECT kept.id, stream, seq, t_ms, device, kind, body, kept.resident, head_stream, head_seq FROM kept "
)
_COUNT_UNATTRIBUTED = """
SELECT count(*) FROM (
    SELECT kind, t_ms - lag(t_ms) OVER (PARTITION BY stream, device, kind ORDER BY t_ms, id) AS gap
    FROM kept WHERE resident IS NULL
) WHERE gap IS NULL OR gap > ? OR kind IN (SELECT value FROM json_each(?))
"""
_SELECT_INTENTS = (
    "SELECT kept.id, stream, seq, t_ms, device, kind, body, kept.resident, head_stream, head_seq,"
    " intent.resident, new_stream, new_seq FROM intent JOIN kept ON kept.id = intent.id ORDER BY new_seq"
)


class StoreFault(Retryable):
    """The kiosk's file cannot be used now. Told apart from the spool's faults: it costs only the page."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(str(error))
        self.damaged = not isinstance(error, sqlite3.OperationalError)


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreFault(error) from error


@dataclass(frozen=True, slots=True)
class Kept:
    """One measurement, and for whom it counts."""

    id: int
    stream: str
    seq: int
    t_ms: int
    device: str
    kind: str
    body: bytes
    resident: str | None
    head_stream: str
    head_seq: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """A reading that the spool has just taken."""

    seq: int
    t_ms: int
    device: str
    kind: str
    body: bytes
    resident: str | None


@dataclass(frozen=True, slots=True)
class Intent:
    """A correction that was begun: `kept` is to count for `resident`, by reading (new_stream, new_seq)."""

    kept: Kept
    resident: str | None
    new_stream: str
    new_seq: int


class KioskStore:
    """Belongs to the thread that opened it. Every method raises StoreFault where the file fails."""

    def __init__(self, path: Path) -> None:
        """Raises UserError where a newer version wrote the file."""
        with _faults():
            self._db = open_database(path, _MIGRATIONS)

    def close(self) -> None:
        self._db.close()

    # -- readings -----------------------------------------------------------------------------------

    def keep(self, stream: str, readings: Iterable[Fresh], up_to_seq: int) -> None:
        """Remember readings of the spool, and that all of it up to `up_to_seq` has been looked at."""
        with _faults(), transaction(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO kept (stream, seq, t_ms, device, kind, body, resident, head_stream,"
                " head_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (stream, one.seq, one.t_ms, one.device, one.kind, one.body, one.resident, stream, one.seq)
                    for one in readings
                ],
            )
            self._db.execute(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET seq = max(seq, excluded.seq)",
                (stream, up_to_seq),
            )

    def seen(self, stream: str) -> int:
        """Up to which reading of the spool all have been looked at."""
        rows = self._rows("SELECT seq FROM seen WHERE stream = ?", stream)
        return int(rows[0][0]) if rows else 0

    def newest(self, limit: int) -> list[Kept]:
        """The newest measurements, oldest first."""
        rows = self._rows(_SELECT + "ORDER BY t_ms DESC, id DESC LIMIT ?", limit)
        return [Kept(*row) for row in rows][::-1]

    def of_kinds(self, kinds: Sequence[str], limit: int) -> list[Kept]:
        """The newest measurements of these kinds, oldest first."""
        rows = self._rows(
            _SELECT + "WHERE kind IN (SELECT value FROM json_each(?)) ORDER BY t_ms DESC, id DESC LIMIT ?",  # noqa: S608
            *(json.dumps(kinds), limit),
        )
        return [Kept(*row) for row in rows][::-1]

    def between(self, stream: str, device: str, kind: str, first: int, last: int) -> list[Kept]:
        """The measurements of one device and kind with first <= seq <= last."""
        rows = self._rows(
            _SELECT + "WHERE stream = ? AND device = ? AND kind = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            *(stream, device, kind, first, last),
        )
        return [Kept(*row) for row in rows]

    def unattributed(self, gap_ms: int) -> int:
        """How many episodes count for nobody: runs of one device and kind without a longer gap.

        What a person entered is one by itself.
        """
        return int(self._rows(_COUNT_UNATTRIBUTED, gap_ms, json.dumps(sorted(BY_HAND)))[0][0])

    def forget(self, before_ms: int, most: int) -> int:
        """Let go of the old, and of what is over the bound: attributed ones first. How many."""
        with _faults(), transaction(self._db):
            gone = self._db.execute("DELETE FROM kept WHERE t_ms < ?", (before_ms,)).rowcount
            over = int(self._db.execute("SELECT count(*) FROM kept").fetchone()[0]) - most
            if over > 0:
                gone += self._db.execute(
                    "DELETE FROM kept WHERE id IN"
                    " (SELECT id FROM kept ORDER BY resident IS NULL, t_ms, id LIMIT ?)",
                    (over,),
                ).rowcount
        return gone

    def forget_stream(self, stream: str) -> None:
        """Let go of everything that bears this stream's numbers, and of corrections of it that were begun."""
        with _faults(), transaction(self._db):
            self._db.execute("DELETE FROM kept WHERE stream = ? OR head_stream = ?", (stream, stream))

    # -- corrections --------------------------------------------------------------------------------

    def intend(self, intents: Sequence[Intent]) -> None:
        """Write down what is about to be appended to the spool, and under which numbers."""
        with _faults(), transaction(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?)",
                [(one.kept.id, one.resident, one.new_stream, one.new_seq) for one in intents],
            )

    def intents(self) -> list[Intent]:
        """What was begun and not concluded, in the order of its numbers."""
        return [Intent(Kept(*row[:10]), *row[10:]) for row in self._rows(_SELECT_INTENTS)]

    def conclude(self, intents: Sequence[Intent]) -> None:
        """The spool holds these corrections: they say now for whom each measurement counts."""
        with _faults(), transaction(self._db):
            for one in intents:
                self._db.execute(
                    "UPDATE kept SET resident = ?, head_stream = ?, head_seq = ? WHERE id = ?",
                    (one.resident, one.new_stream, one.new_seq, one.kept.id),
                )
                self._db.execute("DELETE FROM intent WHERE id = ?", (one.kept.id,))

    def discard(self, intents: Sequence[Intent]) -> None:
        """Forget corrections that were not made."""
        with _faults(), transaction(self._db):
            self._db.executemany("DELETE FROM intent WHERE id = ?", [(one.kept.id,) for one in intents])

    def drop(self, ids: Sequence[int]) -> None:
        """Forget measurements of which it is no longer known for whom they count."""
        with _faults(), transaction(self._db):
            self._db.executemany("DELETE FROM kept WHERE id = ?", [(id_,) for id_ in ids])

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with _faults():
            return self._db.execute(query, values).fetchall()


def fresh_from_body(seq: int, body: bytes) -> Fresh | None:
    """A spooled reading that can be attributed; None for the clinic's own status, devices and corrections."""
    fields = json.loads(body)
    if fields["kind"] in ("site_status", "device_status") or "corrects" in fields:
        return None
    return Fresh(seq, fields["t"], fields["device"], fields["kind"], body, fields.get("resident"))
