"""Thermometers (service 1809)."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("2A1C", "2A1C"),))

SPEC = DriverSpec(
    name="thermometer",
    title_zh="体温计",
    title_en="thermometer",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    services=("1809",),
)
