"""The gateway's configuration file, `gateway.yaml`. A commented sample is in gateway/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import DeviceId, GatewayId, ResidentId


def _known_driver(name: str) -> str:
    known = driver_specs()
    if name not in known:
        names = ", ".join(known)
        raise ValueError(f"没有驱动 {name}, 可用: {names} / no driver is called {name}; there are {names}")
    return name


DriverName = Annotated[str, AfterValidator(_known_driver)]
"""How to speak to a device: the name of a module's `SPEC` in `drivers/`."""


_ADDRESS = r"^([0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$"
"""As BlueZ writes it, or the identifier that macOS gives instead."""


class DeviceSettings(BaseModel):
    """One device of this clinic: only devices listed here are ever connected to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: DeviceId
    driver: DriverName
    address: str | None = Field(default=None, pattern=_ADDRESS)
    """Bluetooth address. Either this or `name`."""
    name: str | None = Field(default=None, min_length=1, max_length=248)
    """The name that the device advertises, exactly."""
    expected_every_s: float | None = Field(default=None, ge=1)
    """Raise `silent` when no frame has come for this long, connected or not. Left out: only a connected
    device that sends all the time can be silent, after the time that its driver declares."""
    resident: ResidentId | None = None
    """The resident to whom a home device is assigned; without it, readings are unattributed."""

    @model_validator(mode="after")
    def _found_by_something(self) -> DeviceSettings:
        if self.address is None and self.name is None:
            raise ValueError(
                "请填写 address(蓝牙地址)或 name(广播名) / give the device's address or advertised name"
            )
        return self


class UplinkSettings(BaseModel):
    """The pace of sending."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backlog_readings_per_s: float = Field(default=500, ge=1, le=10_000)
    """How fast a backlog is sent beside live readings."""
    resend_after_s: float = Field(default=15, ge=1, le=3600)
    """How long to wait for a receipt before a reading is sent again."""


class SpoolSettings(BaseModel):
    """How much is kept while it cannot be sent; whichever is reached first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_mb: int = Field(default=2048, ge=64, le=1_000_000)
    max_days: int = Field(default=90, ge=1, le=3650)
    """Days on which the gateway ran."""


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
    kiosk: KioskSettings | None = None
    """The page on the machine itself. Left out: there is none."""

    spool: SpoolSettings = SpoolSettings()
    uplink: UplinkSettings = UplinkSettings()
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where set, Prometheus metrics (/metrics) and health (/health) are served on this port of loopback."""

    @model_validator(mode="after")
    def _ids_are_unique(self) -> GatewaySettings:
        ids = [device.id for device in self.devices]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if twice:
            raise ValueError(
                f"设备编号重复: {', '.join(twice)} / device ids are given twice: {', '.join(twice)}"
            )
        return self

    @model_validator(mode="after")
    def _each_device_is_listed_once(self) -> GatewaySettings:
        found = [device.address.upper() for device in self.devices if device.address is not None]
        found += [device.name for device in self.devices if device.name is not None]
        twice = sorted({one for one in found if found.count(one) > 1})
        if twice:
            raise ValueError(
                f"同一设备写了两次: {', '.join(twice)} / one device is listed twice: {', '.join(twice)}"
            )
        return self

    @model_validator(mode="after")
    def _kiosk_devices_are_shared(self) -> GatewaySettings:
        shared = {device.id for device in self.devices if device.resident is None}
        strange = sorted(set(self.kiosk.devices if self.kiosk else ()) - shared)
        if strange:
            names = ", ".join(strange)
            raise ValueError(
                f"kiosk.devices 里的 {names} 不在设备中, 或已指定居民 / "
                f"kiosk.devices: {names} is no device here, or is assigned to a resident"
            )
        return self

    @property
    def spool_path(self) -> Path:
        return self.data_dir / "spool.sqlite"
