"""What providers have called us about: calls taken once, and receipts that came too early. Bounded."""

from __future__ import annotations

from cunmai_rules.escalation.receipts import CarrierReceipt
from cunmai_rules.journal.database import Database

KEEP_EARLY_MS = 3_600_000
MOST_EARLY = 10_000
KEEP_CALLS_MS = 7 * 24 * 3_600_000
"""A provider that got no answer calls again for some hours; an old signature is refused long before."""


class Calls:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def first_time(self, provider: str, id_: str, digest: str, now_ms: int) -> bool | None:
        """Whether this call is taken now for the first time; None where another content had its id."""
        row = self._db.execute(
            "INSERT INTO provider_call (provider, id, digest, t_ms) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING id",
            (provider, id_, digest, now_ms),
        ).fetchone()
        if row:
            return True
        query = "SELECT digest FROM provider_call WHERE provider = ? AND id = ?"
        known = self._db.execute(query, (provider, id_)).fetchone()
        return False if known is not None and known[0] == digest else None

    def keep_early(self, receipt: CarrierReceipt, now_ms: int) -> bool:
        """Keep a receipt about something that is not known yet; False where there are too many.

        A "delivered" stands against a "failed", whichever comes first.
        """
        self._db.execute("DELETE FROM early_receipt WHERE t_ms < ?", (now_ms - KEEP_EARLY_MS,))
        ((count,),) = self._db.execute("SELECT count(*) FROM early_receipt")
        if count >= MOST_EARLY:
            return False
        self._db.execute(
            "INSERT INTO early_receipt (provider, provider_id, delivered, reason, t_ms) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (provider, provider_id) DO UPDATE SET delivered = excluded.delivered,"
            " reason = excluded.reason WHERE excluded.delivered > early_receipt.delivered",
            (receipt.provider, receipt.provider_id, int(receipt.delivered), receipt.reason, now_ms),
        )
        return True

    def lock(self, provider: str | None, provider_id: str | None) -> None:
        """Of a receipt and the answer it belongs to, only one is taken at a time: the second finds the first."""
        if provider is not None and provider_id is not None:
            self._db.lock((f"receipt: {provider}/{provider_id}",))

    def take_early(self, provider: str | None, provider_id: str | None) -> CarrierReceipt | None:
        """The receipt that came before the answer it belongs to."""
        if provider is None or provider_id is None:
            return None
        row = self._db.execute(
            "DELETE FROM early_receipt WHERE provider = ? AND provider_id = ? RETURNING delivered, reason",
            (provider, provider_id),
        ).fetchone()
        if row is None:
            return None
        return CarrierReceipt(provider, bool(row[0]), row[1], provider_id=provider_id)

    def forget(self, now_ms: int) -> None:
        """Drop calls that nobody can repeat any more."""
        self._db.execute("DELETE FROM provider_call WHERE t_ms < ?", (now_ms - KEEP_CALLS_MS,))
