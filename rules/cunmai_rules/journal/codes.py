"""Short codes: two letters and digits, or four or six, that name an open escalation, or a summary, in a reply.

There are 108 of two, 11,664 of four and 1.2 million of six. No letter or digit that looks like another, and a
letter first, so that no code looks like an answer. A code stays with its escalation, closed or not, until the
escalation is a week past; only then can it mean another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cunmai_rules.journal.database import Database

LETTERS = "ACDEFHJKMNPRTUVWXY"
DIGITS = "345679"
_PAIRS = len(LETTERS) * len(DIGITS)
_TRIES = 30
"""Of each length."""
_STEP = 5 * _PAIRS**2 + 7 * _PAIRS + 11
"""Changes each place; prime to their number, so that all of them come in turn."""


class Codes:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def code_of(self, escalation: str) -> str | None:
        """The code that an escalation has."""
        query = "SELECT code FROM short_code WHERE escalation = ?"
        row = self._db.execute(query, (escalation,)).fetchone()
        return row[0] if row else None

    def give(self, escalation: str, now_ms: int) -> str | None:
        """The escalation's code, made where it has none; None where all are taken."""
        known = self.code_of(escalation)
        if known is not None:
            return known
        for code in _candidates(escalation):
            row = self._db.execute(
                "INSERT INTO short_code (code, escalation, made_ms) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING code",
                (code, escalation, now_ms),
            ).fetchone()
            if row:
                return str(row[0])
        return self.code_of(escalation)

    def forget(self, closed_before_ms: int) -> None:
        """Free the codes of escalations that were closed before, or are gone; and of summaries made before."""
        self._db.execute(
            "DELETE FROM short_code WHERE escalation NOT IN"
            " (SELECT id FROM escalation WHERE closed_ms IS NULL OR closed_ms >= ?)"
            " AND NOT (escalation IN (SELECT id FROM notice) AND made_ms >= ?)",
            (closed_before_ms, closed_before_ms),
        )


def _candidates(escalation: str) -> Iterator[str]:
    """Codes to try, the same for the same escalation: short ones first."""
    start = int.from_bytes(hashlib.sha256(escalation.encode()).digest()[:6], "big")
    for length in (1, 2, 3):
        for step in range(_TRIES):
            number = start + step * _STEP
            yield "".join(_pair(number // _PAIRS**place) for place in range(length))


def _pair(number: int) -> str:
    index = number % _PAIRS
    return LETTERS[index % len(LETTERS)] + DIGITS[index // len(LETTERS)]
