"""What rules found, each with the escalation that it opened or joined."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from cunmai_rules.journal.database import Database
from cunmai_wire.events import Grade, Lane


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding of an escalation. Its id is the same whenever the same thing is found again."""

    id: str
    escalation: str
    rule: str
    version: str
    grade: Grade
    lane: Lane
    reason: str
    reading_t_ms: int
    stream: str | None
    seq: int | None
    found_ms: int


def escalation_id(subject: str, key: str) -> str:
    """The same for the same finding about the same subject."""
    return "e" + hashlib.sha256(f"{subject}|{key}".encode()).hexdigest()[:20]


class FindingRows:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def found_before(self, id_: str) -> bool:
        """Whether this finding opened or joined an escalation before."""
        query = "SELECT 1 FROM finding WHERE id = :id UNION ALL SELECT 1 FROM escalation WHERE id = :id"
        return self._db.execute(query, {"id": id_}).fetchone() is not None

    def add_finding(self, finding: FindingRow) -> None:
        self._db.execute(
            "INSERT INTO finding (id, escalation, rule, version, grade, lane, reason, reading_t_ms, stream, seq,"
            " found_ms) VALUES (:id, :escalation, :rule, :version, :grade, :lane, :reason,"
            " :reading_t_ms, :stream, :seq, :found_ms)",
            asdict(finding),
        )

    def current_finding(self, subject: str, key: str) -> str:
        """The id for a finding of this key: another one where it was withdrawn or moved, as often as it was."""
        id_, times = escalation_id(subject, key), 0
        query = (
            "SELECT 1 FROM finding WHERE id = :id AND withdrawn_ms IS NOT NULL UNION ALL SELECT 1 FROM escalation"
            " WHERE id = :id AND NOT EXISTS (SELECT 1 FROM finding WHERE id = :id)"
        )
        while self._db.execute(query, {"id": id_}).fetchone():
            times += 1
            id_ = escalation_id(subject, f"{key}|{times}")
        return id_

    def move_finding(self, id_: str, to: FindingRow) -> str | None:
        """Say of a standing finding what is now known of it; its escalation, None where it does not stand."""
        row = self._db.execute(
            "UPDATE finding SET id = :id, version = :version, reason = :reason, reading_t_ms = :reading_t_ms,"
            " stream = :stream, seq = :seq WHERE id = :old AND withdrawn_ms IS NULL RETURNING escalation",
            asdict(to) | {"old": id_},
        ).fetchone()
        return row[0] if row else None

    def withdraw_finding(self, id_: str, now_ms: int) -> tuple[str, str, int] | None:
        """Mark a finding; its escalation, its rule, and how many findings of that escalation still stand."""
        row = self._db.execute(
            "UPDATE finding SET withdrawn_ms = ? WHERE id = ? AND withdrawn_ms IS NULL RETURNING escalation, rule",
            (now_ms, id_),
        ).fetchone()
        if row is None:
            return None
        query = "SELECT count(*) FROM finding WHERE escalation = ? AND withdrawn_ms IS NULL"
        ((standing,),) = self._db.execute(query, (row[0],))
        return row[0], row[1], int(standing)

    def findings_about(self, stream: str, seq: int) -> list[tuple[str, str]]:
        """Standing findings that name this reading as theirs: their ids, and their escalations'."""
        rows = self._db.execute(
            "SELECT id, escalation FROM finding WHERE stream = ? AND seq = ? AND withdrawn_ms IS NULL",
            (stream, seq),
        )
        return [(id_, escalation) for id_, escalation in rows]

    def findings(self, escalation: str, limit: int = 100) -> list[FindingRow]:
        """The findings of an escalation, in the order they were found; the newest `limit` of them."""
        rows = self._db.execute(
            "SELECT id, escalation, rule, version, grade, lane, reason, reading_t_ms, stream, seq, found_ms"
            " FROM finding WHERE escalation = ? ORDER BY found_ms DESC, id LIMIT ?",
            (escalation, limit),
        ).fetchall()
        return [
            FindingRow(id_, of, rule, version, Grade(grade), Lane(lane), *rest)
            for id_, of, rule, version, grade, lane, *rest in reversed(rows)
        ]
