"""Lint of teams, grids, and the numbers that people are reached at."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.contacts import REACHABLE
from cunmai_rules.registry.finding import Finding, Sort, View

GRID_RESIDENTS_MOST = 30
"""About 20 to a volunteer; half as many again is too many."""
DOCTOR_GRIDS_MOST = 20
"""About 15 to a village doctor."""

_NUMBER = Sort(
    "number-doubtful",
    "warning",
    "residents",
    "居民 {0} 的电话不像真实号码",
    "the telephone number of {0} cannot be right",
)
_TEAM = Sort(
    "team-unreachable",
    "error",
    "teams",
    "团队 {0} 没有任何可联系的在岗成员",
    "nobody of the team {0} can be reached",
)
_TEAM_EMPTY = Sort(
    "team-no-village-doctor",
    "warning",
    "teams",
    "团队 {0} 没有在岗村医",
    "the team {0} has no village doctor now",
)
_STAFF_NUMBER = Sort(
    "number-doubtful",
    "error",
    "staff",
    "人员 {0} 的电话不像真实号码",
    "the telephone number of {0} cannot be right",
)
_STAFF_NO_NUMBER = Sort(
    "staff-no-number",
    "error",
    "staff",
    "人员 {0} 在团队或网格中, 但没有电话",
    "{0} is in a team or has a grid, and has no number",
)
_LANDLINE = Sort(
    "staff-landline",
    "warning",
    "staff",
    "人员 {0} 登记的是座机, 收不到短信",
    "the number of {0} is a landline: it takes no message",
)
_TAKEN = Sort(
    "staff-id-taken",
    "error",
    "staff",
    "人员编号 {0} 与 rules.yaml 中的联系人重名, 请改一个",
    "{0} is a contact of rules.yaml as well: rename one of the two",
)
_GRID = Sort(
    "grid-size",
    "warning",
    "grids",
    "网格 {0} 有 {1} 位居民(约 20 位为宜)",
    "the grid {0} has {1} residents (about 20 are meant)",
)
_GRID_NOBODY = Sort(
    "grid-no-volunteer", "warning", "grids", "网格 {0} 没有网格员", "the grid {0} has no volunteer"
)
_GRIDS = Sort(
    "doctor-grids",
    "warning",
    "staff",
    "村医 {0} 负责 {1} 个网格(约 15 个为宜)",
    "{0} has {1} grids (about 15 are meant)",
)

_NOW_MEMBER = (
    "(team_members.from_day IS NULL OR team_members.from_day <= ?)"
    " AND (team_members.until_day IS NULL OR team_members.until_day >= ?)"
    " AND (staff.until_day IS NULL OR staff.until_day >= ?)"
)


def numbers(db: Database, view: View) -> Iterator[Finding]:
    for sort in (_NUMBER, _STAFF_NUMBER):
        yield from sort.ask(
            db, f"SELECT id FROM {sort.kind} WHERE phone_kind = 'doubtful' ORDER BY id", (), view  # noqa: S608
        )  # fmt: skip
    yield from _LANDLINE.ask(db, "SELECT id FROM staff WHERE phone_kind = 'landline' ORDER BY id", (), view)
    yield from _STAFF_NO_NUMBER.ask(
        db,
        "SELECT id FROM staff WHERE phone IS NULL AND (until_day IS NULL OR until_day >= ?) AND (EXISTS"
        " (SELECT 1 FROM team_members WHERE team_members.staff = staff.id) OR EXISTS"
        " (SELECT 1 FROM grids WHERE grids.volunteer = staff.id OR grids.doctor = staff.id)) ORDER BY id",
        (view.today,), view,
    )  # fmt: skip
    for id_ in sorted(view.contacts):
        yield from _TAKEN.ask(db, "SELECT id FROM staff WHERE id = ?", (id_,), view)


def teams(db: Database, view: View) -> Iterator[Finding]:
    today = view.today
    member = (
        "SELECT id FROM teams WHERE NOT EXISTS (SELECT 1 FROM team_members JOIN staff"  # noqa: S608 - ours
        f" ON staff.id = team_members.staff WHERE team_members.team = teams.id AND {_NOW_MEMBER}"
    )
    yield from _TEAM.ask(
        db,
        f"{member} AND {REACHABLE}) ORDER BY id",
        (today,) * 3, view,
    )  # fmt: skip
    yield from _TEAM_EMPTY.ask(
        db,
        f"{member} AND team_members.level = 1) ORDER BY id",
        (today,) * 3, view,
    )  # fmt: skip


def grids(db: Database, view: View) -> Iterator[Finding]:
    yield from _GRID.ask(
        db,
        "SELECT grids.id, count(residents.id) FROM grids LEFT JOIN residents ON residents.grid = grids.id"
        " GROUP BY grids.id HAVING count(residents.id) > ? OR count(residents.id) = 0 ORDER BY grids.id",
        (GRID_RESIDENTS_MOST,), view,
    )  # fmt: skip
    yield from _GRID_NOBODY.ask(db, "SELECT id FROM grids WHERE volunteer IS NULL ORDER BY id", (), view)
    yield from _GRIDS.ask(
        db,
        "SELECT doctor, count(*) FROM grids WHERE doctor IS NOT NULL GROUP BY doctor HAVING count(*) > ?"
        " ORDER BY doctor",
        (DOCTOR_GRIDS_MOST,), view,
    )  # fmt: skip


CHECKS = (numbers, teams, grids)
