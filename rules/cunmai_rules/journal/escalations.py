"""Escalations, the notices they send, the links in those, and the history of it all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.database import part_of
from cunmai_rules.journal.findings import FindingRows
from cunmai_rules.journal.notices import NoticeRows
from cunmai_wire.events import Grade, Lane


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of history."""

    t_ms: int
    type: str
    actor: str
    detail: dict[str, Any]


class Escalations(NoticeRows, FindingRows):
    """Reads and writes within the caller's transaction: escalations, and all that belongs to them."""

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

    def hold_all(self, ids: Sequence[str]) -> dict[str, Escalation]:
        """The same for several at once, by id."""
        wanted = list(dict.fromkeys(ids))
        subjects = [
            row[0]
            for id_ in wanted
            if (row := self._db.execute("SELECT subject FROM escalation WHERE id = ?", (id_,)).fetchone())
        ]
        self._db.lock(subjects)
        found = [self.get(id_) for id_ in wanted]
        return {one.id: one for one in found if one is not None}

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


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
