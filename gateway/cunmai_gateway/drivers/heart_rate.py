"""Heart-rate sensors (service 180D)."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("2A37", "2A37"),))

SPEC = DriverSpec(
    name="heart-rate",
    title_zh="心率带",
    title_en="heart-rate sensor",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    services=("180D",),
    silent_after_s=60.0,
)
