"""Referrals in the journal. Reads and writes within the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict

from cunmai_rules.journal.database import Database
from cunmai_rules.referral.states import Referral, ReferralState

_COLUMNS = (
    "id, escalation, resident, gateway, sender, receiver, note, requested_ms, state, decided_ms, answer_note,"
    " accepted_ms"
)
_PAGE = 500


class Book:
    """One connection's view of referrals."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, referral: Referral) -> None:
        self._db.execute(
            f"INSERT INTO referral ({_COLUMNS}) VALUES (:id, :escalation, :resident, :gateway, :sender, :receiver,"  # noqa: S608
            " :note, :requested_ms, :state, :decided_ms, :answer_note, :accepted_ms)",
            asdict(referral),
        )

    def update(self, referral: Referral) -> None:
        self._db.execute(
            "UPDATE referral SET state = :state, decided_ms = :decided_ms, answer_note = :answer_note,"
            " accepted_ms = :accepted_ms WHERE id = :id",
            asdict(referral),
        )

    def of(self, escalation: str) -> list[Referral]:
        """Those of one escalation, oldest first."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM referral WHERE escalation = ? ORDER BY requested_ms, id",  # noqa: S608
            (escalation,),
        )
        return [_referral(row) for row in rows]

    def between(self, from_ms: int, to_ms: int) -> Iterator[Referral]:
        """Those requested in [from_ms, to_ms), oldest first, a page at a time."""
        after = (from_ms - 1, "~")
        while True:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM referral WHERE (requested_ms, id) > (?, ?) AND requested_ms < ?"  # noqa: S608
                " ORDER BY requested_ms, id LIMIT ?",
                (*after, to_ms, _PAGE),
            ).fetchall()
            for row in rows:
                referral = _referral(row)
                after = (referral.requested_ms, referral.id)
                yield referral
            if len(rows) < _PAGE:
                return


def referral_id(escalation: str, number: int) -> str:
    """The same for the same referral of an escalation."""
    return "r" + hashlib.sha256(f"{escalation}/referral/{number}".encode()).hexdigest()[:20]


def _referral(row: tuple[object, ...]) -> Referral:
    values = dict(zip(_COLUMNS.replace(" ", "").split(","), row, strict=True))
    values["state"] = ReferralState(str(values["state"]))
    return Referral(**values)  # type: ignore[arg-type]  # the columns are the fields
