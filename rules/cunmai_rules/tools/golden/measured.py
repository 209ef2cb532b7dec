"""What a case says was measured, as the readings that the contract has of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from cunmai_rules.thresholds.catalogue import FIELDS, WORDED
from cunmai_rules.tools.golden.series import Expanded, expand
from cunmai_runtime.faultwords import fault_words
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import KINDS, values_of

_FILLED_IN: dict[str, dict[str, object]] = {
    "oximetry": {"mode": "spot"},
    "ultrasound_exam": {
        "study_uid": "1.2.3", "series_uid": "1.2.3.4", "sop_instance_uid": "1.2.3.4.5",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1", "content_crc32": 0,
    },
    "ultrasound_report": {"study_uid": "1.2.3", "status": "final"},
    "follow_up": {"method": "home"},
}  # fmt: skip
"""What the contract requires and few cases are about."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading of a case."""

    at_ms: int
    """Since the case began, like every time here."""
    arrives_ms: int
    kind: str
    values: dict[str, object]
    quality: tuple[str, ...]
    label: str | None


def columns_of(kind: str, given: dict[str, Any]) -> dict[str, Expanded]:
    """Each field's values, in order, all of one length. Raises ValueError with words for the author."""
    known = {name.partition(".")[2] for name in FIELDS if name.startswith(f"{kind}.")}
    for name in given:
        if name not in known:
            near = ", ".join(get_close_matches(name, known, n=3, cutoff=0.3) or sorted(known))
            raise ValueError(f"{kind} 没有 {name}, 相近的有: {near} / {kind} has no {name}; near it: {near}")
    columns = {name: expand(kind, name, values) for name, values in given.items()}
    lengths = {len(values) for values in columns.values()} - {1}
    if len(lengths) > 1:
        counts = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise ValueError(f"各项的个数不同: {counts} / they differ in length: {counts}")
    length = max(lengths, default=1)
    return {name: values * length if len(values) == 1 else values for name, values in columns.items()}


def as_the_contract_has_it(kind: str, given: dict[str, object]) -> dict[str, object]:
    """One reading's values. Raises ValueError where the contract has no such reading."""
    if kind not in KINDS:
        return _as_the_rules_have_it(kind, given)
    head = {"kind": kind, "seq": 1, "t": 0, "clock": ClockTrust.TRUSTED, "device": "case"}
    try:
        text = json.dumps({**head, **_FILLED_IN.get(kind, {}), **given})
        return values_of(KINDS[kind].model_validate_json(text))
    except ValidationError as error:
        faults = [
            (str(fault["loc"][0] if fault["loc"] else kind), *fault_words(fault))
            for fault in error.errors(include_url=False)[:3]
        ]
        zh = "; ".join(f"{name}: {words}" for name, words, _ in faults)
        en = "; ".join(f"{name}: {words}" for name, _, words in faults)
        raise ValueError(f"{kind} 没有这样的测量: {zh} / no such reading of {kind}: {en}") from None
    except TypeError:
        raise ValueError(
            f"{kind} 的值应为数字或文字 / the values of {kind} should be numbers or words"
        ) from None


def _as_the_rules_have_it(kind: str, given: dict[str, object]) -> dict[str, object]:
    """Of a kind that the rules make themselves."""
    for name, value in given.items():
        worded = WORDED.get(f"{kind}.{name}")
        fits = worded.can_be(value) if worded and isinstance(value, bool | str) else _is_number(value)
        if not fits or (worded and not isinstance(value, bool | str)):
            known = ", ".join(worded.choices) if worded else "0, 1, 2 …"
            raise ValueError(f"{kind}.{name} 没有这个值, 可选: {known} / {kind}.{name} can be: {known}")
    return given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def required_of(kind: str) -> set[str]:
    """The fields without which there is no reading of a kind."""
    fields = KINDS[kind].model_fields if kind in KINDS else {}
    return {name for name, field in fields.items() if field.is_required()}
