"""Devices of the catalogue on the air, each measuring by itself as long as it is listened to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from cunmai_sim import codec_health as codec
from cunmai_sim.air import Air
from cunmai_sim.catalogue import listed
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.scenario import Sample, endless, stable
from cunmai_sim.sensors import GlucoseMeter, Sensor, cuff, heart_rate_belt, scale, thermometer
from cunmai_sim.vendor_oximeters import BERRY, CONTEC, PC60, YUWELL, Make, VendorOximeter

SPOT_EVERY_S = 20.0
"""How often a cuff, a thermometer or a scale is used; in recorded seconds, like everything that is played."""
STORED_COUNT = 3

_MAKES = {"yuwell": YUWELL, "contec": CONTEC, "berry": BERRY, "pc60": PC60}

Playing = Callable[[], Awaitable[None]]


def companion(air: Air, name: str, *, seed: int, speed: float, now: datetime) -> tuple[Peripheral, Playing]:
    """A device by its name in the catalogue, and what keeps it measuring. Raises SimError."""
    address = listed(name).address
    draw = random.Random(f"{name} {seed}")  # noqa: S311 (vital signs, not secrets)
    if name in _MAKES:
        return _vendor(air, _MAKES[name], seed, speed)
    if name == "plx-stored":
        return _storing(air, address, draw, now)
    if name == "glucose":
        return _glucose(air, address, draw, now)
    make, every_s, frame = _SENSORS[name]
    sensor = make(air, address=address)

    async def play() -> None:
        while True:
            await sensor.until_subscribed(sensor.measurement)
            await sensor.send(frame(draw))
            await asyncio.sleep(every_s / speed)

    return sensor, play


def _vendor(air: Air, make: Make, seed: int, speed: float) -> tuple[Peripheral, Playing]:
    oximeter = VendorOximeter(air, make)

    async def play() -> None:
        samples: Iterator[Sample] = endless(lambda: stable(seed=seed))
        for sample in samples:
            await oximeter.until_sending()
            await oximeter.send(sample)
            await asyncio.sleep(1 / speed)

    return oximeter, play


def _storing(air: Air, address: str, draw: random.Random, now: datetime) -> tuple[Peripheral, Playing]:
    oximeter = Oximeter(air, address=address, name="SIM-OXI-ST", storing=True)
    for number in range(STORED_COUNT, 0, -1):
        measured = Sample(0, draw.randint(93, 98), draw.randint(66, 90), None)
        oximeter.store(measured, now - timedelta(hours=number))
    return oximeter, _nothing


def _glucose(air: Air, address: str, draw: random.Random, now: datetime) -> tuple[Peripheral, Playing]:
    meter = GlucoseMeter(air, address=address)
    for number in range(STORED_COUNT, 0, -1):
        meter.measure(draw.randint(48, 110) / 10, now - timedelta(hours=number), meal=draw.choice((1, 2, 3)))
    return meter, _nothing


async def _nothing() -> None:
    """Stored records are asked for; the device does nothing by itself."""


def _pressure(draw: random.Random) -> bytes:
    systolic, diastolic = draw.randint(112, 148), draw.randint(68, 92)
    return codec.encode_blood_pressure(
        codec.BloodPressure(
            systolic, diastolic, round(diastolic + (systolic - diastolic) / 3), pulse_bpm=draw.randint(60, 88)
        )
    )


def _temperature(draw: random.Random) -> bytes:
    return codec.encode_temperature(codec.Temperature(draw.randint(362, 374) / 10, site=3))


def _heart_rate(draw: random.Random) -> bytes:
    return codec.encode_heart_rate(draw.randint(64, 82), contact=True)


def _weight(draw: random.Random) -> bytes:
    return codec.encode_weight(codec.Weight(draw.randint(9800, 14800) * 0.005))


_SENSORS: dict[str, tuple[Callable[..., Sensor], float, Callable[[random.Random], bytes]]] = {
    "cuff": (cuff, SPOT_EVERY_S, _pressure),
    "thermometer": (thermometer, SPOT_EVERY_S, _temperature),
    "heart-rate": (heart_rate_belt, 1.0, _heart_rate),
    "scale": (scale, SPOT_EVERY_S, _weight),
}


async def start_companions(
    air: Air, names: tuple[str, ...], *, seed: int, speed: float, now: datetime
) -> list[asyncio.Task[Any]]:
    """Put devices on the air; the tasks that keep them measuring, to be cancelled at the end."""
    tasks: list[asyncio.Task[Any]] = []
    for name in names:
        device, play = companion(air, name, seed=seed, speed=speed, now=now)
        await device.start()
        tasks.append(asyncio.ensure_future(play()))
    return tasks
