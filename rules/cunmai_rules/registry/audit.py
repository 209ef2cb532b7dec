"""Who changed what in the registry, and who looked at whom and why: written down, never altered, never a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cunmai_rules.journal.database import Database


class Purpose(StrEnum):
    """What somebody wants a name or a number for. Without one, none is shown."""

    EMERGENCY = "emergency"
    FOLLOW_UP = "follow_up"
    REFERRAL = "referral"
    CORRECTION = "correction"
    """Putting the registry itself right, exports among it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `who` is a token's name and id, an operator, or a part of the service; `id` is whom or what."""

    t_ms: int
    who: str
    what: str
    kind: str
    id: str
    why: str


def note(db: Database, entries: Iterable[Entry]) -> None:
    """Within the caller's transaction. A look is noted before anything is shown."""
    db.executemany(
        "INSERT INTO registry_audit (t_ms, who, what, kind, id, why) VALUES (?, ?, ?, ?, ?, ?)",
        ((one.t_ms, one.who, one.what, one.kind, one.id, one.why) for one in entries),
    )


def entries(db: Database, id_: str | None = None, who: str | None = None, limit: int = 100) -> list[Entry]:
    """The newest first."""
    rows = db.execute(
        "SELECT t_ms, who, what, kind, id, why FROM registry_audit"
        " WHERE id = coalesce(:id, id) AND who = coalesce(:who, who) ORDER BY n DESC LIMIT :limit",
        {"id": id_, "who": who, "limit": limit},
    )
    return [Entry(*row) for row in rows]
