"""Glucose meters (service 1808): records over 2A52, each with its context where it has one."""

from __future__ import annotations

import asyncio

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from cunmai_gateway.decoders import racp
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.glucose import GlucoseMeasurement, decode_context, decode_measurement
from cunmai_gateway.drivers.base import DriverSpec, Sink, WrongDevice
from cunmai_gateway.drivers.listening import has
from cunmai_gateway.drivers.record_access import CONTROL_POINT, RecordAccess
from cunmai_gateway.drivers.uuids import uuid_of
from cunmai_gateway.interpret.glucose import ContextPairing

ASK_AGAIN_S = 30.0
"""A meter that stays connected measures in between."""


class GlucoseDriver:
    """Asks for all records once, then for those from the newest on.

    The newest is asked for again to see that it is still the same: a meter that was reset begins to
    count anew, and then all are asked for.
    """

    def __init__(self) -> None:
        self._newest: GlucoseMeasurement | None = None

    async def run(self, client: BleakClient, sink: Sink) -> None:
        for needed in ("2A18", CONTROL_POINT):
            if not has(client, needed):
                raise WrongDevice(f"no characteristic {needed}: not a glucose meter")
        access = RecordAccess(client, sink)
        memory = _Memory(sink, access)
        await client.start_notify(uuid_of("2A18"), memory.on_measurement)
        if has(client, "2A34"):
            await client.start_notify(uuid_of("2A34"), memory.on_context)
        await access.listen()
        while True:
            await self._fetch(access, memory)
            await asyncio.sleep(ASK_AGAIN_S)

    async def _fetch(self, access: RecordAccess, memory: _Memory) -> None:
        known = self._newest
        if known is None or not await self._fetch_from(known, access, memory):
            memory.begin()
            await access.report(racp.REPORT_ALL)
            memory.finish()
        self._newest = memory.newest or known

    async def _fetch_from(self, known: GlucoseMeasurement, access: RecordAccess, memory: _Memory) -> bool:
        """Fetch what is new; False where the meter must be read from the beginning."""
        memory.begin()
        result = await access.report(racp.request_from(known.seq))
        memory.finish()
        return result is racp.Result.OK and memory.came.get(known.seq) == known


class _Memory:
    """What came in one transfer."""

    def __init__(self, sink: Sink, access: RecordAccess) -> None:
        self._sink = sink
        self._access = access
        self._pairing = ContextPairing()
        self.came: dict[int, GlucoseMeasurement] = {}

    @property
    def newest(self) -> GlucoseMeasurement | None:
        return self.came[max(self.came)] if self.came else None

    def begin(self) -> None:
        self.came.clear()

    def finish(self) -> None:
        """A record whose context never came counts without."""
        for outcome in self._pairing.flush():
            self._sink.measured(outcome)

    def on_measurement(self, _characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        self._access.record_came()
        try:
            measurement = decode_measurement(bytes(data))
        except Malformed as error:
            self._sink.malformed("2A18", bytes(data), str(error))
            return
        self.came[measurement.seq] = measurement
        for outcome in self._pairing.measurement(measurement):
            self._sink.measured(outcome)

    def on_context(self, _characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        self._access.record_came()
        try:
            outcomes = self._pairing.context(decode_context(bytes(data)))
        except Malformed as error:
            self._sink.malformed("2A34", bytes(data), str(error))
            return
        for outcome in outcomes:
            self._sink.measured(outcome)


SPEC = DriverSpec(
    name="glucose",
    title_zh="血糖仪",
    title_en="glucose meter",
    make=lambda _setting: GlucoseDriver(),
    services=("1808",),
)
