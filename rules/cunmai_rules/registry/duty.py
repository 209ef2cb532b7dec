"""Who is on duty, and in which order people are asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

VOLUNTEER_LEVEL = 0

Why = Literal["volunteer", "on_duty", "member"]


@dataclass(frozen=True, slots=True)
class Shift:
    roster: str
    staff: str
    starts_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Handover:
    """From `at_ms` on, `to_staff` stands in for `from_staff` in what remains of that one's shift."""

    roster: str
    at_ms: int
    from_staff: str
    to_staff: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Somebody who can be asked, and why this one. `level` 0 is a grid volunteer, 1 to 6 are a team's levels."""

    staff: str
    level: int
    why: Why


def on_duty(shifts: Iterable[Shift], handovers: Sequence[Handover], now_ms: int) -> list[str]:
    """Who is on duty now, those whose shift began first before the others."""
    found: list[str] = []
    for shift in sorted(shifts, key=lambda one: (one.starts_ms, one.staff)):
        if not shift.starts_ms <= now_ms < shift.ends_ms:
            continue
        staff = shift.staff
        for handover in handovers:
            same = handover.roster == shift.roster and handover.from_staff == staff
            if same and shift.starts_ms <= handover.at_ms <= now_ms:
                staff = handover.to_staff
        if staff not in found:
            found.append(staff)
    return found


def nearest_first(
    volunteers: Sequence[str],
    members: Sequence[tuple[int, str]],
    duty: Sequence[tuple[int, str]],
    rostered: Sequence[tuple[int, str]],
) -> list[Reach]:
    """Level by level: who is on duty, then the team's members who work by no roster.

    `members` and `duty` are pairs of level and staff; `rostered` names everybody whose hours a roster of that
    level tells. At a level at which nobody is on duty, all of the team's members are asked: a gap in a roster
    must not leave a resident without anybody.
    """
    found: dict[str, Reach] = {staff: Reach(staff, VOLUNTEER_LEVEL, "volunteer") for staff in volunteers}
    for level in sorted({level for level, _ in [*members, *duty]}):
        now = [staff for at, staff in duty if at == level]
        for staff in now:
            found.setdefault(staff, Reach(staff, level, "on_duty"))
        for at, staff in members:
            off = bool(now) and (level, staff) in rostered
            if at == level and not off:
                found.setdefault(staff, Reach(staff, level, "member"))
    return sorted(found.values(), key=lambda one: one.level)
