"""The parts of a policy file that say when messages become a summary: `burst` and `rate`."""

from __future__ import annotations

from math import ceil
from typing import Annotated

from pydantic import Field, Strict, model_validator

from cunmai_rules.escalation.folding import Burst, Folding, Limit
from cunmai_rules.parts import Part

Seconds = Annotated[int, Strict(), Field(ge=5, le=3600)]
Span = Annotated[int, Strict(), Field(ge=60, le=21_600)]


class BurstPart(Part):
    """Messages to one person about one site: so many singly, the rest as summaries."""

    singly: Annotated[int, Strict(), Field(ge=1, le=50)] = 3
    """How many go out one by one."""
    within_s: Annotated[int, Strict(), Field(ge=10, le=3600)] = 60
    """Within so long."""
    red_within_s: Annotated[int, Strict(), Field(ge=5, le=60)] = 15
    """No red waits longer for its summary."""
    gather_s: Seconds = 60
    """How long the others are gathered."""
    again_s: Seconds = 300
    """Without a new red, two summaries of one site are at least so far apart."""

    @model_validator(mode="after")
    def _several_singly(self) -> BurstPart:
        if self.singly < 2:
            raise ValueError(
                "singly 至少为 2: 一条短信不算扎堆, 第二条就看不到内容了 / "
                "singly is at least 2: one message is no burst, and already the second would say nothing itself"
            )
        if self.again_s < self.gather_s:
            raise ValueError(
                "again_s 不能短于 gather_s: 还在收集, 就已经该发下一条了 / "
                "again_s is no shorter than gather_s: the next would be due before it is gathered"
            )
        return self

    def burst(self) -> Burst:
        """As `folding` wants it."""
        return Burst(**self.model_dump())


class LimitPart(Part):
    """At most so many messages to one person within any span of so many seconds."""

    messages: Annotated[int, Strict(), Field(ge=1, le=1000)]
    within_s: Span = 3600


class RatePart(Part):
    """One row for each grade. What is not written has no limit."""

    red: LimitPart | None = None
    """For asking the same person again. The first that a person hears of a resident's red is never held back."""
    yellow: LimitPart | None = None

    def limit(self, row: LimitPart | None) -> Limit | None:
        """As `folding` wants it."""
        return None if row is None else Limit(row.messages, row.within_s)


def folding_of(burst: BurstPart | None, rate: RatePart | None) -> Folding:
    """What both parts say."""
    table = rate or RatePart()
    return Folding(burst.burst() if burst else None, table.limit(table.red), table.limit(table.yellow))


def check_red_row(row: LimitPart, between_s: int) -> None:
    """One red that nobody answers asks the same person every `between_s` at the most. A row that leaves no
    room for that holds back a red. Raises ValueError."""
    needed = ceil(row.within_s / between_s)
    if row.messages < needed:
        raise ValueError(
            f"rate.red 会扣住红色催促: 一名居民的红色预警 {row.within_s} 秒内最多催同一个人 {needed} 次, "
            f"至少要 {needed} 条 / "
            f"rate.red would hold back a red: one that nobody answers asks the same person up to {needed} times in "
            f"{row.within_s} s, so allow at least {needed}"
        )


def check_gathering(name: str, wait_s: int, next_s: int) -> None:
    """What is gathered must go out before the next contact is asked in its place. Raises ValueError."""
    if wait_s >= next_s:
        raise ValueError(
            f"burst.{name} 是 {wait_s} 秒, 而 {next_s} 秒没有发出就改通知下一位: 应短于它 / "
            f"burst.{name} is {wait_s} s, and after {next_s} s the next contact is asked instead: make it shorter"
        )
