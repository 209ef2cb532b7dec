"""Whether somebody holds each level that a policy names: one that nobody holds is passed over, silently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from cunmai_rules.escalation.policies import Policies
from cunmai_rules.escalation.policy_words import Case, cases_words, level_words
from cunmai_rules.journal.database import Database
from cunmai_rules.moments import day_of
from cunmai_rules.registry.contacts import REACHABLE
from cunmai_rules.registry.directory import Directory
from cunmai_rules.settings import RulesSettings

_STILL = f"(staff.until_day IS NULL OR staff.until_day >= ?) AND {REACHABLE}"
_MEMBERS = (
    "SELECT DISTINCT level FROM team_members JOIN staff ON staff.id = team_members.staff"  # noqa: S608 - ours
    " WHERE (from_day IS NULL OR from_day <= ?)"
    f" AND (team_members.until_day IS NULL OR team_members.until_day >= ?) AND {_STILL}"
)
_ON_DUTY = (
    "SELECT DISTINCT rosters.level FROM shifts JOIN rosters ON rosters.id = shifts.roster"  # noqa: S608 - ours
    f" JOIN staff ON staff.id = shifts.staff WHERE shifts.ends_ms > ? AND {_STILL}"
)
_VOLUNTEERS = f"SELECT 0 FROM grids JOIN staff ON staff.id = grids.volunteer WHERE {_STILL} LIMIT 1"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Unheld:
    """A level of the policies that nobody holds, and for which grades and priorities it is named."""

    level: int
    cases: tuple[Case, ...]

    @property
    def key(self) -> str:
        """As the file writes it."""
        return level_words(self.level)[1]

    @property
    def sentence(self) -> tuple[str, str]:
        (zh, en), key = level_words(self.level)
        about_zh, about_en = cases_words(self.cases)
        return (
            (
                f"升级办法里的级别{zh}({key})没有可联系的人, {about_zh}: 会跳过这一级; "
                "请在团队成员、值班表或网格里登记, 或从 levels 中去掉"
            ),
            (
                f"nobody who can be reached holds the level {key} ({en}) of the policy, for {about_en}: it is passed "
                f"over; put somebody into a team, roster or grid, or take {key} out of levels"
            ),
        )


def held_levels(db: Database, now_ms: int, today: str) -> frozenset[int]:
    """Those that somebody who can be reached holds, as a member, by a roster from now on, or as a volunteer."""
    rows = [
        *db.execute(_MEMBERS, [today, today, today]),
        *db.execute(_ON_DUTY, [now_ms, today]),
        *db.execute(_VOLUNTEERS, [today]),
    ]
    return frozenset(level for (level,) in rows)


def unheld_levels(db: Database, policies: Policies, now_ms: int, today: str) -> Iterator[Unheld]:
    """Every level that is named and held by nobody. None where the registry knows nobody at all: then the
    contacts of rules.yaml are asked, who have no level."""
    held = held_levels(db, now_ms, today)
    named: dict[int, list[Case]] = {}
    for case, policy in policies.by_case.items():
        for level in policy.levels:
            named.setdefault(level, []).append(case)
    if held:
        yield from (Unheld(level, tuple(named[level])) for level in sorted(named) if level not in held)


def level_cautions(db: Database, settings: RulesSettings, policies: Policies, now_ms: int) -> tuple[str, ...]:
    """One sentence in both languages for each, where a policy file is in force: who wrote it means its levels."""
    if settings.policies is None:
        return ()
    today = day_of(now_ms, settings.utc_offset_minutes)
    return tuple(" / ".join(one.sentence) for one in unheld_levels(db, policies, now_ms, today))


def tell_level_cautions(directory: Directory, policies: Policies, now_ms: int) -> None:
    """Into the log, when policies come into force."""
    log = structlog.get_logger("rules")
    for caution in level_cautions(directory.db, directory.settings, policies, now_ms):
        log.warning("rules.caution", caution=caution)
