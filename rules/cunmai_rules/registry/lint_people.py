"""Lint of residents: who looks after them, what is known of them, their own limits."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.finding import Finding, Sort, View

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
_LIMIT_UNFIT = Sort(
    "limit-not-taken",
    "error",
    "limits",
    "居民 {0} 的个人阈值不能用于规则 {1}, 请检查报警值和解除值的方向; 现按规则判断",
    "the own limit of {0} cannot stand in for that of {1}: see which side each is on; the rule's is used",
)

_NOW_SIGNED = "signings.from_day <= ? AND (signings.until_day IS NULL OR signings.until_day >= ?)"


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
    yield from _unfit_limits(db, view)


def _unfit_limits(db: Database, view: View) -> Iterator[Finding]:
    """Limits that the rule passes over, and judges by its own."""
    if view.takes_limits is None:
        return
    told = 0
    for resident, rule, raises, clears in db.execute(
        "SELECT resident, rule, raises, clears FROM limits WHERE until_day >= ? ORDER BY 1, 2 LIMIT 100000",
        [view.today],
    ):
        if rule in view.rules and not view.takes_limits(rule, float(raises), float(clears)):
            told += 1
            if told <= view.most:
                yield _LIMIT_UNFIT.about(resident, rule)


def day_after(view: View, days: int) -> str:
    """The local day so many days from now."""
    return view.local(view.now_ms + days * 86_400_000)[:10]


CHECKS = (signings, ages, limits)
