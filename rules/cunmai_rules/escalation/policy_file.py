"""A county's policy as a file: for each grade and priority whom to ask, how long to wait, and when to stay quiet.

Checked like threshold files: every mistake with its file and line. The first plan that fits holds; every
grade and priority must have one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Strict, StringConstraints, Tag, model_validator

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.folding_file import (
    BurstPart,
    RatePart,
    check_gathering,
    check_red_row,
    folding_of,
)
from cunmai_rules.escalation.policy import Policy, QuietHours
from cunmai_rules.parts import Part
from cunmai_wire.events import Grade, Priority

LEVELS = {
    "volunteer": 0, "village": 1, "township": 2, "county": 3, "specialist": 4, "leader": 5, "expert": 6
}  # fmt: skip
"""A grid's volunteer, and the six levels of a family-doctor team."""

Level = Literal["volunteer", "village", "township", "county", "specialist", "leader", "expert"]
Wait = Annotated[int, Strict(), Field(ge=5, le=86_400)]
PagingGrade = Literal[Grade.RED, Grade.YELLOW]
_ContactId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


def _time_of_day(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f'时刻写成 "22:00", 不是 {text!r} / write a time as "22:00", not {text!r}')
    return text


TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]


class Quiet(Part):
    """Hours of every day in which nobody is asked; what came in them is asked at their end."""

    begins: Annotated[TimeOfDay, Field(alias="from")]
    ends: Annotated[TimeOfDay, Field(alias="to")]

    @model_validator(mode="after")
    def _some_time(self) -> Quiet:
        if self.begins == self.ends:
            raise ValueError("from 和 to 不能相同 / from and to must differ")
        return self


class For(Part):
    """What a plan is for. What is not written is any."""

    grade: Annotated[tuple[PagingGrade, ...], Field(min_length=1)] = (Grade.RED, Grade.YELLOW)
    priority: Annotated[tuple[Priority, ...], Field(min_length=1)] = tuple(Priority)


class Plan(Part):
    """How one kind of escalation is asked about."""

    for_: Annotated[For, Field(alias="for")] = For()
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = ("village", "township", "county")
    """In the order in which they are asked, from the registry's teams and rosters as they are at that time. A
    level left out is passed over: [village, township, expert] is a direct line. Contacts of rules.yaml have no
    level: all of them are asked, in their order."""
    accept_within_s: Wait | None = None
    """How long the carrier may take to accept a message; then the next contact. Not written: as the answer."""
    ack_within_s: Annotated[
        Annotated[Wait, Tag("(one)")]
        | Annotated[tuple[Wait, ...], Field(min_length=1, max_length=12), Tag("(each)")],
        Discriminator(lambda given: "(each)" if isinstance(given, list | tuple) else "(one)"),
    ] = 300
    """How long a contact may take to answer; a list: the first contact, the second, …; the last for the rest."""
    outcome_within_s: Wait = 1800
    """From 已看 to an outcome; then a reminder, again and again."""
    rounds: Annotated[int, Strict(), Field(ge=1, le=20)] = 3
    then_every_s: Wait = 1800
    """When everyone was tried: how often somebody is asked, for ever."""
    everyone_tried: tuple[_ContactId, ...] | None = None
    """Who is asked then besides the last contact. Not written: the fallback contacts of rules.yaml."""
    quiet_s: Annotated[int, Strict(), Field(ge=0, le=3600)] = 900
    """For how long after an outcome the same finding waits for review before it pages."""
    quiet_hours: Quiet | None = None
    source: Annotated[str, StringConstraints(min_length=4, max_length=400)]
    """Who decided it, or the notice that it follows."""

    @model_validator(mode="after")
    def _red_is_never_quiet(self) -> Plan:
        if self.quiet_hours is not None and Grade.RED in self.for_.grade:
            raise ValueError(
                "红色预警不设免打扰时段: 在 for.grade 里只写 yellow / "
                "red is never quiet: let for.grade be yellow alone, or leave quiet_hours out"
            )
        if len(set(self.levels)) != len(self.levels):
            raise ValueError("levels 里有重复 / a level is named twice in levels")
        return self

    @property
    def _waits_s(self) -> tuple[int, ...]:
        return self.ack_within_s if isinstance(self.ack_within_s, tuple) else (self.ack_within_s,)

    @property
    def next_s(self) -> int:
        """After so long without an acceptance the next contact is asked."""
        return self._waits_s[0] if self.accept_within_s is None else self.accept_within_s

    @property
    def asks_again_s(self) -> int:
        """Nobody is asked about the same more often than this."""
        return min(*self._waits_s, self.outcome_within_s, self.then_every_s)

    def covers(self) -> Iterator[tuple[Grade, Priority]]:
        """Every grade and priority that it is for."""
        yield from product(self.for_.grade, self.for_.priority)

    def policy(self, last_resort: tuple[str, ...], utc_offset_minutes: int) -> Policy:
        """As the state machine wants it."""
        steps = self._waits_s
        quiet = self.quiet_hours
        return Policy(
            ack_within_s=steps[0],
            ack_steps_s=steps,
            accept_within_s=self.accept_within_s,
            outcome_within_s=self.outcome_within_s,
            rounds=self.rounds,
            then_every_s=self.then_every_s,
            quiet_s=self.quiet_s,
            last_resort=last_resort if self.everyone_tried is None else self.everyone_tried,
            levels=tuple(LEVELS[level] for level in self.levels),
            quiet_hours=None
            if quiet is None
            else QuietHours(_minutes(quiet.begins), _minutes(quiet.ends), utc_offset_minutes),
        )


class PolicyFile(Part):
    """The whole file."""

    policy: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    version: Annotated[int, Strict(), Field(ge=1, le=999_999)]
    plans: Annotated[tuple[Plan, ...], Field(min_length=1, max_length=20)]
    burst: BurstPart | None = None
    """When messages to one person about one site become a summary. Not written: never."""
    rate: RatePart | None = None
    """How many messages one person gets. Not written: any number."""

    @model_validator(mode="after")
    def _every_case_has_one_plan(self) -> PolicyFile:
        left = set(product((Grade.RED, Grade.YELLOW), Priority))
        for number, plan in enumerate(self.plans, 1):
            mine = set(plan.covers())
            if not mine & left:
                raise ValueError(
                    f"第 {number} 个 plan 永远轮不到: 前面的已经包括它 / "
                    f"plan {number} is never reached: those before it hold for everything that it is for"
                )
            left -= mine
        if left:
            missing = ", ".join(sorted(f"{grade}/{priority}" for grade, priority in left))
            raise ValueError(
                f"没有 plan 适用于 {missing}, 最后加一个不写 for 的 plan / "
                f"no plan is for {missing}: end with a plan without `for`"
            )
        return self

    @model_validator(mode="after")
    def _nothing_waits_too_long(self) -> PolicyFile:
        red = [plan for plan in self.plans if Grade.RED in plan.for_.grade]
        yellow = [plan for plan in self.plans if Grade.YELLOW in plan.for_.grade]
        if self.rate is not None and self.rate.red is not None:
            check_red_row(self.rate.red, min(plan.asks_again_s for plan in red))
        if self.burst is not None:
            check_gathering("red_within_s", self.burst.red_within_s, min(plan.next_s for plan in red))
            check_gathering("gather_s", self.burst.gather_s, min(plan.next_s for plan in yellow))
        return self

    @property
    def folding(self) -> Folding:
        """When messages to one person become a summary."""
        return folding_of(self.burst, self.rate)


def _minutes(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 60 + int(minutes)
