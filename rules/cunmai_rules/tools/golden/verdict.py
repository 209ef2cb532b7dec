"""What a case came to, against what was expected of it; and what no case tells of a rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cunmai_rules.tools.golden.cases import Case, Expect
from cunmai_rules.tools.golden.play import Played, Snapshot
from cunmai_rules.tools.golden.spans import show_span

GRADES_ZH = {"red": "红", "yellow": "黄", "green": "绿", "grey": "灰"}
_COUNTED = (("pages", "通知", "pages"), ("reviews", "待办", "reviews"), ("prompts", "提示", "prompts"))


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not come true. `path`: where it stands within its case."""

    path: tuple[str | int, ...]
    zh: str
    en: str


def failures(case: Case, played: Played) -> list[Failure]:
    """Everything that came out otherwise, in the order of the file."""
    found = [
        failure
        for n, expect in enumerate(case.expect)
        for failure in _of_moment(n, expect, played.snapshots[expect.at])
    ]
    for n, rule in enumerate(case.never):
        if rule in played.raised | played.asked:
            found.append(
                Failure(("never", n), f"{rule} 不应触发, 却触发了", f"{rule} must never raise, and did")
            )
    return found


def _of_moment(n: int, expect: Expect, came: Snapshot) -> Iterator[Failure]:
    at = show_span(expect.at)
    for rule, wanted in expect.grades.items():
        grade = came.grades.get(rule, "grey")
        if grade != wanted:
            yield Failure(
                ("expect", n, "grades", rule),
                f"{at} {rule} 应为{GRADES_ZH[wanted]}, 实为{GRADES_ZH[grade]}",
                f"at {at} {rule} should be {wanted}, is {grade}",
            )
    for key, zh, en in _COUNTED:
        counts: dict[str, int] | None = getattr(expect, key)
        if counts is not None:
            yield from _of_counts(
                ("expect", n, key), f"{at} {zh}", f"{en} at {at}", counts, getattr(came, key)
            )


def _of_counts(
    path: tuple[str | int, ...], zh: str, en: str, wanted: dict[str, int], came: dict[str, int]
) -> Iterator[Failure]:
    for rule in dict.fromkeys((*wanted, *came)):
        expected, count = wanted.get(rule, 0), came.get(rule, 0)
        if expected != count:
            where = (*path, rule) if rule in wanted else path
            yield Failure(
                where,
                f"{zh} {rule} 应为 {expected} 次, 实为 {count} 次",
                f"{en}: {rule} should be {expected}, is {count}",
            )


@dataclass(frozen=True, slots=True)
class Uncovered:
    """What no case tells of a rule."""

    zh: str
    en: str


def uncovered(rule: str, played: Sequence[Played]) -> Iterator[Uncovered]:
    """A rule that no case raises, or that is raised by every case that reads it."""
    if not any(rule in one.raised for one in played):
        yield Uncovered("没有用例使它触发", "no case raises it")
    if not any(rule in one.read - one.raised for one in played):
        yield Uncovered("没有用例读到它的值而不触发", "no case reads its value without raising it")
