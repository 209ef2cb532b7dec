"""Yuwell BO-YX110 and OEMs of the same board (Viatom VTM20F): FFE0, notify FFE4.

Other makers use FFE0 too, for other things: name, characteristic and frame header must agree.
"""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("FFE4", "FE-FFE4"),))

SPEC = DriverSpec(
    name="yuwell",
    title_zh="鱼跃血氧仪",
    title_en="Yuwell oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"Yuwell",
        r"BO-YX",
        r"VTM20F",
    ),
    services=("FFE0",),
    silent_after_s=60.0,
)
