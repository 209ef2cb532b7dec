"""Jumper JPD-HA120 blood-pressure cuff: FFF0, notify FFF1."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("FFF1", "JUMPER-HA120-FFF1"),))

SPEC = DriverSpec(
    name="jumper-cuff",
    title_zh="捷宝血压计",
    title_en="Jumper cuff",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"JPD-HA",
        r"JPD BPM",
    ),
    services=("FFF0",),
)
