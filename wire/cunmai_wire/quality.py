"""Named signal-quality flags of a reading. An empty set means: nothing to object to.

The set on the wire is open (a newer gateway may know more flags), so a consumer treats a flag
that it does not know as an objection, never as nothing.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


class QualityFlag(StrEnum):
    """Flags that version 1 names. Sources: PLX measurement and sensor status bits, vendors' status bytes."""

    EARLY_ESTIMATE = "early_estimate"
    QUESTIONABLE = "questionable"
    FROM_STORAGE = "from_storage"
    POOR_SIGNAL = "poor_signal"
    LOW_PERFUSION = "low_perfusion"
    ERRATIC_SIGNAL = "erratic_signal"
    NON_PULSATILE = "non_pulsatile"
    QUESTIONABLE_PULSE = "questionable_pulse"
    INTERFERENCE = "interference"
    SEARCHING = "searching"
    FINGER_OFF = "finger_off"
    SENSOR_FAULT = "sensor_fault"
    DEVICE_CLOCK_NOT_SET = "device_clock_not_set"
    MOVEMENT = "movement"
    LOOSE_CUFF = "loose_cuff"
    IRREGULAR_PULSE = "irregular_pulse"
    OUT_OF_RANGE = "out_of_range"
    WRONG_POSITION = "wrong_position"


@lru_cache(maxsize=1024)
def _sorted_unique(flags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(flags))) if len(flags) > 1 else flags


Flags = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], ...],
    Field(max_length=16),
    AfterValidator(_sorted_unique),
]
