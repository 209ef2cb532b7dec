"""The notices that escalations send."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import Any

from cunmai_rules.escalation.folding import Weight, Why
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.database import Database
from cunmai_wire.events import NoticeState


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
    site: str | None = None
    """Where it is about (`Directory.place_of`)."""
    weight: Weight | None = None
    """What it is to the person who gets it; None until it was first looked at."""
    held_ms: int | None = None
    """Since when it was held back."""
    held_why: Why | None = None
    told_ms: int | None = None
    """When it was first on its way, by itself or in a summary."""
    told_with: str | None = None
    """The notice that carries the summary in which it went out: its own id where it carries that itself."""
    counts_as: Weight | None = None
    """Whose room in the rate table the message took; None where another notice carries it."""

    @property
    def carries_summary(self) -> bool:
        """Whether it tells of others together with its own escalation."""
        return self.told_with == self.id


def notice_id(escalation: str, number: int) -> str:
    """The same for the same notice, however often its making is repeated."""
    return "n" + hashlib.sha256(f"{escalation}/{number}".encode()).hexdigest()[:20]


_COLUMNS = [field.name for field in fields(Notice)]
NOTICE = ", ".join(_COLUMNS)
"""The columns of a notice, as `notice_of` reads them."""
_VALUES = ", ".join(f":{name}" for name in _COLUMNS)
_CHANGES = ", ".join(
    f"{name} = :{name}"
    for name in _COLUMNS
    if name not in ("id", "escalation", "contact", "number", "queued_ms")
)

_OF_OUR_SHARE = "EXISTS (SELECT 1 FROM escalation WHERE id = notice.escalation AND part % ? = ?)"
"""Asked of each row that is due, so that its index finds them: of a list of all escalations SQLite would walk every
notice that there ever was, at every tick."""


class NoticeRows:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add_notice(self, notice: Notice) -> None:
        self._db.execute(
            f"INSERT INTO notice ({NOTICE}) VALUES ({_VALUES}) ON CONFLICT DO NOTHING",  # noqa: S608 - constants
            asdict(notice),
        )

    def update_notice(self, notice: Notice) -> None:
        self._db.execute(
            f"UPDATE notice SET {_CHANGES} WHERE id = :id",  # noqa: S608 - a constant
            asdict(notice),
        )

    def due_notices(self, now_ms: int, longest_ms: int, limit: int) -> list[Notice]:
        """Those of our share to be sent now.

        One that is due after the longest pause, or held since the future, has had the clock set back under it.
        """
        share = self._db.share
        ahead_ms = now_ms + CLOCKS_DIFFER_MS
        rows = self._db.execute(
            f"SELECT {NOTICE} FROM notice"  # noqa: S608 - a constant
            " WHERE state = 'queued' AND (due_ms <= ? OR due_ms > ? OR (held_ms > ? AND told_ms IS NULL))"
            f" AND (told_with IS NULL OR told_with = id) AND {_OF_OUR_SHARE} ORDER BY due_ms LIMIT ?",
            (now_ms, ahead_ms + longest_ms, ahead_ms, share.workers, share.slot, limit),
        )
        return [notice_of(row) for row in rows]

    def notice(self, id_: str) -> Notice | None:
        query = f"SELECT {NOTICE} FROM notice WHERE id = ?"  # noqa: S608 - a constant
        row = self._db.execute(query, (id_,)).fetchone()
        return notice_of(row) if row else None

    def longest_waiting_ms(self) -> int | None:
        """Since when somebody waits for a message that no provider takes; None where nobody does.

        Each next contact's message takes the place of the one before: an alarm waits since the first of those
        that came to nothing, not since the newest. One held back waits since its time.
        """
        row = self._db.execute(
            "WITH waiting AS (SELECT DISTINCT escalation FROM notice WHERE state = 'queued'), taken AS"
            " (SELECT escalation, max(number) AS number FROM notice WHERE accepted_ms IS NOT NULL"
            " AND escalation IN (SELECT escalation FROM waiting) GROUP BY escalation)"
            " SELECT min(CASE WHEN held_ms IS NULL OR told_ms IS NOT NULL THEN queued_ms ELSE due_ms END)"
            " FROM notice JOIN waiting ON waiting.escalation = notice.escalation"
            " LEFT JOIN taken ON taken.escalation = notice.escalation"
            " WHERE (state = 'queued' OR (state = 'dropped' AND held_ms IS NULL))"
            " AND notice.number > coalesce(taken.number, 0)"
        ).fetchone()
        return row[0] if row else None

    def notice_sent_as(self, provider: str, provider_id: str) -> Notice | None:
        """The notice that this provider knows by this id."""
        row = self._db.execute(
            f"SELECT {NOTICE} FROM notice WHERE provider = ? AND provider_id = ?",  # noqa: S608 - a constant
            (provider, provider_id),
        ).fetchone()
        return notice_of(row) if row else None

    def told_to(
        self, mark: str, since_ms: int, code: str | None = None, limit: int = 50
    ) -> list[tuple[str, str]]:
        """The escalations that a number was written to about, with the contact it was.

        Where there are more than `limit`: the one that `code` names, then what is open, then the newest. A duty
        phone may have had a hundred closed ones since the one that it answers.
        """
        rows = self._db.execute(
            "SELECT notice.escalation, max(contact) FROM notice"
            " JOIN escalation ON escalation.id = notice.escalation WHERE to_mark = ? AND queued_ms >= ?"
            " GROUP BY notice.escalation, escalation.status ORDER BY CASE WHEN notice.escalation ="
            " (SELECT escalation FROM short_code WHERE code = ?) THEN 0 WHEN escalation.status <> ? THEN 1"
            " ELSE 2 END, max(queued_ms) DESC LIMIT ?",
            (mark, since_ms, code, Status.CLOSED, limit),
        )
        return [(escalation, contact) for escalation, contact in rows]

    def receipts_overdue(self, now_ms: int, limit: int) -> list[Notice]:
        """Those of our share whose delivery receipt has not come in time."""
        share = self._db.share
        rows = self._db.execute(
            f"SELECT {NOTICE} FROM notice WHERE receipt_due_ms <= ?"  # noqa: S608 - a constant
            f" AND {_OF_OUR_SHARE} ORDER BY receipt_due_ms LIMIT ?",
            (now_ms, share.workers, share.slot, limit),
        )
        return [notice_of(row) for row in rows]

    def notices(self, escalation: str) -> list[Notice]:
        query = f"SELECT {NOTICE} FROM notice WHERE escalation = ? ORDER BY number"  # noqa: S608 - a constant
        rows = self._db.execute(query, (escalation,))
        return [notice_of(row) for row in rows]


def notice_of(row: tuple[Any, ...]) -> Notice:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["state"] = NoticeState(values["state"])
    for name, kind in (("weight", Weight), ("held_why", Why), ("counts_as", Weight)):
        values[name] = None if values[name] is None else kind(values[name])
    return Notice(**values)
