"""What the rules' own journal still keeps of a span of time. Only read: the service may be running."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cunmai_rules.journal.judgements import Subject
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.tools.tape import Heard
from cunmai_runtime.errors import UserError


def read_journal(path: Path, from_ms: int, to_ms: int) -> Iterator[Heard]:
    """Readings measured in a span of time, each for whom it counts now, after corrections. Raises UserError."""
    if not path.exists():
        raise UserError(f"没有 {path}, 先运行 cunmai rules run / no journal yet at {path}: run rules first")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT subject.id, gateway, device, resident, arrived_ms, stream, seq, kind, t_ms, late, reading"
                " FROM observation JOIN subject ON subject.id = observation.subject"
                " WHERE t_ms BETWEEN ? AND ? AND NOT corrected",
                (from_ms, to_ms),
            )
            yield from map(_heard, rows)
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path} 读不出({error}) / {path} cannot be read: {error}") from None


def _heard(row: tuple[str, str, str, str | None, int, str, int, str, int, int, str]) -> Heard:
    subject, gateway, device, resident, arrived_ms, stream, seq, kind, t_ms, late, reading = row
    body = json.loads(reading)
    event = Observation(
        stream, seq, kind, t_ms, body["values"], tuple(body["quality"]), bool(late), arrived_ms
    )
    return Heard(Subject(subject, gateway, device, resident), event, arrived_ms)
