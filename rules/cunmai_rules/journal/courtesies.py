"""Courtesies: our answers to replies by SMS, waiting to be sent. Few for each person, and never urgent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cunmai_rules.journal.database import Database

ONE_WITHIN_MS = 10 * 60_000
MOST_A_DAY = 10
DAY_MS = 24 * 3_600_000
GIVE_UP_MS = 10 * 60_000
"""An answer that comes later only puzzles."""


@dataclass(frozen=True, slots=True)
class Courtesy:
    """One message to one contact. Its id is its idempotency key."""

    id: str
    contact: str
    kind: str
    """Which template says it: help, closed."""
    values: Mapping[str, str]
    attempts: int
    made_ms: int


class Courtesies:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, contact: str, kind: str, values: Mapping[str, str], now_ms: int) -> bool:
        """Queue one; False where this person has had one a moment ago, or many today."""
        self._db.lock((f"courtesy: {contact}",))
        query = "SELECT count(*) FROM courtesy WHERE contact = ? AND made_ms > ?"
        ((lately,),) = self._db.execute(query, (contact, now_ms - ONE_WITHIN_MS))
        ((today,),) = self._db.execute(query, (contact, now_ms - DAY_MS))
        if lately or today >= MOST_A_DAY:
            return False
        id_ = "c" + hashlib.sha256(f"{contact}/{now_ms}".encode()).hexdigest()[:20]
        parts = json.dumps(dict(values), ensure_ascii=False)
        self._db.execute(
            "INSERT INTO courtesy (id, contact, kind, parts, state, attempts, due_ms, made_ms)"
            " VALUES (?, ?, ?, ?, 'queued', 0, ?, ?) ON CONFLICT DO NOTHING",
            (id_, contact, kind, parts, now_ms, now_ms),
        )
        return True

    def due(self, now_ms: int, limit: int) -> list[Courtesy]:
        """Those to be sent now."""
        rows = self._db.execute(
            "SELECT id, contact, kind, parts, attempts, made_ms FROM courtesy"
            " WHERE state = 'queued' AND due_ms <= ? ORDER BY due_ms LIMIT ?",
            (now_ms, limit),
        )
        return [
            Courtesy(id_, contact, kind, json.loads(parts), attempts, made_ms)
            for id_, contact, kind, parts, attempts, made_ms in rows
        ]

    def give(self, id_: str) -> None:
        """It is about to be given to a provider that would send it twice: from now on it is not due."""
        self._db.execute("UPDATE courtesy SET state = 'given' WHERE id = ?", (id_,))

    def settle(self, id_: str, state: str) -> None:
        """It was sent, or it will not be."""
        self._db.execute("UPDATE courtesy SET state = ?, attempts = attempts + 1 WHERE id = ?", (state, id_))

    def later(self, id_: str, due_ms: int) -> None:
        self._db.execute(
            "UPDATE courtesy SET state = 'queued', due_ms = ?, attempts = attempts + 1 WHERE id = ?",
            (due_ms, id_),
        )

    def forget(self, before_ms: int) -> None:
        self._db.execute("DELETE FROM courtesy WHERE made_ms < ?", (before_ms,))
