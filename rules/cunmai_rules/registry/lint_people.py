"""Lint of residents, their teams, grids and limits, and of the staff."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.finding import Finding, Sort, View

GRID_RESIDENTS_MOST = 30
"""About 20 to a volunteer; half as many again is too many."""
DOCTOR_GRIDS_MOST = 20
"""About 15 to a village doctor."""
OLDEST_YEARS = 110
YOUNGEST_MOTHER_YEARS, OLDEST_MOTHER_YEARS = 11, 56

_NO_TEAM = Sort(
    "resident-no-team", "error", "residents", "居民 {0} 没有签约团队", "the resident {0} is signed to no team"
)
_TWO_TEAMS = Sort(
    "resident-two-teams",
    "warning",
    "residents",
    "居民 {0} 同时签约 {1} 个团队, 请结束多余的签约",
    "the resident {0} is signed to {1} teams at once: end all but one",
)
_NO_CONSENT = Sort(
    "resident-no-consent",
    "warning",
    "residents",
    "居民 {0} 已签约但没有知情同意",
    "the resident {0} is signed, and there is no consent",
)
_NO_AGE = Sort(
    "resident-no-age",
    "warning",
    "residents",
    "居民 {0} 没有出生年月或年龄段",
    "the resident {0} has no month of birth and no age band",
)
_AGE = Sort(
    "resident-age",
    "warning",
    "residents",
    "居民 {0} 的出生年月 {1} 不合常理",
    "the month of birth {1} of {0} can hardly be right",
)
_PREGNANT = Sort(
    "resident-pregnant-age",
    "warning",
    "residents",
    "居民 {0} 登记为怀孕, 与出生年月 {1} 不符",
    "{0} is said to be pregnant, which does not fit the month of birth {1}",
)
_PAST_DUE = Sort(
    "resident-pregnancy-over",
    "warning",
    "residents",
    "居民 {0} 的预产期 {1} 已过, 请更新怀孕一栏",
    "the due date {1} of {0} is past: bring the pregnancy up to date",
)
_NUMBER = Sort(
    "number-doubtful",
    "warning",
    "residents",
    "居民 {0} 的电话不像真实号码",
    "the telephone number of {0} cannot be right",
)
_LIMIT_OVER = Sort(
    "limit-over",
    "error",
    "limits",
    "居民 {0} 的个人阈值({1})已于 {2} 到期, 现按规则判断",
    "the own limit of {0} for {1} ended on {2}: the rule's is used",
)
_LIMIT_SOON = Sort(
    "limit-soon-over",
    "warning",
    "limits",
    "居民 {0} 的个人阈值({1})将于 {2} 到期",
    "the own limit of {0} for {1} ends on {2}",
)
_LIMIT_RULE = Sort(
    "limit-no-rule",
    "error",
    "limits",
    "居民 {0} 的个人阈值所指的规则 {1} 不存在",
    "the own limit of {0} is for {1}, and there is no such rule",
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

_NOW_SIGNED = "signings.from_day <= ? AND (signings.until_day IS NULL OR signings.until_day >= ?)"
_NOW_MEMBER = (
    "(team_members.from_day IS NULL OR team_members.from_day <= ?)"
    " AND (team_members.until_day IS NULL OR team_members.until_day >= ?)"
    " AND (staff.until_day IS NULL OR staff.until_day >= ?)"
)


def signings(db: Database, view: View) -> Iterator[Finding]:
    today = view.today
    yield from _NO_TEAM.ask(
        db,
        "SELECT id FROM residents WHERE NOT EXISTS (SELECT 1 FROM signings"  # noqa: S608 - ours
        f" WHERE signings.resident = residents.id AND {_NOW_SIGNED}) ORDER BY id",
        (today, today), view,
    )  # fmt: skip
    yield from _TWO_TEAMS.ask(
        db,
        f"SELECT resident, count(DISTINCT team) FROM signings WHERE {_NOW_SIGNED}"  # noqa: S608 - ours
        " GROUP BY resident HAVING count(DISTINCT team) > 1 ORDER BY resident",
        (today, today), view,
    )  # fmt: skip
    yield from _NO_CONSENT.ask(
        db,
        "SELECT id FROM residents WHERE coalesce(consent, 0) = 0 AND EXISTS (SELECT 1 FROM signings"  # noqa: S608
        f" WHERE signings.resident = residents.id AND {_NOW_SIGNED}) ORDER BY id",
        (today, today), view,
    )  # fmt: skip


def ages(db: Database, view: View) -> Iterator[Finding]:
    year, month = int(view.today[:4]), view.month[4:]
    yield from _NO_AGE.ask(
        db, "SELECT id FROM residents WHERE birth IS NULL AND age_band IS NULL ORDER BY id", (), view
    )
    yield from _AGE.ask(
        db, "SELECT id, birth FROM residents WHERE birth > ? OR birth < ? ORDER BY id",
        (view.month, f"{year - OLDEST_YEARS}{month}"), view,
    )  # fmt: skip
    yield from _PREGNANT.ask(
        db, "SELECT id, birth FROM residents WHERE pregnant = 1 AND (birth > ? OR birth < ?) ORDER BY id",
        (f"{year - YOUNGEST_MOTHER_YEARS}{month}", f"{year - OLDEST_MOTHER_YEARS}{month}"), view,
    )  # fmt: skip
    yield from _PAST_DUE.ask(
        db, "SELECT id, pregnant_until FROM residents WHERE pregnant = 1 AND pregnant_until < ? ORDER BY id",
        (view.today,), view,
    )  # fmt: skip


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


def limits(db: Database, view: View) -> Iterator[Finding]:
    soon = day_after(view, 14)
    yield from _LIMIT_OVER.ask(
        db,
        "SELECT resident, rule, until_day FROM limits WHERE until_day < ? ORDER BY 1, 2",
        (view.today,),
        view,
    )
    yield from _LIMIT_SOON.ask(
        db, "SELECT resident, rule, until_day FROM limits WHERE until_day >= ? AND until_day < ? ORDER BY 1, 2",
        (view.today, soon), view,
    )  # fmt: skip
    if view.rules:
        for (rule,) in db.execute("SELECT DISTINCT rule FROM limits ORDER BY rule LIMIT 10000"):
            if rule not in view.rules:
                yield from _LIMIT_RULE.ask(
                    db, "SELECT resident, rule FROM limits WHERE rule = ? ORDER BY 1", (rule,), view
                )


def teams(db: Database, view: View) -> Iterator[Finding]:
    today = view.today
    member = (
        "SELECT id FROM teams WHERE NOT EXISTS (SELECT 1 FROM team_members JOIN staff"  # noqa: S608 - ours
        f" ON staff.id = team_members.staff WHERE team_members.team = teams.id AND {_NOW_MEMBER}"
    )
    yield from _TEAM.ask(
        db,
        f"{member} AND staff.phone IS NOT NULL AND staff.phone_kind <> 'doubtful') ORDER BY id",
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


def day_after(view: View, days: int) -> str:
    """The local day so many days from now."""
    return view.local(view.now_ms + days * 86_400_000)[:10]


CHECKS = (signings, ages, numbers, limits, teams, grids)
