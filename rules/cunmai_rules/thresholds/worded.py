"""Conditions on words, on yes and no, and on what was heard or is missing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from cunmai_rules.parts import Part, ValueName
from cunmai_rules.thresholds.catalogue import FIELDS, NUMBERS, WORDED, KindName, nearest, one_of
from cunmai_rules.thresholds.leaves import AtHand, Need, Truth, Within
from cunmai_rules.thresholds.limits import Direction


def listed(given: Any) -> Any:
    """One word or several, as several."""
    several = given if isinstance(given, list | tuple) else [given]
    if not several or not all(isinstance(one, str | bool) for one in several):
        raise ValueError(
            "写一个词、几个词的列表, 或 true/false / give a word, a list of words, or true or false"
        )
    return tuple(several)


class Is(Part):
    """The newest value is this word, or one of these, or yes or no."""

    reads: Annotated[ValueName, one_of(WORDED)]
    is_: Annotated[
        tuple[bool | str, ...],
        BeforeValidator(listed, json_schema_input_type=bool | str | list[str]),
        Field(alias="is", max_length=20),
    ]
    within_s: Within | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_limit(cls, given: Any) -> Any:
        extra = [key for key in ("unit", *Direction) if isinstance(given, Mapping) and key in given]
        if extra:
            names = ", ".join(extra)
            raise ValueError(f"is 与 {names} 不能同写, 只留一种 / is excludes {names}: keep one of them")
        return given

    @model_validator(mode="after")
    def _known_words(self) -> Is:
        worded = WORDED.get(self.reads)
        if worded is None and self.reads in NUMBERS:
            unit = NUMBERS[self.reads].ucum
            raise ValueError(
                f'{self.reads} 是数值: 不用 is, 写 at_or_below 等界限和 unit: "{unit}" / '
                f'{self.reads} is a number: instead of is, give a limit such as at_or_below, and unit: "{unit}"'
            )
        if worded is None:
            near = nearest(self.reads, WORDED)
            raise ValueError(f"没有 {self.reads}, 相近的有: {near} / no value {self.reads}; near it: {near}")
        wrong = [as_said(one) for one in self.is_ if not worded.can_be(one)]
        if wrong:
            known = ", ".join(worded.choices)
            raise ValueError(
                f"{self.reads} 没有 {wrong[0]} 这个值, 可选: {known} / "
                f"{self.reads} is never {wrong[0]}; one of: {known}"
            )
        return self

    def truth(self, at: AtHand) -> Truth:
        value = at.newest(self.reads, self.within_s)
        return None if value is None else value in self.is_

    def needs(self) -> Iterator[Need]:
        yield Need(self.reads, 1, self.within_s)


def as_said(word: bool | str) -> str:
    """A word as the file has it."""
    return str(word).lower() if isinstance(word, bool) else word


class Heard(Part):
    """A reading of this kind came within this time. Never unknown."""

    heard: KindName
    within_s: Within

    def truth(self, at: AtHand) -> Truth:
        return at.newest(self.heard, self.within_s) is not None

    def needs(self) -> Iterator[Need]:
        yield Need(self.heard, 1, self.within_s)


class Missing(Part):
    """The newest reading of a kind came without this value."""

    missing: Annotated[ValueName, one_of(FIELDS)]
    within_s: Within | None = None

    @model_validator(mode="after")
    def _known_value(self) -> Missing:
        if self.missing not in FIELDS:
            near = nearest(self.missing, FIELDS)
            raise ValueError(
                f"没有 {self.missing}, 相近的有: {near} / no value {self.missing}; near it: {near}"
            )
        return self

    def truth(self, at: AtHand) -> Truth:
        there = at.newest(f"{self.missing}?", self.within_s)
        return None if there is None else not there

    def needs(self) -> Iterator[Need]:
        yield Need(f"{self.missing}?", 1, self.within_s)
