"""What the journal keeps of one subject's past, up to a moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.escalations import Entry, Escalations
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.journal.notices import Notice
from cunmai_rules.thresholds.events import Observation

MOST_READINGS = 20_000
"""The newest of them. A rule that looks further back than these sees less than it saw then."""
RECENT_MS = 24 * 3_600_000
"""An escalation that ended longer before the moment is not told."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One reading as it was judged then."""

    event: Observation
    device: str
    corrected: bool
    recorded: dict[str, str]
    """What was decided when it came, by rule or by group of rules."""


@dataclass(frozen=True)
class Asked:
    """One escalation, with everything that became of it."""

    escalation: Escalation
    notices: list[Notice]
    history: list[Entry]


@dataclass(frozen=True)
class Past:
    """Of one subject."""

    subject: Subject
    readings: list[Kept]
    """In the order of arrival."""
    cut: bool
    """There were more readings than are read."""
    asked: list[Asked]
    """Oldest first."""


def read_past(db: Database, subject: str, at_ms: int) -> Past | None:
    """None where the journal knows no such subject."""
    row = db.execute("SELECT id, gateway, device, resident FROM subject WHERE id = ?", (subject,)).fetchone()
    if row is None:
        return None
    rows = db.execute(
        "SELECT stream, seq, kind, t_ms, late, reading, arrived_ms, device, corrected, decisions FROM observation"
        " WHERE subject = ? AND t_ms <= ? AND arrived_ms <= ? ORDER BY t_ms DESC LIMIT ?",
        (subject, at_ms, at_ms, MOST_READINGS),
    ).fetchall()
    found = Subject(*row)
    kept = sorted((_kept(one, found.device) for one in rows), key=_arrival)
    return Past(found, kept, len(rows) == MOST_READINGS, _asked(Escalations(db), subject, at_ms))


def _asked(escalations: Escalations, subject: str, at_ms: int) -> list[Asked]:
    those = [
        one
        for one in reversed(escalations.of_subject(subject))
        if one.opened_ms <= at_ms and (one.closed_ms is None or one.closed_ms >= at_ms - RECENT_MS)
    ]
    return [Asked(one, escalations.notices(one.id), escalations.history(one.id)) for one in those]


def _kept(row: tuple[Any, ...], of_subject: str) -> Kept:
    stream, seq, kind, t_ms, late, reading, arrived_ms, device, corrected, decisions = row
    body = json.loads(reading)
    event = Observation(
        stream, seq, kind, t_ms, body["values"], tuple(body["quality"]), bool(late), arrived_ms
    )
    return Kept(event, device or of_subject, bool(corrected), json.loads(decisions))


def _arrival(one: Kept) -> tuple[int, int, str, int]:
    event = one.event
    return event.arrived_ms or event.t_ms, event.t_ms, event.stream, event.seq


def recorded_of(kept: Kept, rule: str, group: str) -> str | None:
    """What the journal says was decided when this reading came; None where it says nothing of this rule."""
    return kept.recorded.get(rule, kept.recorded.get(group))
