"""What the lint knows of the values that a rule may read. Pure."""

from __future__ import annotations

from cunmai_rules.lint.interval import Interval
from cunmai_wire.readings import KINDS

LOW_IS_DANGEROUS: dict[str, str] = {
    "blood_pressure.systolic_mmhg": "blood pressure",
    "blood_pressure.diastolic_mmhg": "blood pressure",
    "blood_pressure.mean_arterial_mmhg": "blood pressure",
    "blood_pressure.pulse_bpm": "pulse",
    "oximetry.pulse_bpm": "pulse",
    "heart_rate.heart_rate_bpm": "pulse",
    "temperature.temperature_c": "temperature",
    "glucose.glucose_mmol_l": "glucose",
    "respiration.respiratory_rate_per_min": "respiratory rate",
}
"""Values of which the low side is dangerous as well as the high one, and which of them are one matter."""
IN_CHINESE = {
    "blood pressure": "血压",
    "pulse": "脉率",
    "temperature": "体温",
    "glucose": "血糖",
    "respiratory rate": "呼吸频率",
}

FLAPS = frozenset(
    {
        "oximetry.spo2_pct", "oximetry.pulse_bpm", "oximetry.perfusion_index_pct", "heart_rate.heart_rate_bpm",
        "site_status.waiting_count", "device_status.battery_pct", "device_status.rssi_dbm",
    }
)  # fmt: skip
"""Values that come again and again, and waver around a limit."""

INTERVAL_S: dict[str, int] = {
    "oximetry": 1, "heart_rate": 1, "blood_pressure": 60, "temperature": 30, "glucose": 60, "weight": 30,
    "respiration": 60, "site_status": 60, "device_status": 60, "gateway_status": 60,
}  # fmt: skip
"""How soon a next reading can be expected while somebody measures: at the soonest."""

STEP: dict[str, float] = {
    "oximetry.spo2_pct": 1, "oximetry.pulse_bpm": 1, "heart_rate.heart_rate_bpm": 1,
    "blood_pressure.systolic_mmhg": 1, "blood_pressure.diastolic_mmhg": 1,
    "blood_pressure.mean_arterial_mmhg": 1, "blood_pressure.pulse_bpm": 1,
    "temperature.temperature_c": 0.1, "glucose.glucose_mmol_l": 0.1, "weight.weight_kg": 1,
    "respiration.respiratory_rate_per_min": 1, "site_status.stock_days": 1,
}  # fmt: skip
"""The step in which people write limits, of values that can lie between two steps."""


def possible(kind: str, field: str) -> Interval:
    """What the contract lets a value be."""
    info = KINDS[kind].model_fields.get(field) if kind in KINDS else None
    found = Interval()
    for bound in info.metadata if info is not None else ():
        low, high = getattr(bound, "ge", None), getattr(bound, "le", None)
        if low is not None:
            found = found & Interval(low=low)
        if high is not None:
            found = found & Interval(high=high)
    return found
