"""Devices of the standard health services: cuff, thermometer, heart-rate belt, scale, glucose meter."""

from __future__ import annotations

from datetime import datetime

from bumble.gatt import Characteristic, Service

from cunmai_sim.air import Air
from cunmai_sim.codec_health import (
    BLOOD_PRESSURE,
    BLOOD_PRESSURE_SERVICE,
    GLUCOSE,
    GLUCOSE_CONTEXT,
    GLUCOSE_SERVICE,
    HEART_RATE,
    HEART_RATE_SERVICE,
    TEMPERATURE,
    THERMOMETER_SERVICE,
    WEIGHT,
    WEIGHT_SERVICE,
    Glucose,
    encode_glucose,
    encode_glucose_context,
)
from cunmai_sim.common_services import DeviceClock, common_services
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.record_access import RecordAccess
from cunmai_sim.records import Record, RecordStore

_NOTIFY, _INDICATE = Characteristic.Properties.NOTIFY, Characteristic.Properties.INDICATE


class Sensor(Peripheral):
    """One service with one measurement, beside battery, device information and a clock."""

    def __init__(
        self,
        air: Air,
        *,
        service: str,
        measurement: str,
        how: Characteristic.Properties,
        address: str,
        name: str,
        battery_pct: int = 87,
        clock: DeviceClock | None = None,
    ) -> None:
        self.measurement = Characteristic[bytes](measurement, how, Characteristic.READABLE, b"")
        self.battery_pct = battery_pct
        self.clock = clock or DeviceClock()
        self.sent = 0
        super().__init__(
            air,
            address=address,
            name=name,
            advertised=service,
            services=[
                Service(service, [self.measurement]),
                *common_services(name, address.replace(":", ""), lambda: self.battery_pct),
                self.clock.service,
            ],
        )

    async def send(self, frame: bytes) -> bool:
        """Send one frame: True when it went out (a notification) or was confirmed (an indication)."""
        indicated = bool(self.measurement.properties & _INDICATE)
        went = await (self.indicate if indicated else self.notify)(self.measurement, frame)
        self.sent += went
        return went


def cuff(
    air: Air,
    *,
    address: str = "F0:0D:00:00:18:10",
    name: str = "SIM-BP",
    clock: DeviceClock | None = None,
) -> Sensor:
    """A blood-pressure cuff: 1810, 2A35 indicated."""
    return Sensor(
        air,
        service=BLOOD_PRESSURE_SERVICE,
        measurement=BLOOD_PRESSURE,
        how=_INDICATE,
        address=address,
        name=name,
        clock=clock,
    )


def thermometer(air: Air, *, address: str = "F0:0D:00:00:18:09", name: str = "SIM-TEMP") -> Sensor:
    """A thermometer: 1809, 2A1C indicated."""
    return Sensor(
        air,
        service=THERMOMETER_SERVICE,
        measurement=TEMPERATURE,
        how=_INDICATE,
        address=address,
        name=name,
    )


def heart_rate_belt(air: Air, *, address: str = "F0:0D:00:00:18:0D", name: str = "SIM-HR") -> Sensor:
    """A heart-rate belt: 180D, 2A37 notified."""
    return Sensor(
        air, service=HEART_RATE_SERVICE, measurement=HEART_RATE, how=_NOTIFY, address=address, name=name
    )


def scale(air: Air, *, address: str = "F0:0D:00:00:18:1D", name: str = "SIM-SCALE") -> Sensor:
    """A scale: 181D, 2A9D indicated."""
    return Sensor(air, service=WEIGHT_SERVICE, measurement=WEIGHT, how=_INDICATE, address=address, name=name)


class GlucoseMeter(Peripheral):
    """1808: 2A18 and 2A34 notified, records fetched over 2A52 by sequence number."""

    def __init__(
        self,
        air: Air,
        *,
        address: str = "F0:0D:00:00:18:08",
        name: str = "SIM-GLUCOSE",
        battery_pct: int = 87,
    ) -> None:
        self.access = RecordAccess(RecordStore(numbered=True))
        self.battery_pct = battery_pct
        self.clock = DeviceClock()
        self.measurement = Characteristic[bytes](GLUCOSE, _NOTIFY, Characteristic.READABLE, b"")
        self.context = Characteristic[bytes](GLUCOSE_CONTEXT, _NOTIFY, Characteristic.READABLE, b"")
        features = Characteristic[bytes](
            "2A51", Characteristic.Properties.READ, Characteristic.READABLE, bytes(2)
        )
        super().__init__(
            air,
            address=address,
            name=name,
            advertised=GLUCOSE_SERVICE,
            services=[
                Service(
                    GLUCOSE_SERVICE, [self.measurement, self.context, features, self.access.characteristic]
                ),
                *common_services(name, address.replace(":", ""), lambda: self.battery_pct),
                self.clock.service,
            ],
        )
        self.access.attach(self, self._send)

    def store(self, measured: Glucose) -> None:
        """Keep a record; it goes out when a central asks for it."""
        frames = [(GLUCOSE, encode_glucose(measured))]
        if measured.meal is not None:
            frames.append((GLUCOSE_CONTEXT, encode_glucose_context(measured.seq, measured.meal)))
        self.access.store.records.append(Record(measured.seq, tuple(frames)))

    def measure(self, mmol_l: float, at: datetime, *, meal: int | None = None) -> None:
        """Keep a record with the next sequence number."""
        seq = max((record.seq for record in self.access.store.records), default=0) + 1
        self.store(Glucose(seq, at, mmol_l, meal=meal))

    async def _send(self, characteristic: str, frame: bytes) -> bool:
        return await self.notify(self.measurement if characteristic == GLUCOSE else self.context, frame)

    def _on_disconnection(self, reason: int) -> None:
        super()._on_disconnection(reason)
        self.access.stop()

    def _on_confirmation(self) -> None:
        self.access.confirmed()
