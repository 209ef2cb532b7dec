"""Oximeters that speak the Bluetooth Pulse Oximeter Service (1822): spot checks, continuous values, and what
they stored while nobody listened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from bleak import BleakClient

from cunmai_gateway.decoders import racp
from cunmai_gateway.drivers.base import DriverSpec, Sink, WrongDevice
from cunmai_gateway.drivers.listening import Channel, Ear, has, until_strange
from cunmai_gateway.drivers.record_access import CONTROL_POINT, RecordAccess
from cunmai_gateway.drivers.uuids import uuid_of
from cunmai_gateway.measurement import Measurement, Outcome
from cunmai_wire.quality import QualityFlag

_CHANNELS = (Channel("2A5E", "2A5E"), Channel("2A5F", "2A5F"))


class PlxDriver:
    """Spot checks need indications, continuous values notifications; bleak chooses by the properties.

    Stored records have no numbers, so all are asked for after each connection; the spool knows by their
    names (`Measurement.record`) which it has.
    """

    async def run(self, client: BleakClient, sink: Sink) -> None:
        channels = [channel for channel in _CHANNELS if has(client, channel.characteristic)]
        if not channels:
            raise WrongDevice("neither 2A5E nor 2A5F: not a PLX oximeter")
        access = RecordAccess(client, sink) if has(client, CONTROL_POINT) else None
        transfer = _Transfer(sink, access.record_came if access else _ignore)
        ears = []
        for channel in channels:
            spot = channel.characteristic == "2A5E"
            ear = Ear(channel, sink, client.name, transfer.measured if spot else None)
            await client.start_notify(uuid_of(channel.characteristic), ear.hear)
            ears.append(ear)
        if access is not None:
            await access.listen()
            await access.report(racp.REPORT_ALL)
        await until_strange(*ears)


class _Transfer:
    """Gives stored records a name that have none, because the device did not know the day.

    A transfer always begins with the first record, so the n-th of those that look alike is the same each
    time.
    """

    def __init__(self, sink: Sink, came: Callable[[], None]) -> None:
        self._sink = sink
        self._came = came
        self._alike: Counter[str] = Counter()

    def measured(self, outcome: Outcome) -> None:
        self._came()
        if isinstance(outcome, Measurement) and outcome.record is None:
            outcome = self._named(outcome)
        self._sink.measured(outcome)

    def _named(self, measurement: Measurement) -> Measurement:
        if QualityFlag.FROM_STORAGE not in measurement.quality:
            return measurement
        look = f"{measurement.device_time}:{sorted(measurement.values.items())}"
        self._alike[look] += 1
        return replace(measurement, record=f"undated:{look}:{self._alike[look]}")


def _ignore() -> None:
    return None


SPEC = DriverSpec(
    name="plx",
    title_zh="蓝牙标准血氧仪",
    title_en="pulse oximeter with the Bluetooth Pulse Oximeter Service",
    make=lambda _setting: PlxDriver(),
    services=("1822",),
)
