"""Scales (service 181D)."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("2A9D", "2A9D"),))

SPEC = DriverSpec(
    name="weight",
    title_zh="体重秤",
    title_en="scale",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    services=("181D",),
)
