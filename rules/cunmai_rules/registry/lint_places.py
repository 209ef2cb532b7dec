"""Lint of sites, gateways, referrals and duty rosters."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.cells import TIERS
from cunmai_rules.registry.contacts import REACHABLE
from cunmai_rules.registry.finding import Finding, Sort, View

_DAY_MS = 86_400_000

_LOOP = Sort(
    "site-loop",
    "error",
    "sites",
    "{0} 的上级机构绕回自己, 请改正上级机构",
    "{0} is its own superior, by way of others: correct its parent",
)
_TIER = Sort(
    "site-parent-tier",
    "warning",
    "sites",
    "{0} 的上级机构 {1} 级别不比它高",
    "the parent {1} of {0} is not of a higher tier",
)
_NO_PARENT = Sort(
    "site-no-parent",
    "warning",
    "sites",
    "{0} 没有上级机构, 预警无处上报",
    "{0} has no parent: nobody further up can be asked",
)
_NO_GATEWAY = Sort(
    "village-no-gateway", "warning", "sites", "村级机构 {0} 没有网关", "the village site {0} has no gateway"
)
_NO_ALTITUDE = Sort(
    "site-no-altitude",
    "error",
    "sites",
    "{0} 没有填海拔, 血氧阈值可能不适用",
    "{0} has no altitude: oxygen limits may not hold there",
)
_HOSPITAL = Sort(
    "referral-tier",
    "warning",
    "referrals",
    "{0} 的{1}转诊医院 {2} 不是县级或市级机构",
    "the hospital {2} that {0} refers {1} to is of no county or city tier",
)
_NO_DISTRICT_HOSPITAL = Sort(
    "district-no-hospital",
    "warning",
    "districts",
    "片区 {0} 没有转诊医院",
    "the district {0} refers to no hospital",
)
_GAP = Sort(
    "roster-gap",
    "error",
    "rosters",
    "值班表 {0} 从 {1} 到 {2} 没有人值班",
    "nobody is on duty in {0} from {1} to {2}",
)
_OFF = Sort(
    "shift-of-nobody",
    "error",
    "shifts",
    "值班表 {0} 排了 {1}, 但此人没有可用的电话或已离岗",
    "the roster {0} names {1}, who has no usable number or has left",
)


def loops(db: Database, view: View) -> Iterator[Finding]:
    """Sites from which going up never ends."""
    parent = dict(db.execute("SELECT id, parent FROM sites").fetchall())
    told = 0
    for id_ in sorted(parent):
        seen, at = {id_}, parent[id_]
        while at is not None and at not in seen:
            seen.add(at)
            at = parent.get(at)
        if at == id_ and told < view.most:
            told += 1
            yield _LOOP.about(id_)


def tiers(db: Database, view: View) -> Iterator[Finding]:
    rank = " ".join(f"WHEN '{tier}' THEN {n}" for n, tier in enumerate(TIERS))
    yield from _TIER.ask(
        db,
        "SELECT low.id, high.id FROM sites low JOIN sites high ON high.id = low.parent"  # noqa: S608 - ours
        f" WHERE CASE high.tier {rank} END <= CASE low.tier {rank} END ORDER BY low.id",
        (), view,
    )  # fmt: skip
    yield from _NO_PARENT.ask(
        db,
        "SELECT id FROM sites WHERE parent IS NULL AND tier IN ('village', 'township') ORDER BY id",
        (),
        view,
    )


def equipment(db: Database, view: View) -> Iterator[Finding]:
    yield from _NO_GATEWAY.ask(
        db,
        "SELECT id FROM sites WHERE tier = 'village'"
        " AND NOT EXISTS (SELECT 1 FROM gateways WHERE gateways.site = sites.id) ORDER BY id",
        (), view,
    )  # fmt: skip
    yield from _NO_ALTITUDE.ask(
        db,
        "SELECT id FROM sites WHERE altitude_m IS NULL AND (tier = 'village'"
        " OR EXISTS (SELECT 1 FROM gateways WHERE gateways.site = sites.id)) ORDER BY id",
        (), view,
    )  # fmt: skip


def referrals(db: Database, view: View) -> Iterator[Finding]:
    yield from _HOSPITAL.ask(
        db,
        "SELECT referrals.district, specialty, hospital FROM referrals JOIN sites ON sites.id = hospital"
        " WHERE sites.tier NOT IN ('county', 'city') ORDER BY 1, 2",
        (), view,
    )  # fmt: skip
    yield from _NO_DISTRICT_HOSPITAL.ask(
        db,
        "SELECT id FROM districts WHERE NOT EXISTS"
        " (SELECT 1 FROM referrals WHERE referrals.district = districts.id) ORDER BY id",
        (), view,
    )  # fmt: skip


def rosters(db: Database, view: View) -> Iterator[Finding]:
    """Gaps in the days to come. A roster is round the clock."""
    ends_ms = view.now_ms + view.roster_days * _DAY_MS
    for (id_,) in db.execute("SELECT id FROM rosters ORDER BY id LIMIT ?", [view.most]):
        shifts = db.execute(
            "SELECT starts_ms, ends_ms FROM shifts WHERE roster = ? AND ends_ms > ? AND starts_ms < ?"
            " ORDER BY starts_ms LIMIT 10000",
            [id_, view.now_ms, ends_ms],
        )
        covered_ms = view.now_ms
        for starts_ms, shift_ends_ms in shifts:
            if starts_ms > covered_ms:
                yield _GAP.about(id_, view.local(covered_ms), view.local(starts_ms))
            covered_ms = max(covered_ms, shift_ends_ms)
        if covered_ms < ends_ms:
            yield _GAP.about(id_, view.local(covered_ms), view.local(ends_ms))


def on_duty(db: Database, view: View) -> Iterator[Finding]:
    yield from _OFF.ask(
        db,
        "SELECT DISTINCT shifts.roster, shifts.staff FROM shifts JOIN staff ON staff.id = shifts.staff"  # noqa: S608
        f" WHERE shifts.ends_ms > ? AND (NOT ({REACHABLE}) OR staff.until_day < ?) ORDER BY 1, 2",
        (view.now_ms, view.today), view,
    )  # fmt: skip


CHECKS = (loops, tiers, equipment, referrals, rosters, on_duty)
