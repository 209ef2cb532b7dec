"""Contec CMS50D-BT and its kin (EMAY, PO60): started, and kept going every five seconds."""

from __future__ import annotations

from cunmai_gateway.decoders.vendors.contec import KEEPALIVE, KEEPALIVE_EVERY_S, START
from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_PLAN = Plan(
    channels=(Channel("FF02", "CONTEC-FF02"), Channel("FF04", "CONTEC-FF02")),
    write="FF01",
    start=(START,),
    every_s=KEEPALIVE_EVERY_S,
    every=(KEEPALIVE,),
)

SPEC = DriverSpec(
    name="contec",
    title_zh="康泰血氧仪",
    title_en="Contec oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(
        r"SpO2",
        r"CMS50",
        r"EMAY",
        r"PO60",
    ),
    services=("FF12",),
    silent_after_s=60.0,
)
