"""The gateway's configuration file, `gateway.yaml`. A commented sample is in gateway/README.md."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import DeviceId, GatewayId, ResidentId


class DriverName(StrEnum):
    """How to speak to a device."""

    PLX = "plx"
    ULTRASOUND = "ultrasound"


class DeviceSettings(BaseModel):
    """One device of this clinic: only devices listed here are ever connected to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: DeviceId
    driver: DriverName
    address: str | None = None
    """Bluetooth address. Either this or `name`."""
    name: str | None = None
    """The name that the device advertises, exactly."""
    resident: ResidentId | None = None
    """The resident to whom a home device is assigned; without it, readings are unattributed."""

    @model_validator(mode="after")
    def _found_by_something(self) -> DeviceSettings:
        if self.address is None and self.name is None:
            raise ValueError(
                "请填写 address(蓝牙地址)或 name(广播名) / give the device's address or advertised name"
            )
        return self


class GatewaySettings(BaseModel):
    """Everything one gateway needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gateway: GatewayId
    data_dir: Path
    """Where the spool lives: a disk that survives a power cut, not a RAM disk."""
    mqtt: MqttSettings = MqttSettings()
    utc_offset_minutes: int = Field(default=480, ge=-720, le=840)
    """The clinic's own zone, for devices that tell a time without one. 480 is China."""
    devices: tuple[DeviceSettings, ...] = Field(default=(), max_length=64)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> GatewaySettings:
        ids = [device.id for device in self.devices]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if twice:
            raise ValueError(
                f"设备编号重复: {', '.join(twice)} / device ids are given twice: {', '.join(twice)}"
            )
        return self

    @property
    def spool_path(self) -> Path:
        return self.data_dir / "spool.sqlite"
