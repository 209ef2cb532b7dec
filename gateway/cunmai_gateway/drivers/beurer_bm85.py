"""Beurer BM85 and its kin: the blood-pressure service, but not as it is written.

Their frames are refused by the strict decoder, and those of other cuffs by this one.
"""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("2A35", "2A35-BEURER-BM85"),))

SPEC = DriverSpec(
    name="beurer-bm85",
    title_zh="博雅 BM85 血压计",
    title_en="Beurer BM85 cuff",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"BM85",
        r"Beurer BM85",
        r"BM59",
        r"Elite 900",
    ),
    services=("1810",),
)
