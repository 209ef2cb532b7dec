"""Escalations, the notices they send, the links in those, and the history of it all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.database import Database, part_of
from cunmai_wire.events import Grade, Lane, NoticeState


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one contact. Its id is its idempotency key."""

    id: str
    escalation: str
    contact: str
    number: int
    state: NoticeState
    attempts: int
    due_ms: int
    queued_ms: int
    accepted_ms: int | None = None
    error: str | None = None
    text: str | None = None
    """What it says, without the link; None until it was first about to be sent."""
    parts: str | None = None
    """The values of its template's variables, as a JSON list of pairs."""
    provider: str | None = None
    """Where it was last sent."""
    provider_id: str | None = None
    """What that provider's receipts call it."""
    tried: str = ""
    """The providers that could not take it in this round, by name."""
    refused_by: str = ""
    """The providers that will never take it."""
    unsure_ms: int | None = None
    """Since when `provider` may have it without having said so."""
    receipt_due_ms: int | None = None
    """When the lack of a delivery receipt counts as a failure; None where none is awaited."""
    delivered_ms: int | None = None
    to_mark: str | None = None
    """A keyed hash of the number that it was sent to."""


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of history."""

    t_ms: int
    type: str
    actor: str
    detail: dict[str, Any]


def notice_id(escalation: str, number: int) -> str:
    """The same for the same notice, however often its making is repeated."""
    return "n" + hashlib.sha256(f"{escalation}/{number}".encode()).hexdigest()[:20]


def escalation_id(subject: str, key: str) -> str:
    """The same for the same finding about the same subject."""
    return "e" + hashlib.sha256(f"{subject}|{key}".encode()).hexdigest()[:20]


class Escalations:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- escalations ----------------------------------------------------------------------------------

    def get(self, id_: str) -> Escalation | None:
        row = self._db.execute("SELECT body FROM escalation WHERE id = ?", (id_,)).fetchone()
        return _load(row[0]) if row else None

    def hold(self, id_: str) -> Escalation | None:
        """Lock its subject, and read it: what others did to it before is done, and nobody follows until we commit."""
        row = self._db.execute("SELECT subject FROM escalation WHERE id = ?", (id_,)).fetchone()
        if row is None:
            return None
        self._db.lock((row[0],))
        return self.get(id_)

    def save(self, escalation: Escalation) -> None:
        self._db.execute(
            "INSERT INTO escalation (id, part, subject, status, opened_ms, due_ms, lane, closed_ms, body)"
            " VALUES (:id, :part, :subject, :status, :opened_ms, :due_ms, :lane, :closed_ms, :body)"
            " ON CONFLICT (id) DO UPDATE SET status = :status, due_ms = :due_ms, lane = :lane,"
            " closed_ms = :closed_ms, body = :body",
            {
                "id": escalation.id,
                "part": part_of(escalation.subject),
                "subject": escalation.subject,
                "status": escalation.status,
                "opened_ms": escalation.opened_ms,
                "due_ms": escalation.due_ms,
                "lane": escalation.lane,
                "closed_ms": escalation.closed_ms,
                "body": json.dumps(asdict(escalation), ensure_ascii=False),
            },
        )

    def overdue(self, now_ms: int, longest_ms: int, limit: int) -> list[Escalation]:
        """Those of our share whose deadline has passed, or is too far ahead: then the clock was set back.

        Their subjects are locked. Those that another worker has now are left for the next time.
        """
        share = self._db.share
        rows = self._db.execute(
            "SELECT id, subject FROM escalation WHERE (due_ms <= ? OR due_ms > ?) AND part % ? = ?"
            " ORDER BY due_ms LIMIT ?",
            (now_ms, now_ms + longest_ms + CLOCKS_DIFFER_MS, share.workers, share.slot, limit),
        ).fetchall()
        free = set(self._db.lock_free([subject for _, subject in rows]))
        found = [self.get(id_) for id_, subject in rows if subject in free]
        return [one for one in found if one is not None]

    def of_subject(self, subject: str, limit: int = 50) -> list[Escalation]:
        """The newest of one subject, newest first."""
        rows = self._db.execute(
            "SELECT body FROM escalation WHERE subject = ? ORDER BY opened_ms DESC, id LIMIT ?",
            (subject, limit),
        )
        return [_load(body) for (body,) in rows]

    def open(self, limit: int) -> list[Escalation]:
        """Those that are not closed, newest first."""
        rows = self._db.execute(
            "SELECT body FROM escalation WHERE status <> ? ORDER BY opened_ms DESC, id LIMIT ?",
            (Status.CLOSED, limit),
        )
        return [_load(body) for (body,) in rows]

    def opened_between(self, from_ms: int, to_ms: int) -> Iterator[Escalation]:
        """Those opened in [from_ms, to_ms), oldest first, a page at a time."""
        after = (from_ms - 1, "~")
        while True:
            rows = self._db.execute(
                "SELECT body FROM escalation WHERE (opened_ms, id) > (?, ?) AND opened_ms < ?"
                " ORDER BY opened_ms, id LIMIT 500",
                (*after, to_ms),
            ).fetchall()
            for (body,) in rows:
                escalation = _load(body)
                after = (escalation.opened_ms, escalation.id)
                yield escalation
            if len(rows) < 500:
                return

    def counts(self) -> dict[tuple[Lane, Status], int]:
        """How many there are of each lane and status."""
        rows = self._db.execute("SELECT lane, status, count(*) FROM escalation GROUP BY lane, status")
        return {(Lane(lane), Status(status)): count for lane, status, count in rows}

    def newest(self, limit: int) -> list[Escalation]:
        rows = self._db.execute("SELECT body FROM escalation ORDER BY opened_ms DESC, id LIMIT ?", (limit,))
        return [_load(body) for (body,) in rows]

    # -- notices --------------------------------------------------------------------------------------

    def add_notice(self, notice: Notice) -> None:
        self._db.execute(
            f"INSERT INTO notice ({_NOTICE}) VALUES ({_VALUES}) ON CONFLICT DO NOTHING",  # noqa: S608 - constants
            asdict(notice),
        )

    def update_notice(self, notice: Notice) -> None:
        self._db.execute(
            f"UPDATE notice SET {_CHANGES} WHERE id = :id",  # noqa: S608 - a constant
            asdict(notice),
        )

    def due_notices(self, now_ms: int, longest_ms: int, limit: int) -> list[Notice]:
        """Those of our share to be sent now.

        One that is due after the longest pause has had the clock set back under it.
        """
        share = self._db.share
        rows = self._db.execute(
            f"SELECT {_NOTICE} FROM notice"  # noqa: S608 - a constant
            " WHERE state = 'queued' AND (due_ms <= ? OR due_ms > ?)"
            " AND escalation IN (SELECT id FROM escalation WHERE part % ? = ?) ORDER BY due_ms LIMIT ?",
            (now_ms, now_ms + longest_ms + CLOCKS_DIFFER_MS, share.workers, share.slot, limit),
        )
        return [_notice(row) for row in rows]

    def notice(self, id_: str) -> Notice | None:
        query = f"SELECT {_NOTICE} FROM notice WHERE id = ?"  # noqa: S608 - a constant
        row = self._db.execute(query, (id_,)).fetchone()
        return _notice(row) if row else None

    def longest_waiting_ms(self) -> int | None:
        """Since when the oldest message waits to be taken; None where none does."""
        row = self._db.execute("SELECT min(queued_ms) FROM notice WHERE state = 'queued'").fetchone()
        return row[0] if row else None

    def notice_sent_as(self, provider: str, provider_id: str) -> Notice | None:
        """The notice that this provider knows by this id."""
        row = self._db.execute(
            f"SELECT {_NOTICE} FROM notice WHERE provider = ? AND provider_id = ?",  # noqa: S608 - a constant
            (provider, provider_id),
        ).fetchone()
        return _notice(row) if row else None

    def told_to(self, mark: str, since_ms: int, limit: int = 50) -> list[tuple[str, str]]:
        """The escalations that a number was written to about, newest first, with the contact it was."""
        rows = self._db.execute(
            "SELECT escalation, max(contact) FROM notice WHERE to_mark = ? AND queued_ms >= ?"
            " GROUP BY escalation ORDER BY max(queued_ms) DESC LIMIT ?",
            (mark, since_ms, limit),
        )
        return [(escalation, contact) for escalation, contact in rows]

    def receipts_overdue(self, now_ms: int, limit: int) -> list[Notice]:
        """Those of our share whose delivery receipt has not come in time."""
        share = self._db.share
        rows = self._db.execute(
            f"SELECT {_NOTICE} FROM notice WHERE receipt_due_ms <= ?"  # noqa: S608 - a constant
            " AND escalation IN (SELECT id FROM escalation WHERE part % ? = ?) ORDER BY receipt_due_ms LIMIT ?",
            (now_ms, share.workers, share.slot, limit),
        )
        return [_notice(row) for row in rows]

    def notices(self, escalation: str) -> list[Notice]:
        query = f"SELECT {_NOTICE} FROM notice WHERE escalation = ? ORDER BY number"  # noqa: S608 - a constant
        rows = self._db.execute(query, (escalation,))
        return [_notice(row) for row in rows]

    # -- findings -------------------------------------------------------------------------------------

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

    # -- links ----------------------------------------------------------------------------------------

    def add_link(self, token: str, escalation: str, contact: str, expires_ms: int) -> None:
        """Only a hash of the token is kept: a copy of this file opens no page."""
        self._db.execute(
            "INSERT INTO link VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (_hash(token), escalation, contact, expires_ms),
        )

    def link(self, token: str) -> tuple[str, str, int] | None:
        """Escalation, contact and expiry of a token."""
        row = self._db.execute(
            "SELECT escalation, contact, expires_ms FROM link WHERE token_hash = ?", (_hash(token),)
        ).fetchone()
        return (row[0], row[1], row[2]) if row else None

    # -- history --------------------------------------------------------------------------------------

    def log(self, t_ms: int, escalation: str | None, type_: str, actor: str, **detail: object) -> None:
        """Append one line; one without an escalation is of a refusal.

        `actor` is a contact's id, `rules`, `carrier` or `clock`; never a name.
        """
        self._db.execute(
            "INSERT INTO history (t_ms, escalation, type, actor, detail) VALUES (?, ?, ?, ?, ?)",
            (t_ms, escalation, type_, actor, json.dumps(detail, ensure_ascii=False)),
        )

    def history(self, escalation: str) -> list[Entry]:
        rows = self._db.execute(
            "SELECT t_ms, type, actor, detail FROM history WHERE escalation = ? ORDER BY n", (escalation,)
        )
        return [Entry(t_ms, type_, actor, json.loads(detail)) for t_ms, type_, actor, detail in rows]

    # -- keeping time ---------------------------------------------------------------------------------

    def unlooked_reviews(self, opened_before_ms: int, limit: int) -> list[Escalation]:
        """Open reviews from before, which nobody has answered."""
        rows = self._db.execute(
            "SELECT body FROM escalation WHERE status <> ? AND opened_ms < ?"
            " AND lane = ? AND due_ms IS NULL ORDER BY opened_ms LIMIT ?",
            (Status.CLOSED, opened_before_ms, Lane.REVIEW, limit),
        )
        return [_load(body) for (body,) in rows]

    def forget_closed(self, closed_before_ms: int, limit: int) -> int:
        """Drop what was closed before, with everything that belongs to it; how many escalations."""
        ids = [
            row[0]
            for row in self._db.execute(
                "SELECT id FROM escalation WHERE status = ?"
                " AND coalesce(closed_ms, opened_ms) < ? ORDER BY id LIMIT ?",
                (Status.CLOSED, closed_before_ms, limit),
            )
        ]
        for id_ in ids:
            for statement in _FORGET:
                self._db.execute(statement, (id_,))
        return len(ids)


_COLUMNS = [field.name for field in fields(Notice)]
_NOTICE = ", ".join(_COLUMNS)
_VALUES = ", ".join(f":{name}" for name in _COLUMNS)
_CHANGES = ", ".join(
    f"{name} = :{name}"
    for name in _COLUMNS
    if name not in ("id", "escalation", "contact", "number", "queued_ms")
)

# History last: it can go only when its escalation has gone.
_FORGET = (
    "DELETE FROM link WHERE escalation = ?",
    "DELETE FROM notice WHERE escalation = ?",
    "DELETE FROM finding WHERE escalation = ?",
    "DELETE FROM referral WHERE escalation = ?",
    "DELETE FROM escalation WHERE id = ?",
    "DELETE FROM history WHERE escalation = ?",
)


def _load(body: str) -> Escalation:
    values = json.loads(body)
    values["grade"] = Grade(values["grade"])
    values["lane"] = Lane(values["lane"])
    values["status"] = Status(values["status"])
    for name in ("contacts", "rules", "raised"):
        values[name] = tuple(values.get(name, ()))
    values["rules"] = values["rules"] or (values["rule"],)
    return Escalation(**values)


def _notice(row: tuple[Any, ...]) -> Notice:
    id_, escalation, contact, number, state, *rest = row
    return Notice(id_, escalation, contact, number, NoticeState(state), *rest)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
