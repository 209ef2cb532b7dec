"""Low perfusion, per device model: a perfusion index of one maker says nothing about that of another.

Where the frames carry the maker's own flag (PLX, FFE0, Nonin) it counts as well. A model gets a row of its own
when its maker publishes a limit, or a clinician sets one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cunmai_gateway.measurement import Measurement, Outcome
from cunmai_wire.quality import QualityFlag


@dataclass(frozen=True, slots=True)
class PerfusionLimit:
    """At or below `low_pct` a reading is flagged. `basis` says where the number comes from."""

    name_begins: str
    low_pct: float
    basis: str


LIMITS = (
    PerfusionLimit("Nonin", 0.3, "maker: a modulation of 0.3 % or less is a weak signal"),
    PerfusionLimit("", 0.3, "default: no limit published; that of the makers who publish one"),
)
"""By the beginning of the advertised name or the model number, first match; the last row is the default."""


def low_perfusion_limit_pct(model: str) -> float:
    """The limit for a device that advertises, or names its model, as `model`."""
    return next(limit.low_pct for limit in LIMITS if model.startswith(limit.name_begins))


def flag_low_perfusion(outcome: Outcome | None, model: str) -> Outcome | None:
    """The outcome, flagged where its perfusion index is at or below the limit of its model."""
    if not isinstance(outcome, Measurement) or QualityFlag.LOW_PERFUSION in outcome.quality:
        return outcome
    perfusion = outcome.values.get("perfusion_index_pct")
    if not isinstance(perfusion, float) or perfusion > low_perfusion_limit_pct(model):
        return outcome
    return replace(outcome, quality=tuple(sorted({*outcome.quality, QualityFlag.LOW_PERFUSION.value})))
