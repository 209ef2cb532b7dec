"""Blood-pressure cuffs (service 1810)."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(channels=(Channel("2A35", "2A35"),))

SPEC = DriverSpec(
    name="blood-pressure",
    title_zh="血压计",
    title_en="blood-pressure cuff",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    services=("1810",),
)
