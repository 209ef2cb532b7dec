"""TaiDoc TD-8255 (FORA): asked once a second."""

from __future__ import annotations

from cunmai_gateway.decoders.vendors.taidoc import REQUEST
from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(
    channels=(Channel("00001524-1212-EFDE-1523-785FEABCD123", "TAIDOC-1524"),),
    write="00001524-1212-EFDE-1523-785FEABCD123",
    start=(REQUEST,),
    every_s=1.0,
    every=(REQUEST,),
)

SPEC = DriverSpec(
    name="taidoc",
    title_zh="泰博血氧仪",
    title_en="TaiDoc oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"TAIDOC TD82",
        r"TD82",
        r"FORA",
    ),
    services=("00001523-1212-EFDE-1523-785FEABCD123",),
    silent_after_s=60.0,
)
