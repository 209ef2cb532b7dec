"""A pulse oximeter with the Bluetooth Pulse Oximeter Service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bumble.gatt import Characteristic, Service

from cunmai_sim.air import Air
from cunmai_sim.codec import (
    Continuous,
    Feature,
    MeasurementStatus,
    SensorStatus,
    SpotCheck,
    encode_continuous,
    encode_features,
    encode_spot_check,
)
from cunmai_sim.common_services import DeviceClock, common_services
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.record_access import RecordAccess
from cunmai_sim.records import Record, RecordStore
from cunmai_sim.scenario import Sample

_FEATURES = (
    Feature.MEASUREMENT_STATUS | Feature.SENSOR_STATUS | Feature.TIMESTAMP | Feature.PULSE_AMPLITUDE_INDEX
)


def _features(*, storing: bool) -> bytes:
    return encode_features(
        _FEATURES | Feature.STORAGE if storing else _FEATURES,
        MeasurementStatus.ONGOING | MeasurementStatus.FULLY_QUALIFIED,
        SensorStatus.UNCONNECTED_TO_USER,
    )


@dataclass
class OximeterCounts:
    """What an oximeter did. `unheard` frames had no subscriber: they never went on the air."""

    continuous_sent: int = 0
    spots_sent: int = 0
    spots_confirmed: int = 0
    unheard: int = 0


def continuous_frame(sample: Sample) -> bytes:
    """The 2A5F frame of a sample. Without a finger: no values, and the sensor status says why."""
    if not sample.finger:
        return encode_continuous(
            Continuous(
                None,
                None,
                measurement_status=MeasurementStatus(0),
                sensor_status=SensorStatus.UNCONNECTED_TO_USER,
            )
        )
    return encode_continuous(
        Continuous(
            sample.spo2_pct,
            sample.pulse_bpm,
            measurement_status=MeasurementStatus.ONGOING,
            sensor_status=SensorStatus(0),
            pulse_amplitude_index_pct=sample.perfusion_index_pct,
        )
    )


def spot_frame(sample: Sample, *, timestamp: datetime | None = None) -> bytes:
    """The 2A5E frame of a sample with a finger."""
    return encode_spot_check(
        SpotCheck(
            sample.spo2_pct,
            sample.pulse_bpm,
            timestamp=timestamp,
            measurement_status=MeasurementStatus.FULLY_QUALIFIED,
            sensor_status=SensorStatus(0),
            pulse_amplitude_index_pct=sample.perfusion_index_pct,
        )
    )


def stored_frame(sample: Sample, at: datetime | None) -> bytes:
    """The 2A5E frame of a stored record. `at` by the device's own clock; None: the clock was not set."""
    return encode_spot_check(
        SpotCheck(
            sample.spo2_pct,
            sample.pulse_bpm,
            timestamp=at,
            measurement_status=MeasurementStatus.FULLY_QUALIFIED | MeasurementStatus.FROM_STORAGE,
            clock_not_set=at is None,
        )
    )


class Oximeter(Peripheral):
    """Services 1822 (2A5E indicate, 2A5F notify, 2A60 read), 180A device information, 180F battery.

    `storing`: also stored records over 2A52. `clock`: also the device's clock, 1805.
    """

    def __init__(
        self,
        air: Air,
        *,
        address: str = "F0:0D:00:00:18:22",
        name: str = "SIM-OXI",
        battery_pct: int = 87,
        storing: bool = False,
        clock: DeviceClock | None = None,
    ) -> None:
        properties, readable = Characteristic.Properties, Characteristic.READABLE
        self.spot_check = Characteristic[bytes]("2A5E", properties.INDICATE, readable, b"")
        self.continuous = Characteristic[bytes]("2A5F", properties.NOTIFY, readable, b"")
        features = Characteristic[bytes]("2A60", properties.READ, readable, _features(storing=storing))
        self.access = RecordAccess(RecordStore())
        stored = [self.access.characteristic] if storing else []
        self.counts = OximeterCounts()
        self.battery_pct = battery_pct
        super().__init__(
            air,
            address=address,
            name=name,
            advertised="1822",
            services=[
                Service("1822", [self.spot_check, self.continuous, features, *stored]),
                *common_services("SIM-PLX", address.replace(":", ""), lambda: self.battery_pct),
                *([clock.service] if clock else []),
            ],
        )
        self.access.attach(self, lambda _spot_check, frame: self.indicate(self.spot_check, frame))

    @property
    def subscribed(self) -> bool:
        """Whether a central listens to both the series and the spot checks."""
        return self.is_subscribed(self.continuous) and self.is_subscribed(self.spot_check)

    async def send_continuous(self, sample: Sample) -> bool:
        """Notify one sample. True when it went on the air, False when nobody listens."""
        return await self.send_raw(continuous_frame(sample))

    async def send_finger_off(self) -> bool:
        """Notify that the clip is empty: NaN values, sensor status "unconnected to user"."""
        return await self.send_raw(continuous_frame(Sample(0.0, None, None, None, finger=False)))

    async def send_raw(self, frame: bytes) -> bool:
        """Notify any bytes on 2A5F: a malformed or special frame for a test."""
        heard = await self.notify(self.continuous, frame)
        self.counts.continuous_sent += heard
        self.counts.unheard += not heard
        return heard

    async def send_spot(self, sample: Sample, *, timestamp: datetime | None = None) -> bool:
        """Indicate one spot check. True when the central confirmed it."""
        if not self.is_subscribed(self.spot_check):
            self.counts.unheard += 1
            return False
        self.counts.spots_sent += 1
        confirmed = await self.indicate(self.spot_check, spot_frame(sample, timestamp=timestamp))
        self.counts.spots_confirmed += confirmed
        return confirmed

    def store(self, sample: Sample, at: datetime | None) -> None:
        """Keep a record, as an oximeter does that is used out of range; it goes out when it is asked for."""
        records = self.access.store.records
        records.append(Record(len(records) + 1, (("2A5E", stored_frame(sample, at)),)))

    def _on_disconnection(self, reason: int) -> None:
        super()._on_disconnection(reason)
        self.access.stop()

    def _on_confirmation(self) -> None:
        self.access.confirmed()
