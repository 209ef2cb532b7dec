"""What each person was told, what is held back from them, and what went out together; and summaries' links."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cunmai_rules.escalation.folding import Owed, Told, Weight, Why
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.notices import NOTICE, Notice, notice_of

MOST_TOGETHER = 500
"""Messages in one summary; the rest are in the next."""
MOST_TOLD = 2000
MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class SummaryLink:
    """What the link in a summary opens: to one contact, what they were asked about at these sites."""

    notice: str
    contact: str
    sites: tuple[str, ...]
    expires_ms: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A message that waits, and until when."""

    contact: str
    why: Why
    due_ms: int


class Folds:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def lock(self, contact: str) -> None:
        """Until the end of the transaction nobody else decides what this person is told."""
        self._db.lock((f"told: {contact}",))

    # -- what was told, and what waits ------------------------------------------------------------------

    def knows(self, escalation: str, contact: str, besides: str = "") -> Weight | None:
        """The gravest that this person has been told of it, by another message than `besides`. None: nothing
        was taken for them, or it has been lost since."""
        rows = self._db.execute(
            "SELECT weight FROM notice WHERE escalation = ? AND contact = ? AND id <> ?"
            " AND state IN ('accepted', 'delivered')",
            (escalation, contact, besides),
        ).fetchall()
        weights = [Weight(weight) if weight else Weight.YELLOW for (weight,) in rows]
        return min(weights, key=list(Weight).index, default=None)

    def times_told(self, notice: Notice) -> int:
        """How many other messages about the same were taken for this person, and not lost since."""
        row = self._db.execute(
            "SELECT count(*) FROM notice WHERE escalation = ? AND contact = ? AND id <> ?"
            " AND state IN ('accepted', 'delivered')",
            (notice.escalation, notice.contact, notice.id),
        ).fetchone()
        return int(row[0]) if row else 0

    def told(self, contact: str, since_ms: int) -> list[Told]:
        """The messages to this person since then. One that never arrives has told them nothing."""
        rows = self._db.execute(
            "SELECT one.id, one.told_ms, one.counts_as, one.told_with, coalesce(part.site, one.site)"
            " FROM notice AS one LEFT JOIN notice AS part ON part.told_with = one.id"
            " WHERE one.contact = ? AND one.counts_as IS NOT NULL AND one.told_ms >= ?"
            " AND one.state NOT IN ('failed', 'dropped') ORDER BY one.told_ms DESC LIMIT ?",
            (contact, since_ms, MOST_TOLD),
        )
        sites: dict[str, set[str]] = {}
        messages: dict[str, tuple[int, Weight, bool]] = {}
        for id_, told_ms, counts_as, told_with, site in rows:
            sites.setdefault(id_, set()).add(site or "")
            messages[id_] = (told_ms, Weight(counts_as), told_with is not None)
        return [
            Told(told_ms, weight, frozenset(sites[id_]), together)
            for id_, (told_ms, weight, together) in messages.items()
        ]

    def waiting(self, contact: str, besides: str) -> list[Owed]:
        """What is held back from this person, the first that was asked first."""
        rows = self._db.execute(
            "SELECT id, site, weight, queued_ms, held_ms, held_why FROM notice WHERE contact = ? AND id <> ?"
            " AND state = 'queued' AND held_ms IS NOT NULL AND told_ms IS NULL ORDER BY queued_ms, id LIMIT ?",
            (contact, besides, MOST_TOGETHER - 1),
        )
        return [
            Owed(id_, site or "", Weight(weight), queued_ms, held_ms, Why(why))
            for id_, site, weight, queued_ms, held_ms, why in rows
        ]

    def told_in(self, lead: str) -> list[Notice]:
        """Everything that went out in a summary, by the notice that carries it; its own, too."""
        rows = self._db.execute(
            f"SELECT {NOTICE} FROM notice WHERE told_with = ? ORDER BY queued_ms, id",  # noqa: S608 - a constant
            (lead,),
        )
        return [notice_of(row) for row in rows]

    def members(self, lead: str) -> list[Notice]:
        """The same without the notice that carries it."""
        return [one for one in self.told_in(lead) if one.id != lead]

    def asked_again(self, notice: Notice) -> bool:
        """Whether the same person has been asked about the same since."""
        row = self._db.execute(
            "SELECT 1 FROM notice WHERE escalation = ? AND contact = ? AND number > ? LIMIT 1",
            (notice.escalation, notice.contact, notice.number),
        ).fetchone()
        return row is not None

    def held_back(self, escalations: Iterable[str]) -> dict[str, HeldBack]:
        """Of these escalations, those of which a message is held back now."""
        held = {}
        for escalation in escalations:
            row = self._db.execute(
                "SELECT contact, held_why, due_ms FROM notice WHERE escalation = ? AND state = 'queued'"
                " AND held_ms IS NOT NULL AND told_ms IS NULL ORDER BY number DESC LIMIT 1",
                (escalation,),
            ).fetchone()
            if row is not None:
                held[escalation] = HeldBack(row[0], Why(row[1]), row[2])
        return held

    # -- summaries --------------------------------------------------------------------------------------

    def asked_of(self, contact: str, sites: Sequence[str], since_ms: int) -> list[str]:
        """The escalations that this person was to be asked about at these sites since then, newest first."""
        found: dict[str, int] = {}
        for site in sites:
            rows = self._db.execute(
                "SELECT escalation, max(queued_ms) FROM notice WHERE contact = ? AND site = ? AND queued_ms >= ?"
                " GROUP BY escalation ORDER BY max(queued_ms) DESC, escalation LIMIT ?",
                (contact, site, since_ms, MOST_LISTED),
            )
            found |= dict(rows.fetchall())
        return sorted(found, key=lambda id_: (-found[id_], id_))[:MOST_LISTED]

    def summaries_to(self, mark: str, since_ms: int, limit: int = 20) -> list[tuple[str, str]]:
        """The summaries that a number was sent, newest first: their notice, and the contact it was."""
        rows = self._db.execute(
            "SELECT id, contact FROM notice WHERE to_mark = ? AND told_with = id AND queued_ms >= ?"
            " ORDER BY told_ms DESC, id LIMIT ?",
            (mark, since_ms, limit),
        )
        return [(id_, contact) for id_, contact in rows]

    def add_link(self, token: str, link: SummaryLink) -> None:
        """Only a hash of the token is kept: a copy of this file opens no page."""
        self._db.execute(
            "INSERT INTO summary_link (token_hash, notice, contact, sites, expires_ms) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (_hash(token), link.notice, link.contact, json.dumps(link.sites), link.expires_ms),
        )

    def link(self, token: str) -> SummaryLink | None:
        """What a token opens."""
        row = self._db.execute(
            "SELECT notice, contact, sites, expires_ms FROM summary_link WHERE token_hash = ?",
            (_hash(token),),
        ).fetchone()
        return SummaryLink(row[0], row[1], tuple(json.loads(row[2])), row[3]) if row else None

    def forget(self, expired_before_ms: int) -> None:
        """Drop links that nobody can use any more."""
        self._db.execute("DELETE FROM summary_link WHERE expires_ms < ?", (expired_before_ms,))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
