"""Escalations, the notices they send, the links in those, and the history of it all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from cunmai_rules.escalation.policy import Escalation, Status
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

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # -- escalations ----------------------------------------------------------------------------------

    def get(self, id_: str) -> Escalation | None:
        row = self._db.execute("SELECT body FROM escalation WHERE id = ?", (id_,)).fetchone()
        return _load(row[0]) if row else None

    def save(self, escalation: Escalation) -> None:
        self._db.execute(
            "INSERT INTO escalation VALUES (:id, :subject, :status, :opened_ms, :due_ms, :body)"
            " ON CONFLICT (id) DO UPDATE SET status = :status, due_ms = :due_ms, body = :body",
            {
                "id": escalation.id,
                "subject": escalation.subject,
                "status": escalation.status,
                "opened_ms": escalation.opened_ms,
                "due_ms": escalation.due_ms,
                "body": json.dumps(asdict(escalation), ensure_ascii=False),
            },
        )

    def overdue(self, now_ms: int, limit: int) -> list[Escalation]:
        rows = self._db.execute(
            "SELECT body FROM escalation WHERE due_ms <= ? ORDER BY due_ms LIMIT ?", (now_ms, limit)
        )
        return [_load(body) for (body,) in rows]

    def newest(self, limit: int) -> list[Escalation]:
        rows = self._db.execute("SELECT body FROM escalation ORDER BY opened_ms DESC, id LIMIT ?", (limit,))
        return [_load(body) for (body,) in rows]

    # -- notices --------------------------------------------------------------------------------------

    def add_notice(self, notice: Notice) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO notice VALUES (:id, :escalation, :contact, :number, :state, :attempts,"
            " :due_ms, :queued_ms, :accepted_ms, :error)",
            asdict(notice),
        )

    def update_notice(self, notice: Notice) -> None:
        self._db.execute(
            "UPDATE notice SET state = :state, attempts = :attempts, due_ms = :due_ms,"
            " accepted_ms = :accepted_ms, error = :error WHERE id = :id",
            asdict(notice),
        )

    def due_notices(self, now_ms: int, limit: int) -> list[Notice]:
        rows = self._db.execute(
            "SELECT * FROM notice WHERE state = ? AND due_ms <= ? ORDER BY due_ms LIMIT ?",
            (NoticeState.QUEUED, now_ms, limit),
        )
        return [_notice(row) for row in rows]

    def notices(self, escalation: str) -> list[Notice]:
        rows = self._db.execute("SELECT * FROM notice WHERE escalation = ? ORDER BY number", (escalation,))
        return [_notice(row) for row in rows]

    # -- links ----------------------------------------------------------------------------------------

    def add_link(self, token: str, escalation: str, contact: str, expires_ms: int) -> None:
        """Only a hash of the token is kept: a copy of this file opens no page."""
        self._db.execute(
            "INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)", (_hash(token), escalation, contact, expires_ms)
        )

    def link(self, token: str) -> tuple[str, str, int] | None:
        """Escalation, contact and expiry of a token."""
        row = self._db.execute(
            "SELECT escalation, contact, expires_ms FROM link WHERE token_hash = ?", (_hash(token),)
        ).fetchone()
        return (row[0], row[1], row[2]) if row else None

    # -- history --------------------------------------------------------------------------------------

    def log(self, t_ms: int, escalation: str | None, type_: str, actor: str, **detail: object) -> None:
        """Append one line. `actor` is a contact's id, `rules`, `carrier` or `clock`; never a name."""
        self._db.execute(
            "INSERT INTO history (t_ms, escalation, type, actor, detail) VALUES (?, ?, ?, ?, ?)",
            (t_ms, escalation, type_, actor, json.dumps(detail, ensure_ascii=False)),
        )

    def history(self, escalation: str) -> list[Entry]:
        rows = self._db.execute(
            "SELECT t_ms, type, actor, detail FROM history WHERE escalation = ? ORDER BY n", (escalation,)
        )
        return [Entry(t_ms, type_, actor, json.loads(detail)) for t_ms, type_, actor, detail in rows]


def _load(body: str) -> Escalation:
    values = json.loads(body)
    values["grade"] = Grade(values["grade"])
    values["lane"] = Lane(values["lane"])
    values["status"] = Status(values["status"])
    values["contacts"] = tuple(values["contacts"])
    return Escalation(**values)


def _notice(row: tuple[Any, ...]) -> Notice:
    id_, escalation, contact, number, state, *rest = row
    return Notice(id_, escalation, contact, number, NoticeState(state), *rest)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
