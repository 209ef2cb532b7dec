"""A threshold file as a model: what clinicians write, checked down to the last key.

Every limit says whether it includes its own value (`at_or_below`, `below`, `at_or_above`, `above`), in
which unit, and where it comes from. See docs/threshold-files.md for the format by example.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, StringConstraints, model_validator

from cunmai_rules.parts import Part, ShortName
from cunmai_rules.thresholds.applies import Applies
from cunmai_rules.thresholds.conditions import Leaf, leaves_of
from cunmai_rules.thresholds.events import RuleLane
from cunmai_rules.thresholds.forms import (
    AnyClear,
    AnyWhen,
    ClearLimit,
    ClearNoLonger,
    Silence,
    When,
    WhenCount,
    WhenIs,
    WhenMissing,
    WhenScoreAt,
    WhenScoreBand,
)
from cunmai_rules.thresholds.leaves import Reads
from cunmai_rules.thresholds.limits import Limit, Seconds
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.worded import Heard
from cunmai_wire.events import Grade, Priority
from cunmai_wire.quality import QualityFlag

RuleId = ShortName


class Words(Part):
    """A short text in both languages."""

    zh: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=120)]


class Quality(Part):
    """Which quality flags do not matter to this rule. Any other flag makes a reading no evidence."""

    accept: tuple[QualityFlag, ...] = ()
    doubt_after_s: Annotated[int, Strict(), Field(ge=10, le=3600)] = 60
    """Flagged readings that meet the limit for so long, with no usable one between: a review asks to measure
    again, at most one an hour."""


class Rule(Part):
    """One rule of a pack."""

    id: RuleId
    title: Words
    grade: Literal[Grade.RED, Grade.YELLOW]
    when: AnyWhen
    clear: AnyClear | None = None
    """What ends an alarm. Not written for `nothing_heard`, which ends when something is heard."""
    quality: Quality = Quality()
    applies: Applies = Applies()
    lane: RuleLane
    """page: a message to a person, now. review: a task on the worklist. panel: shown, and nobody is asked."""
    priority: Priority | None = None
    """Among what is open at once. Not written: high for red, medium for yellow."""
    prompt: Words | None = None
    """Shown at the kiosk when a spell begins, or when readings are doubtful: "rest 5 minutes, measure again"."""
    stale_after_s: Seconds = 900
    """Without evidence for this long, green becomes grey: unknown. A raised alarm stays raised."""
    source: Annotated[str, StringConstraints(min_length=4, max_length=400)]
    """Guideline or decision that the limits come from, and who signed."""
    one_sided: Annotated[str, StringConstraints(min_length=4, max_length=200)] | None = None
    """Why a value whose low side is dangerous, too, has a high limit only. Without it, `check` asks."""

    @model_validator(mode="after")
    def _has_a_clear_that_fits(self) -> Rule:
        if not isinstance(self.when, Silence):
            _check_clear(self.when, self.clear)
            for leaf in self.leaves:
                if isinstance(leaf, ScoreAt | ScoreBand):
                    leaf.check_applies(self.applies)
            if all(isinstance(leaf, Heard) for leaf in leaves_of(self.when)):
                raise ValueError(
                    "heard 要与测量值一起写在 all 里, 单独不会解除 / "
                    "put heard in all, beside a condition on a value: by itself it would never clear"
                )
        elif self.clear is not None:
            raise ValueError(
                "nothing_heard 的规则不写 clear: 再次收到就解除 / "
                "a rule on nothing_heard has no clear: hearing something ends it"
            )
        return self

    @model_validator(mode="after")
    def _prompts_somebody(self) -> Rule:
        if self.prompt is None:
            return self
        if isinstance(self.when, Silence):
            raise ValueError(
                "nothing_heard 的规则不写 prompt: 没有人在一体机前 / "
                "a rule on nothing_heard has no prompt: nobody is at the kiosk"
            )
        if all(need.name.startswith(_NOBODY_MEASURED) for leaf in self.leaves for need in leaf.needs()):
            raise ValueError(
                "只看机构、设备或网关的规则不写 prompt: 一体机前没有居民 / "
                "a rule on a site, a device or a gateway has no prompt: no resident is at the kiosk"
            )
        return self

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every condition on a single value, in the order of the file."""
        if isinstance(self.when, Silence):
            return ()
        clear = () if isinstance(self.clear, ClearLimit | ClearNoLonger | None) else leaves_of(self.clear)
        return (*leaves_of(self.when), *clear)

    @property
    def main(self) -> Reads | None:
        """The number that stands for this rule in messages and charts: the first that it names."""
        return next((leaf for leaf in self.leaves if isinstance(leaf, Reads)), None)

    @property
    def urgency(self) -> Priority:
        """Its priority, also where the file leaves it to the grade."""
        if self.priority is not None:
            return self.priority
        return Priority.HIGH if self.grade is Grade.RED else Priority.MEDIUM


_NOBODY_MEASURED = ("site_status", "device_status", "gateway_status")


def _check_clear(raised: AnyWhen, cleared: AnyClear | None) -> None:
    """What ends an alarm must fit what raises it."""
    if cleared is None:
        raise ValueError("缺少必填项 'clear' / required key 'clear' is missing")
    if isinstance(raised, When | WhenCount) and isinstance(cleared, ClearNoLonger):
        raise ValueError(
            "clear 必须写一个界限, 例如 at_or_above: 95 / clear needs a limit, for example at_or_above: 95"
        )
    if not isinstance(cleared, ClearLimit):
        return
    if isinstance(raised, WhenIs | WhenMissing | WhenScoreBand):
        raise ValueError(
            "is、missing 和 band 的 clear 写 for_s: 不再是这样满多久 / "
            "with is, missing and band, clear is a for_s: for how long it is so no more"
        )
    if not isinstance(raised, When | WhenCount | WhenScoreAt):
        raise ValueError(
            "组合条件的 clear 写 for_s, 或用 all/any 列出带 reads 的条件 / "
            "for a combined condition, clear is a for_s, or all/any with conditions that say what they read"
        )
    _check_sides(raised, cleared)


def _check_sides(raised: Limit, cleared: ClearLimit) -> None:
    if raised.direction.low_side == cleared.direction.low_side:
        raise ValueError(
            "clear 必须在 when 的另一侧, 例如 at_or_below 93 配 at_or_above 95 / "
            "clear must be on the other side of when, for example at_or_below 93 with at_or_above 95"
        )
    if raised.meets(cleared.value) and cleared.meets(cleared.value):
        raise ValueError(
            f"{cleared.value:g} 同时满足 when 和 clear / {cleared.value:g} meets both when and clear"
        )
    low = raised.direction.low_side
    if (cleared.value < raised.value) if low else (cleared.value > raised.value):
        raise ValueError("clear 与 when 重叠 / clear overlaps when")


class Pack(Part):
    """One threshold file."""

    pack: ShortName
    version: Annotated[int, Strict(), Field(ge=1, le=999_999)]
    title: Words
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=500)]
