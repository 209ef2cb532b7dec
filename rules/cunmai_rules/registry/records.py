"""One site, team or resident as it is told: plain values, names and numbers only where they were asked for."""

from __future__ import annotations

from typing import Any

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.exporter import opened
from cunmai_rules.registry.store import Rows
from cunmai_rules.registry.tables import Record, Table, table_called
from cunmai_rules.registry.vault import Vault

_MOST = 1000


def site_record(db: Database, id_: str) -> dict[str, Any] | None:
    """A site with its gateways, teams and rosters."""
    record = _one(db, "sites", id_)
    if record is None:
        return None
    more = {
        "gateways": _ids(db, "SELECT gateway FROM gateways WHERE site = ? ORDER BY 1", id_),
        "teams": _ids(db, "SELECT id FROM teams WHERE site = ? ORDER BY 1", id_),
        "rosters": _ids(db, "SELECT id FROM rosters WHERE site = ? ORDER BY 1", id_),
    }
    return record | more


def team_record(db: Database, id_: str, vault: Vault | None) -> dict[str, Any] | None:
    """A team with its members; with a vault, with their names and numbers."""
    record = _one(db, "teams", id_)
    if record is None:
        return None
    members = db.execute(
        "SELECT staff, level, from_day, until_day FROM team_members WHERE team = ? ORDER BY level, staff LIMIT ?",
        [id_, _MOST],
    )
    return record | {
        "members": [
            {"staff": staff, "level": level, "from_day": from_day, "until_day": until_day}
            | _person(db, staff, vault)
            for staff, level, from_day, until_day in members
        ]
    }


def resident_record(db: Database, id_: str, vault: Vault | None) -> dict[str, Any] | None:
    """A resident with signings and own limits; with a vault, with name and number."""
    table = _table("residents")
    record = Rows(db).get(table, [(id_,)]).get((id_,))
    if record is None:
        return None
    conditions = record["conditions"]
    shown = _without(record, table) if vault is None else opened(vault, table, record)
    signings = db.execute(
        "SELECT team, from_day, until_day FROM signings WHERE resident = ? ORDER BY from_day DESC, team LIMIT ?",
        [id_, _MOST],
    )
    limits = db.execute(
        "SELECT rule, raises, clears, set_by, from_day, until_day FROM limits WHERE resident = ? ORDER BY rule LIMIT ?",
        [id_, _MOST],
    )
    return shown | {
        "conditions": None if conditions is None else [one for one in str(conditions).split(";") if one],
        "signings": [dict(zip(("team", "from_day", "until_day"), row, strict=True)) for row in signings],
        "limits": [
            {"rule": rule, "raises": float(raises), "clears": float(clears), "set_by": set_by,
             "from_day": from_day, "until_day": until_day}
            for rule, raises, clears, set_by, from_day, until_day in limits
        ],
    }  # fmt: skip


def staff_record(db: Database, id_: str, vault: Vault | None) -> dict[str, Any] | None:
    """One of the staff."""
    found = _person(db, id_, vault)
    return {"id": id_} | found if found else None


def people_of(db: Database, kind: str, id_: str) -> list[tuple[str, str]]:
    """Whose names a record holds: their table and id."""
    match kind:
        case "resident":
            return [("residents", id_)]
        case "staff":
            return [("staff", id_)]
        case "team":
            members = _ids(db, "SELECT staff FROM team_members WHERE team = ? ORDER BY staff", id_)
            return [("staff", staff) for staff in members]
    return []


def _person(db: Database, staff: str, vault: Vault | None) -> dict[str, Any]:
    table = _table("staff")
    record = Rows(db).get(table, [(staff,)]).get((staff,))
    if record is None:
        return {}
    shown = _without(record, table) if vault is None else opened(vault, table, record)
    names = ("role", "site", *(table.sealed if vault is not None else ()))
    return {name: shown[name] for name in names}


def _without(record: Record, table: Table) -> Record:
    return {name: value for name, value in record.items() if name not in table.sealed}


def _one(db: Database, name: str, id_: str) -> Record | None:
    return Rows(db).get(_table(name), [(id_,)]).get((id_,))


def _table(name: str) -> Table:
    table = table_called(name)
    assert table is not None, "a table of ours"
    return table


def _ids(db: Database, sql: str, id_: str) -> list[str]:
    return [one for (one,) in db.execute(f"{sql} LIMIT ?", [id_, _MOST])]
