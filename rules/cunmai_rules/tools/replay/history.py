"""What the rules' own journal still keeps of a span of time. Only read: the service may be running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.tools.replay.tape import Heard

PIECE = 5000


def read_journal(db: Database, from_ms: int, to_ms: int) -> Iterator[Heard]:
    """Readings measured in a span of time, each for whom it counts now, after corrections. Piece by piece."""
    stream, seq = "", 0
    while True:
        rows = db.execute(
            "SELECT subject.id, subject.gateway, coalesce(observation.device, subject.device), subject.resident,"
            " arrived_ms, stream, seq, kind, t_ms, late, reading"
            " FROM observation JOIN subject ON subject.id = observation.subject"
            " WHERE (stream, seq) > (:stream, :seq) AND t_ms BETWEEN :from_ms AND :to_ms AND corrected = 0"
            " ORDER BY stream, seq LIMIT :piece",
            {"stream": stream, "seq": seq, "from_ms": from_ms, "to_ms": to_ms, "piece": PIECE},
        ).fetchall()
        yield from map(_heard, rows)
        if len(rows) < PIECE:
            return
        stream, seq = rows[-1][5], rows[-1][6]


def _heard(row: tuple[Any, ...]) -> Heard:
    subject, gateway, device, resident, arrived_ms, stream, seq, kind, t_ms, late, reading = row
    body = json.loads(reading)
    event = Observation(
        stream, seq, kind, t_ms, body["values"], tuple(body["quality"]), bool(late), arrived_ms
    )
    return Heard(Subject(subject, gateway, device, resident), event, arrived_ms)
