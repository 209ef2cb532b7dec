"""What the processes of one journal have to agree on."""

from __future__ import annotations

from cunmai_rules.journal.database import Database


def agree(db: Database, name: str, value: str) -> bool:
    """Whether this is what the first one said; the first one says it."""
    with db.transaction():
        db.execute("INSERT INTO agreed VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
        ((agreed,),) = db.execute("SELECT value FROM agreed WHERE name = ?", (name,))
    return bool(agreed == value)


def said(db: Database, name: str) -> str | None:
    """What was last said under this name."""
    row = db.execute("SELECT value FROM agreed WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def exchange(db: Database, name: str, value: str) -> str | None:
    """Say this from now on; what was said before."""
    with db.transaction():
        db.lock((f"agreed: {name}",))
        row = db.execute("SELECT value FROM agreed WHERE name = ?", (name,)).fetchone()
        db.execute(
            "INSERT INTO agreed VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value",
            {"name": name, "value": value},
        )
    return row[0] if row else None
