"""Who may open whose worklist: one address for each contact, kept as a hash, taken back at any time."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence

from cunmai_rules.journal.database import Database

LIFETIME_MS = 90 * 24 * 3_600_000
_TOKEN_BYTES = 24


class Worklists:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def grant(self, contact: str, now_ms: int) -> str:
        """A new token for a contact's worklist; earlier ones stop working. It cannot be read again."""
        self.revoke(contact)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._db.execute(
            "INSERT INTO worklist_link (token_hash, contact, expires_ms) VALUES (?, ?, ?)",
            (_hash(token), contact, now_ms + LIFETIME_MS),
        )
        return token

    def revoke(self, contact: str) -> int:
        """Take a contact's addresses back; how many there were."""
        return self._db.execute("DELETE FROM worklist_link WHERE contact = ?", (contact,)).rowcount

    def contact_of(self, token: str) -> tuple[str, int] | None:
        """Whose worklist a token opens, and until when."""
        row = self._db.execute(
            "SELECT contact, expires_ms FROM worklist_link WHERE token_hash = ?", (_hash(token),)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def looked(self, contact: str, shown: Sequence[str], now_ms: int) -> None:
        """Every look at residents is audited: whose worklist, and which escalations were on it."""
        self._db.execute(
            "INSERT INTO history (t_ms, escalation, type, actor, detail) VALUES (?, NULL, 'worklist', ?, ?)",
            (now_ms, contact, json.dumps({"shown": list(shown)})),
        )

    def forget_looks(self, before_ms: int) -> None:
        """The audit of looks, and of links that opened nothing, is kept as long as readings are."""
        self._db.execute(
            "DELETE FROM history WHERE escalation IS NULL AND type IN ('worklist', 'link_refused') AND t_ms < ?",
            (before_ms,),
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
