"""Jumper JPD-500F."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("CDEACB81-5235-4C07-8846-93A37EE6B86D", "JUMPER-CDEACB81"),))

SPEC = DriverSpec(
    name="jumper",
    title_zh="捷宝血氧仪",
    title_en="Jumper oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"JPD-500",
        r"My Oximeter",
    ),
    services=("CDEACB80-5235-4C07-8846-93A37EE6B86D",),
    silent_after_s=60.0,
)
