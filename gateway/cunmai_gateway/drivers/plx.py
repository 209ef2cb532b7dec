"""Oximeters that speak the Bluetooth Pulse Oximeter Service (1822): spot checks and continuous values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.registry import FRAME_TYPES
from cunmai_gateway.drivers.base import DriverSpec, Sink

_CHARACTERISTICS = {
    "2A5E": "00002a5e-0000-1000-8000-00805f9b34fb",
    "2A5F": "00002a5f-0000-1000-8000-00805f9b34fb",
}

Handler = Callable[[BleakGATTCharacteristic, bytearray], None]


class PlxDriver:
    """Spot checks need indications, continuous values notifications; bleak chooses by the properties."""

    async def run(self, client: BleakClient, sink: Sink) -> None:
        subscribed = 0
        for name, uuid in _CHARACTERISTICS.items():
            if client.services.get_characteristic(uuid) is not None:
                await client.start_notify(uuid, _handler(name, FRAME_TYPES[name], sink))
                subscribed += 1
        if not subscribed:
            raise BleakError("the device has neither 2A5E nor 2A5F: it is not a PLX oximeter")
        await asyncio.get_running_loop().create_future()  # until cancelled: the link's owner ends us


def _handler(name: str, frame_type: FrameType, sink: Sink) -> Handler:
    interpret = frame_type.interpret
    assert interpret is not None, "both PLX measurements have a meaning"

    def handle(_characteristic: BleakGATTCharacteristic, frame: bytearray) -> None:
        raw = bytes(frame)
        try:
            decoded = frame_type.decode(raw)
        except Malformed as error:
            sink.malformed(name, raw, str(error))
            return
        outcome = interpret(decoded)
        if outcome is not None:
            sink.measured(outcome)

    return handle


SPEC = DriverSpec(
    name="plx",
    title_zh="蓝牙标准血氧仪",
    title_en="pulse oximeter with the Bluetooth Pulse Oximeter Service",
    make=lambda _setting: PlxDriver(),
    services=("1822",),
)
