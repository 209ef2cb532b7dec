"""Whom to ask about a resident now: the grid's volunteer, the team level by level, and who is on duty."""

from __future__ import annotations

from collections.abc import Sequence

from cunmai_rules.journal.database import Database
from cunmai_rules.moments import CHINA_MINUTES, day_of
from cunmai_rules.registry.duty import Handover, Reach, Shift, nearest_first, on_duty

MOST_LEVELS_UP = 8
"""Sites above one another; a loop ends here."""
_MOST = 100

REACHABLE = "staff.phone IS NOT NULL AND staff.phone_kind IN ('mobile', 'abroad')"
"""A message gets there."""
_STILL = "(staff.until_day IS NULL OR staff.until_day >= ?)"


def contacts_for(
    db: Database, resident: str | None, gateway: str, now_ms: int, utc_offset_minutes: int = CHINA_MINUTES
) -> list[Reach]:
    """Who can be asked now, nearest first; empty where the registry knows nobody. Raises Retryable."""
    today = day_of(now_ms, utc_offset_minutes)
    site = site_of(db, gateway)
    teams = _teams_of(db, resident, today) if resident is not None else []
    if not teams:
        teams = _teams_near(db, site)
    if not teams and site is None:
        return []
    home = _site_of_team(db, teams[0]) if teams else site
    members = [pair for team in teams for pair in _members(db, team, today)]
    duty, rostered = _duty(db, sites_up(db, home), now_ms, today)
    volunteers = _volunteers(db, resident, today) if resident is not None else []
    return nearest_first(volunteers, members, duty, rostered)


def team_of(
    db: Database, resident: str | None, gateway: str, at_ms: int, utc_offset_minutes: int = CHINA_MINUTES
) -> str | None:
    """The team that looked after a resident at that time; that of the nearest site where they had none."""
    signed = [] if resident is None else _teams_of(db, resident, day_of(at_ms, utc_offset_minutes))
    return next(iter(signed or _teams_near(db, site_of(db, gateway))), None)


def site_of(db: Database, gateway: str) -> str | None:
    """The site where this gateway stands."""
    row = db.execute("SELECT site FROM gateways WHERE gateway = ?", [gateway]).fetchone()
    return row[0] if row else None


def sites_up(db: Database, site: str | None) -> list[str]:
    """This site and those above it, nearest first."""
    found: list[str] = []
    while site is not None and site not in found and len(found) < MOST_LEVELS_UP:
        found.append(site)
        row = db.execute("SELECT parent FROM sites WHERE id = ?", [site]).fetchone()
        site = row[0] if row else None
    return found


def _teams_of(db: Database, resident: str, today: str) -> list[str]:
    """The teams that a resident is signed to, the newest signing first."""
    rows = db.execute(
        "SELECT team FROM signings WHERE resident = ? AND from_day <= ?"
        " AND (until_day IS NULL OR until_day >= ?) ORDER BY from_day DESC, team LIMIT ?",
        [resident, today, today, _MOST],
    )
    return list(dict.fromkeys(team for (team,) in rows))


def _teams_near(db: Database, site: str | None) -> list[str]:
    """The teams of the nearest site that has any."""
    for near in sites_up(db, site):
        rows = db.execute("SELECT id FROM teams WHERE site = ? ORDER BY id LIMIT ?", [near, _MOST]).fetchall()
        if rows:
            return [id_ for (id_,) in rows]
    return []


def _site_of_team(db: Database, team: str) -> str | None:
    row = db.execute("SELECT site FROM teams WHERE id = ?", [team]).fetchone()
    return row[0] if row else None


def _members(db: Database, team: str, today: str) -> list[tuple[int, str]]:
    rows = db.execute(
        "SELECT level, staff FROM team_members JOIN staff ON staff.id = team_members.staff WHERE team = ?"  # noqa: S608
        " AND (from_day IS NULL OR from_day <= ?)"
        " AND (team_members.until_day IS NULL OR team_members.until_day >= ?)"
        f" AND {_STILL} AND {REACHABLE} ORDER BY level, staff LIMIT ?",
        [team, today, today, today, _MOST],
    )
    return [(level, staff) for level, staff in rows]


def _volunteers(db: Database, resident: str, today: str) -> list[str]:
    """Nobody where the resident has refused: a volunteer is a neighbour, not of the team."""
    rows = db.execute(
        "SELECT staff.id FROM residents JOIN grids ON grids.id = residents.grid"  # noqa: S608 - words of ours
        f" JOIN staff ON staff.id = grids.volunteer WHERE residents.id = ?"
        f" AND coalesce(residents.consent, 1) <> 0 AND {_STILL} AND {REACHABLE}",
        [resident, today],
    )
    return [staff for (staff,) in rows]


def _duty(
    db: Database, sites: Sequence[str], now_ms: int, today: str
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """By level: who is on duty now and can be reached; and everybody whom a roster of that level names."""
    duty: list[tuple[int, str]] = []
    rostered: list[tuple[int, str]] = []
    for site in sites:
        for roster, level in db.execute(
            "SELECT id, level FROM rosters WHERE site = ? ORDER BY id LIMIT ?", [site, _MOST]
        ):
            named = db.execute("SELECT DISTINCT staff FROM shifts WHERE roster = ? LIMIT 1000", [roster])
            rostered += [(level, staff) for (staff,) in named]
            now = on_duty_by(db, roster, now_ms)
            duty += [(level, staff) for staff in now if can_be_reached(db, staff, today)]
    return duty, rostered


def on_duty_by(db: Database, roster: str, at_ms: int) -> list[str]:
    """Who is on duty at that moment by this roster, handovers included."""
    return on_duty(_shifts(db, roster, at_ms), _handovers(db, roster, at_ms), at_ms)


def _shifts(db: Database, roster: str, now_ms: int) -> list[Shift]:
    rows = db.execute(
        "SELECT roster, staff, starts_ms, ends_ms FROM shifts WHERE roster = ? AND ends_ms > ? AND starts_ms <= ?"
        " LIMIT ?",
        [roster, now_ms, now_ms, _MOST],
    )
    return [Shift(*row) for row in rows]


def _handovers(db: Database, roster: str, now_ms: int) -> list[Handover]:
    """Those of the longest shift that may still be on, in their order."""
    rows = db.execute(
        "SELECT roster, at_ms, from_staff, to_staff FROM handovers WHERE roster = ? AND at_ms <= ? AND at_ms > ?"
        " ORDER BY at_ms, n LIMIT 1000",
        [roster, now_ms, now_ms - 14 * 86_400_000],
    )
    return [Handover(*row) for row in rows]


def can_be_reached(db: Database, staff: str, today: str) -> bool:
    row = db.execute(
        f"SELECT 1 FROM staff WHERE id = ? AND {_STILL} AND {REACHABLE}",  # noqa: S608 - words of ours
        [staff, today],
    ).fetchone()
    return row is not None
