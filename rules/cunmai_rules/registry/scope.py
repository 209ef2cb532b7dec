"""What somebody may see: sites with everything below them, teams with whoever is signed to them."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.contacts import sites_up

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    """Ids of sites (`*`: all of them) and of teams."""

    sites: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def site(self, db: Database, site: str | None) -> bool:
        """This site, or one above it, is ours."""
        if EVERYWHERE in self.sites:
            return True
        return bool(self.sites) and not set(self.sites).isdisjoint(sites_up(db, site))

    def team(self, db: Database, team: str) -> bool:
        row = db.execute("SELECT site FROM teams WHERE id = ?", [team]).fetchone()
        return row is not None and (team in self.teams or self.site(db, row[0]))

    def resident(self, db: Database, resident: str, today: str) -> bool:
        """Lives at a site of ours, or is now signed to a team of ours."""
        row = db.execute("SELECT site FROM residents WHERE id = ?", [resident]).fetchone()
        if row is None:
            return False
        if self.site(db, row[0]):
            return True
        return any(self.team(db, team) for team in _teams(db, resident, today))

    def may_know(self, db: Database, resident: str, today: str) -> bool:
        """Whether what is known of them may be shown: where they refused, to their own team alone."""
        row = db.execute("SELECT consent FROM residents WHERE id = ?", [resident]).fetchone()
        refused = row is not None and row[0] == 0
        return not refused or not set(self.teams).isdisjoint(_teams(db, resident, today))

    def roster(self, db: Database, roster: str) -> bool:
        row = db.execute("SELECT site FROM rosters WHERE id = ?", [roster]).fetchone()
        return row is not None and self.site(db, row[0])


def _teams(db: Database, resident: str, today: str) -> list[str]:
    """Those that a resident is signed to now."""
    rows = db.execute(
        "SELECT team FROM signings WHERE resident = ? AND from_day <= ?"
        " AND (until_day IS NULL OR until_day >= ?) LIMIT 100",
        [resident, today, today],
    )
    return [team for (team,) in rows]
