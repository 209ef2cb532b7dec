"""Rules' grades of one subject, compared. Pure."""

from __future__ import annotations

from typing import NamedTuple

from cunmai_rules.thresholds.state import GroupState, SubjectState, of_group


class GradeNow(NamedTuple):
    """A rule's grade, and the version of the file that it was found by."""

    grade: str
    version: str


UNGRADED = GradeNow("grey", "")


def grade_differences(before: SubjectState, after: SubjectState) -> dict[str, tuple[GradeNow, GradeNow]]:
    """Where two states of one subject, under the same profile, differ in a grade."""
    was, now = _grades_that_may_differ(before, after), _grades_that_may_differ(after, before)
    pairs = {rule: (was.get(rule, UNGRADED), now.get(rule, UNGRADED)) for rule in was.keys() | now.keys()}
    return {rule: pair for rule, pair in pairs.items() if pair[0].grade != pair[1].grade}


def _grades_that_may_differ(state: SubjectState, other: SubjectState) -> dict[str, GradeNow]:
    found = {rule: GradeNow(one.grade, one.version) for rule, one in state.rules.items()}
    for key, group in state.groups.items():
        beside = other.groups.get(key, _NOTHING_SHARED)
        if group.clear != beside.clear or group.apart or beside.apart:
            found |= {rule: GradeNow(one.grade, one.version) for rule, one in of_group(state, key, group)}
    return found


_NOTHING_SHARED = GroupState()
