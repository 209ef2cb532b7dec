"""Limits that no living person is likely to come to: mostly a decimal point in the wrong place. Warnings. Pure.

What the contract cannot carry at all is refused (`impossible.py`). These ranges are wider than what is normal, and
wider than what is survived for long; within them nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.lint.finding import Finding, Place
from cunmai_rules.thresholds.conditions import All, AnyOf, Not
from cunmai_rules.thresholds.forms import ClearLimit
from cunmai_rules.thresholds.labels import field_label
from cunmai_rules.thresholds.leaves import Value
from cunmai_rules.thresholds.limits import Limit
from cunmai_rules.thresholds.pack import Pack

_PULSE = (20, 250)
LIVING: dict[str, tuple[float, float]] = {
    "oximetry.spo2_pct": (50, 100),
    "oximetry.pulse_bpm": _PULSE,
    "heart_rate.heart_rate_bpm": _PULSE,
    "blood_pressure.pulse_bpm": _PULSE,
    "blood_pressure.systolic_mmhg": (40, 280),
    "blood_pressure.diastolic_mmhg": (20, 180),
    "blood_pressure.mean_arterial_mmhg": (30, 210),
    "temperature.temperature_c": (30, 43),
    "glucose.glucose_mmol_l": (1.1, 33.3),
    "respiration.respiratory_rate_per_min": (4, 80),
    "weight.weight_kg": (0.5, 300),
    "weight.height_m": (0.3, 2.5),
    "weight.bmi_kg_m2": (7, 100),
}
"""Lowest and highest limit, both included, of which nothing is said. Project defaults, until a clinician signs; for
glucose what meters commonly display (20 to 600 mg/dL)."""


def implausible(pack: Pack) -> Iterator[Finding]:
    """Every limit of a pack, raising or clearing, that lies outside."""
    for n, rule in enumerate(pack.rules):
        place: Place = ("rules", n)
        yield from _of_condition(rule.when, (*place, "when"))
        if isinstance(rule.clear, ClearLimit) and isinstance(rule.when, Value):
            yield from _of_limit(rule.when.reads, rule.clear, (*place, "clear"))
        else:
            yield from _of_condition(rule.clear, (*place, "clear"))


def _of_condition(condition: object, place: Place) -> Iterator[Finding]:
    match condition:
        case Value():
            yield from _of_limit(condition.reads, condition, place)
        case Not():
            yield from _of_condition(condition.not_, (*place, "not"))
        case All():
            for n, part in enumerate(condition.all):
                yield from _of_condition(part, (*place, "all", n))
        case AnyOf():
            for n, part in enumerate(condition.any):
                yield from _of_condition(part, (*place, "any", n))


def _of_limit(reads: str, limit: Limit, place: Place) -> Iterator[Finding]:
    if reads not in LIVING or LIVING[reads][0] <= limit.value <= LIVING[reads][1]:
        return
    low, high = LIVING[reads]
    zh, en = field_label(reads)
    yield Finding(
        (*place, limit.direction.value),
        f"{zh}的界限 {limit.value:g} 不像活人的值(项目默认值: {low:g} 至 {high:g}); 请核对小数点和单位",
        f"{en}: hardly a living person comes to a limit of {limit.value:g} (project default: {low:g} to {high:g}); "
        "check its decimal point and unit",
    )
