"""Nonin 3230 and 3150: a service of its own."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("0AAD7EA0-0D60-11E2-8E3C-0002A5D5C51B", "NONIN-0AAD7EA0"),))

SPEC = DriverSpec(
    name="nonin",
    title_zh="Nonin 血氧仪",
    title_en="Nonin oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(r"Nonin",),
    services=("46A970E0-0D5F-11E2-8B5E-0002A5D5C51B",),
    silent_after_s=60.0,
)
