"""What was judged and whom that reached, counted by the journal itself: for the ledger and reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.database import Database, JournalAt
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.judgements import JUDGED, REFUSED, Judgements
from cunmai_rules.journal.notices import Notice
from cunmai_rules.journal.opening import open_journal
from cunmai_runtime.held import read_ranges
from cunmai_wire.ranges import SeqRanges

FOREVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class JudgedStream:
    """One stream of readings, as the rules know it."""

    stream: str
    judged: SeqRanges
    refused: SeqRanges
    """Read, but set aside with a reason: an unknown kind, an impossible time."""
    rows: int
    """Judgements on record: one for each judged reading that is still kept."""


@dataclass(frozen=True, slots=True)
class Given:
    """One answer that somebody gave."""

    t_ms: int
    contact: str
    answer: str


@dataclass(frozen=True, slots=True)
class Told:
    """One escalation, every notice that it sent, and every answer that came."""

    escalation: Escalation
    notices: tuple[Notice, ...]
    answers: tuple[Given, ...]


def judged_streams(journal: JournalAt) -> list[JudgedStream]:
    """Every stream in the journal."""
    with closing(open_journal(journal)) as db:
        streams = [row[0] for row in db.execute("SELECT DISTINCT stream FROM held ORDER BY stream")]
        return [
            JudgedStream(
                stream, read_ranges(db, stream, JUDGED), read_ranges(db, stream, REFUSED), _rows(db, stream)
            )
            for stream in streams
        ]


def judged_of_kind(journal: JournalAt, kind: str) -> int:
    """How many readings of one kind are on record."""
    with closing(open_journal(journal)) as db:
        query = "SELECT count(*) FROM observation WHERE kind = ?"
        ((count,),) = db.execute(query, (kind,))
        return int(count)


def told(journal: JournalAt, limit: int = 10_000) -> Iterator[Told]:
    """Escalations with their notices, oldest first."""
    with closing(open_journal(journal)) as db:
        escalations = Escalations(db)
        for escalation in reversed(escalations.newest(limit)):
            answers = tuple(
                Given(entry.t_ms, entry.actor, str(entry.detail["answer"]))
                for entry in escalations.history(escalation.id)
                if entry.type == "answered"
            )
            yield Told(escalation, tuple(escalations.notices(escalation.id)), answers)


def newest_value(journal: JournalAt, subject: str, field: str) -> float | None:
    """The newest value of one field of one subject, or None."""
    with closing(open_journal(journal)) as db:
        readings = Judgements(db).around(subject, 0, FOREVER_MS)
    values = (reading.values.get(field) for reading in reversed(readings))
    return next((float(value) for value in values if value is not None), None)


def _rows(db: Database, stream: str) -> int:
    ((count,),) = db.execute("SELECT count(*) FROM observation WHERE stream = ?", (stream,))
    return int(count)
