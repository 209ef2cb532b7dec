"""A file of test cases as a model: what happens to one subject, and what the rules must make of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    WithJsonSchema,
    create_model,
    model_validator,
)

from cunmai_rules.parts import Part, form
from cunmai_rules.thresholds.applies import Colour, ConditionName, Facts, PersonalLimits
from cunmai_rules.thresholds.catalogue import KIND_NAMES
from cunmai_rules.thresholds.limits import Number
from cunmai_rules.thresholds.pack import RuleId
from cunmai_rules.tools.golden.measured import Measured, as_the_contract_has_it, columns_of, required_of
from cunmai_rules.tools.golden.series import MOST_READINGS
from cunmai_rules.tools.golden.spans import MOST_MS, Span
from cunmai_wire.quality import QualityFlag

NOT_OF_A_RESIDENT = frozenset({"site_status", "device_status", "gateway_status"})
"""Kinds that are a subject of their own: no rule joins them with a resident's values."""

_LABEL = r"^[a-z][a-z0-9-]{0,39}$"
Label = Annotated[
    str,
    StringConstraints(pattern=_LABEL),
    form(_LABEL, "只用小写字母、数字和短横线, 例如 a", "lower-case letters, digits and dashes, as in a"),
]


class CaseWords(Part):
    """A short text in both languages."""

    zh: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=160)]


class OwnLimits(Part):
    """A clinician's limits for this resident, in place of the rule's."""

    raises: Number
    clears: Number


class Who(Part):
    """What is known of the subject. What is not written is not known."""

    age_years: Annotated[Number, Field(ge=0, le=130)] | None = None
    pregnant: bool | None = None
    conditions: Annotated[tuple[ConditionName, ...], Field(max_length=20)] | None = None
    """An empty list: known to have none."""
    age_months: Annotated[Number, Field(ge=0, le=1560)] | None = None
    """Completed months, of a child."""
    risk_colour: Colour | None = None
    altitude_m: Annotated[Number, Field(ge=-500, le=9000)] | None = None
    limits: Annotated[dict[RuleId, OwnLimits], Field(max_length=50)] = Field(default_factory=dict)

    def facts(self) -> Facts:
        return Facts(
            age_years=self.age_years,
            age_months=self.age_months,
            pregnant=self.pregnant,
            conditions=None if self.conditions is None else frozenset(self.conditions),
            risk_colour=self.risk_colour,
            altitude_m=self.altitude_m,
            limits={rule: PersonalLimits(own.raises, own.clears) for rule, own in self.limits.items()},
        )


class ItemBase(Part):
    """One reading, or a series of one kind; or a reading that is taken back."""

    at: Span | None = None
    from_: Annotated[Span | None, Field(alias="from")] = None
    every: Span | None = None
    arrives: Span | None = None
    """When it reaches the server; without it, at once."""
    quality: Annotated[tuple[QualityFlag, ...], Field(max_length=16)] = ()
    id: Label | None = None
    takes_back: Label | None = None
    """The `id` of an earlier reading that turns out to be someone else's."""

    @model_validator(mode="after")
    def _makes_sense(self) -> ItemBase:
        kinds = self.kinds()
        if self.takes_back is not None:
            if kinds or self.at is None:
                raise ValueError(
                    "takes_back 只写 at, 例如 {at: 5m, takes_back: a} / "
                    "takes_back has an `at` and nothing else, for example {at: 5m, takes_back: a}"
                )
            return self
        if len(kinds) != 1:
            raise ValueError(
                "每项恰好一种测量, 例如 oximetry: {spo2_pct: 97} / "
                "each item has exactly one kind, for example oximetry: {spo2_pct: 97}"
            )
        if self.at is not None and (self.from_ is not None or self.every is not None):
            raise ValueError(
                "单次测量写 at, 序列写 from 和 every, 不要同时写 / "
                "one reading has `at`, a series has `from` and `every`: not both"
            )
        taken = self.taken
        if not taken:
            raise ValueError("没有任何测量值 / there is no reading in it")
        if self.id is not None and len(taken) > 1:
            raise ValueError("只有单次测量能写 id / only one single reading can have an id")
        if self.arrives is not None and self.arrives < taken[-1].at_ms:
            raise ValueError("arrives 早于测量时间 / it arrives before it was measured")
        return self

    def kinds(self) -> list[str]:
        return [kind for kind in KIND_NAMES if getattr(self, kind, None) is not None]

    @cached_property
    def taken(self) -> tuple[Measured, ...]:
        """Its readings, in order. Raises ValueError where the contract has no such reading."""
        return () if self.takes_back is not None else tuple(self._measured(*self.kinds()))

    def _measured(self, kind: str) -> Iterator[Measured]:
        columns = columns_of(kind, getattr(self, kind))
        if len(next(iter(columns.values()), ())) > 1 and self.every is None:
            raise ValueError("序列要写 every, 例如 every: 1s / a series needs `every`, for example every: 1s")
        required = required_of(kind)
        start_ms = self.at if self.at is not None else self.from_ or 0
        checked: dict[tuple[object, ...], dict[str, object]] = {}
        for n, row in enumerate(zip(*columns.values(), strict=True) if columns else [()]):
            given = {name: value for name, value in zip(columns, row, strict=True) if value is not None}
            if row and (not given or not required.isdisjoint(columns.keys() - given.keys())):
                continue
            key = tuple(map(repr, row))
            if key not in checked:
                checked[key] = as_the_contract_has_it(kind, given)
            at_ms = start_ms + n * (self.every or 0)
            arrives_ms = at_ms if self.arrives is None else self.arrives
            yield Measured(at_ms, arrives_ms, kind, checked[key], tuple(self.quality), self.id)


Item: type[ItemBase] = create_model(
    "Item",
    __base__=ItemBase,
    **dict.fromkeys(KIND_NAMES, (dict[str, Any] | None, None)),  # type: ignore[call-overload]  # by name
)


def _counts(given: object) -> object:
    """A list of rules is each of them once."""
    if isinstance(given, list):
        return {rule: given.count(rule) for rule in given if isinstance(rule, str)}
    return given


_RULE_IN_SCHEMA = {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,39}$"}

Counts = Annotated[
    dict[RuleId, Annotated[int, Strict(), Field(ge=0, le=10_000)]],
    BeforeValidator(_counts),
    Field(max_length=200),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": _RULE_IN_SCHEMA},
                {
                    "type": "object",
                    "propertyNames": _RULE_IN_SCHEMA,
                    "additionalProperties": {"type": "integer", "minimum": 0},
                },
            ]
        }
    ),
]
"""A list of rules, each counted once, or a count for each."""


class Expect(Part):
    """What must hold at one moment."""

    at: Span
    grades: Annotated[dict[RuleId, Literal["red", "yellow", "green", "grey"]], Field(max_length=200)] = Field(
        default_factory=dict
    )
    pages: Counts | None = None
    """So many so far, by rule. What is not named must not have been: `[]` is none at all."""
    reviews: Counts | None = None
    prompts: Counts | None = None
    """What the kiosk was asked to show."""

    @model_validator(mode="after")
    def _says_something(self) -> Expect:
        if not self.grades and all(getattr(self, key) is None for key in ("pages", "reviews", "prompts")):
            raise ValueError(
                "没有写期望: grades, pages, reviews 或 prompts / "
                "nothing is expected: grades, pages, reviews or prompts"
            )
        return self

    def rules(self) -> Iterator[tuple[str, str]]:
        """Every rule that it names, with the key under which it does."""
        for key in ("grades", "pages", "reviews", "prompts"):
            for rule in getattr(self, key) or ():
                yield key, rule


class Case(Part):
    """One story of one subject."""

    name: CaseWords
    who: Who = Who()
    readings: Annotated[tuple[Item, ...], Field(min_length=1, max_length=200)]  # type: ignore[valid-type]
    expect: Annotated[tuple[Expect, ...], Field(max_length=200)] = ()
    never: Annotated[tuple[RuleId, ...], Field(max_length=200)] = ()
    """Rules that must not raise, page or ask for a review at any time."""
    until: Span | None = None
    """Look on until then, where the last reading and the last expectation are earlier."""

    @model_validator(mode="after")
    def _can_fail(self) -> Case:
        if not self.expect and not self.never:
            raise ValueError(
                "没有任何期望(expect 或 never), 这个用例不会失败 / "
                "nothing is expected (expect or never): this case cannot fail"
            )
        labels = [item.id for item in self.items() if item.id is not None]
        arrived = {one.label: one.arrives_ms for item in self.items() for one in item.taken if one.label}
        for item in self.items():
            if item.takes_back is not None and (item.at or 0) < arrived.get(item.takes_back, MOST_MS + 1):
                raise ValueError(
                    f"在这之前没有 id 为 {item.takes_back} 的测量 / "
                    f"there is no reading with the id {item.takes_back} before it"
                )
        if len(set(labels)) < len(labels):
            raise ValueError("id 写了两次 / an id is given twice")
        if sum(len(item.taken) for item in self.items()) > MOST_READINGS:
            raise ValueError(
                f"一个用例最多 {MOST_READINGS} 次测量 / a case has {MOST_READINGS} readings at most"
            )
        if self.end_ms() > MOST_MS:
            raise ValueError("用例最长 400 天 / a case is 400 days long at most")
        return self

    def items(self) -> tuple[ItemBase, ...]:
        return self.readings

    def end_ms(self) -> int:
        """When the story is over."""
        moments = [one.at for one in self.expect] + [item.at or 0 for item in self.items()]
        moments += [item.taken[-1].arrives_ms for item in self.items() if item.taken]
        return max(*moments, self.until or 0)


class CaseFile(Part):
    """One `NAME.test.yaml`."""

    packs: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)] | None = None
    """The threshold files under test, beside this one. Default: NAME.yaml."""
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=500)]


def case_schema() -> str:
    """The JSON Schema of a file of cases, for editors."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **CaseFile.model_json_schema(),
        "title": "村脉规则用例 / Cunmai rule test cases",
    }
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
