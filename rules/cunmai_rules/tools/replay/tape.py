"""History to be replayed, on a temporary disk file: read once in any order, played subject by subject.

Subjects are judged independently of one another, so only one of them is in memory at a time, however long
the history is.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cunmai_rules.journal.judgements import Subject
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.tools.replay.playback import TakenBack

_SCHEMA = """
    CREATE TABLE heard (subject TEXT NOT NULL, gateway TEXT NOT NULL, device TEXT NOT NULL, resident TEXT,
        arrived_ms INTEGER NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
        t_ms INTEGER NOT NULL, late INTEGER NOT NULL, reading TEXT NOT NULL, UNIQUE (stream, seq));
    CREATE TABLE correction (stream TEXT NOT NULL, seq INTEGER NOT NULL, arrived_ms INTEGER NOT NULL);
"""
_COLUMNS = "subject, gateway, device, resident, arrived_ms, stream, seq, kind, t_ms, late, reading"
_PIECE = 5000

Corrected = tuple[str, int]
"""Stream and number of the reading that a correction stands in for."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One reading of the history, and about whom it is."""

    subject: Subject
    event: Observation
    arrived_ms: int
    corrects: Corrected | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """What a tape holds. Times in ms."""

    readings: int
    subjects: int
    first_ms: int
    """When the first reading was measured."""
    last_ms: int
    """When the last one arrived."""


class Tape:
    """A context manager: the file goes when it is left."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cunmai-replay-")
        self._db = sqlite3.connect(Path(self._folder.name) / "tape.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")  # a tape that was cut short is made again
        self._db.execute("PRAGMA temp_store = FILE")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Tape:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, heard: Iterable[Heard]) -> None:
        """Add readings. The same one twice is one."""
        piece: list[Heard] = []
        for one in heard:
            piece.append(one)
            if len(piece) == _PIECE:
                self._write(piece)
                piece.clear()
        self._write(piece)

    def _write(self, piece: list[Heard]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            f"INSERT OR IGNORE INTO heard ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            map(_row, piece),
        )
        self._db.executemany(
            "INSERT INTO correction VALUES (?, ?, ?)",
            [(*one.corrects, one.arrived_ms) for one in piece if one.corrects],
        )
        self._db.execute("COMMIT")

    def span(self) -> Span:
        """How much there is, from when to when."""
        query = "SELECT count(*), count(DISTINCT subject), min(t_ms), max(max(arrived_ms, t_ms)) FROM heard"
        readings, subjects, first, last = self._db.execute(query).fetchone()
        return Span(readings, subjects, first or 0, last or 0)

    def cut_after(self, to_ms: int) -> None:
        """Leave out what arrived later."""
        self._db.execute("DELETE FROM heard WHERE arrived_ms > ?", (to_ms,))
        self._db.execute("DELETE FROM correction WHERE arrived_ms > ?", (to_ms,))

    def subjects(self, only: Sequence[str] = ()) -> Iterator[tuple[Subject, list[Observation | TakenBack]]]:
        """Each subject, or `only` these, with its events in the order of arrival; one is held at a time."""
        taken_back = self._taken_back()
        some = f"WHERE subject IN ({', '.join('?' * len(only))})" if only else ""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM heard {some} ORDER BY subject, arrived_ms, rowid",  # noqa: S608 - no values in it
            tuple(only),
        )
        for id_, those in groupby(map(_heard, rows), key=lambda one: one.subject.id):
            heard = list(those)
            events: list[Observation | TakenBack] = [one.event for one in heard]
            if id_ in taken_back:
                events = sorted([*events, *taken_back[id_]], key=_arrival)
            # Where a resident went to several clinics, the last one is whose team is asked, as in the journal.
            yield heard[-1].subject, events

    def _taken_back(self) -> dict[str, list[TakenBack]]:
        """What corrections took from whom."""
        rows = self._db.execute(
            "SELECT heard.subject, t_ms, stream, seq, min(correction.arrived_ms) FROM correction"
            " JOIN heard USING (stream, seq) GROUP BY stream, seq"
        )
        found: dict[str, list[TakenBack]] = {}
        for subject, t_ms, stream, seq, arrived_ms in rows:
            found.setdefault(subject, []).append(TakenBack((t_ms, stream, seq), arrived_ms))
        return found


def _arrival(event: Observation | TakenBack) -> tuple[int, bool]:
    """Of two that arrive together, what takes back comes first: nobody is asked about what is corrected."""
    arrived_ms = event.arrived_ms
    assert arrived_ms is not None, "everything on a tape has arrived"
    return arrived_ms, isinstance(event, Observation)


def _row(one: Heard) -> tuple[object, ...]:
    subject, event = one.subject, one.event
    reading = json.dumps([event.values, event.quality], ensure_ascii=False)
    return (
        subject.id, subject.gateway, subject.device, subject.resident, one.arrived_ms,
        event.stream, event.seq, event.kind, event.t_ms, int(event.late), reading,
    )  # fmt: skip


def _heard(row: tuple[object, ...]) -> Heard:
    subject, gateway, device, resident, arrived_ms, stream, seq, kind, t_ms, late, reading = row
    values, quality = json.loads(str(reading))
    event = Observation(
        str(stream), _int(seq), str(kind), _int(t_ms), values, tuple(quality), bool(late), _int(arrived_ms)
    )
    about = Subject(str(subject), str(gateway), str(device), None if resident is None else str(resident))
    return Heard(about, event, _int(arrived_ms))


def _int(value: object) -> int:
    assert isinstance(value, int), "an integer column"
    return value
