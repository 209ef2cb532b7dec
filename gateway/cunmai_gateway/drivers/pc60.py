"""Lepu/Viatom PC-60F and PC-60FW: the Nordic UART service, frames AA 55."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("6E400003-B5A3-F393-E0A9-E50E24DCCA9E", "PC60-NUS"),))

SPEC = DriverSpec(
    name="pc60",
    title_zh="乐普 PC-60 血氧仪",
    title_en="Lepu/Viatom PC-60 oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"PC-60",
        r"PC-68",
        r"OxySmart",
        r"POD-",
    ),
    services=("6E400001-B5A3-F393-E0A9-E50E24DCCA9E",),
    silent_after_s=60.0,
)
