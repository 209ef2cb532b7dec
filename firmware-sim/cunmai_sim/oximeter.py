"""A pulse oximeter with the Bluetooth Pulse Oximeter Service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bumble.gatt import Characteristic, Service
from bumble.profiles.battery_service import BatteryService
from bumble.profiles.device_information_service import DeviceInformationService

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
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.scenario import Sample

_FEATURES = encode_features(
    Feature.MEASUREMENT_STATUS | Feature.SENSOR_STATUS | Feature.TIMESTAMP | Feature.PULSE_AMPLITUDE_INDEX,
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


class Oximeter(Peripheral):
    """Services 1822 (2A5E indicate, 2A5F notify, 2A60 read), 180A device information, 180F battery."""

    def __init__(
        self,
        air: Air,
        *,
        address: str = "F0:0D:00:00:18:22",
        name: str = "SIM-OXI",
        battery_pct: int = 87,
    ) -> None:
        properties, readable = Characteristic.Properties, Characteristic.READABLE
        self.spot_check = Characteristic[bytes]("2A5E", properties.INDICATE, readable, b"")
        self.continuous = Characteristic[bytes]("2A5F", properties.NOTIFY, readable, b"")
        features = Characteristic[bytes]("2A60", properties.READ, readable, _FEATURES)
        self.counts = OximeterCounts()
        self.battery_pct = battery_pct
        super().__init__(
            air,
            address=address,
            name=name,
            advertised="1822",
            services=[
                Service("1822", [self.spot_check, self.continuous, features]),
                DeviceInformationService("Cunmai", "SIM-PLX", address.replace(":", "")),
                BatteryService(lambda _connection: self.battery_pct),
            ],
        )

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
