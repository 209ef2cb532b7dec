"""Which alarms appear and which vanish when one rule set takes another's place. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cunmai_rules.tools.replay.tally import Alarm

SAME_WITHIN_MS = 600_000
"""Alarms of one rule about one resident that are no further apart are the same alarm, earlier or later."""


class How(StrEnum):
    """What becomes of an alarm."""

    APPEARS = "appears"
    VANISHES = "vanishes"
    MOVES = "moves"


@dataclass(frozen=True, slots=True)
class Difference:
    """One alarm that is not the same in both."""

    how: How
    alarm: Alarm
    """As the new rules have it; where it vanishes, as the old ones had it."""
    moved_ms: int = 0
    """How much later the new rules find it."""


def differences(old: Iterable[Alarm], new: Iterable[Alarm]) -> list[Difference]:
    """In the order of time. The same rule about the same resident at the same moment is no difference."""
    before, after = _by_rule(old), _by_rule(new)
    found: list[Difference] = []
    for key in before.keys() | after.keys():
        found += _of_one(before.get(key, []), after.get(key, []))
    return sorted(found, key=lambda one: (one.alarm.t_ms, one.alarm.subject, one.alarm.rule, one.how))


def _by_rule(alarms: Iterable[Alarm]) -> dict[tuple[str, str], list[Alarm]]:
    found: dict[tuple[str, str], list[Alarm]] = defaultdict(list)
    for alarm in sorted(alarms, key=lambda one: one.t_ms):
        found[alarm.subject, alarm.rule].append(alarm)
    return found


def _of_one(old: list[Alarm], new: list[Alarm]) -> list[Difference]:
    """Of one rule about one resident: those at the same moment are the same; then the nearest pairs, in order."""
    same = {one.t_ms for one in old} & {one.t_ms for one in new}
    before = [one for one in old if one.t_ms not in same]
    after = [one for one in new if one.t_ms not in same]
    pairs = sorted(
        (abs(late.t_ms - early.t_ms), i, j)
        for j, late in enumerate(after)
        for i, early in _near(before, late.t_ms)
    )
    moved: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in pairs:
        if j not in moved and i not in taken:
            moved[j] = i
            taken.add(i)
    gone = set(range(len(before))) - taken
    return [
        *(Difference(How.VANISHES, before[i]) for i in gone),
        *(Difference(How.MOVES, after[j], after[j].t_ms - before[i].t_ms) for j, i in moved.items()),
        *(Difference(How.APPEARS, one) for j, one in enumerate(after) if j not in moved),
    ]


def _near(alarms: list[Alarm], t_ms: int) -> list[tuple[int, Alarm]]:
    """Those within ten minutes, with their index; `alarms` are in the order of time."""
    first = bisect_left(alarms, t_ms - SAME_WITHIN_MS, key=lambda one: one.t_ms)
    last = bisect_right(alarms, t_ms + SAME_WITHIN_MS, key=lambda one: one.t_ms)
    return list(enumerate(alarms[first:last], first))
