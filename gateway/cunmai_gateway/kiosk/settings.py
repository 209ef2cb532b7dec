"""The `kiosk:` section of gateway.yaml. Without the section there is no page."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cunmai_gateway.kiosk.identify import DEFAULT_RESIDENT_IDS, looks_personal
from cunmai_gateway.kiosk.sessions import SessionLimits
from cunmai_wire.base import DeviceId
from cunmai_wire.readings import ShortText

DEFAULT_PORT = 8090


class KioskSettings(BaseModel):
    """The page and the API on the health service machine itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65_535)
    names: tuple[str, ...] = Field(default=(), max_length=8)
    """Host names under which the page is opened, besides loopback's. It has no password: see README."""
    devices: tuple[DeviceId, ...] = Field(default=(), max_length=64)
    """The devices that stand at the kiosk. Empty: every device that no resident is assigned to."""
    cards: Path | None = None
    """A CSV file with the columns card,resident."""
    resident_ids: str = Field(default=DEFAULT_RESIDENT_IDS, max_length=200)
    """What a resident's opaque id looks like, as a regular expression."""
    altitude_m: float | None = Field(default=None, ge=-500, le=6_000)
    """The clinic's altitude. Without it, or above 2,500 m, the page says nothing of a value."""
    idle_s: int = Field(default=120, ge=10, le=3_600)
    taken_off_s: int = Field(default=45, ge=5, le=3_600)
    longest_s: int = Field(default=900, ge=30, le=14_400)
    keep_days: int = Field(default=7, ge=1, le=90)
    keep_readings: int = Field(default=20_000, ge=100, le=1_000_000)
    medicines: tuple[ShortText, ...] = Field(
        default=("解热镇痛药", "止咳化痰药", "抗病毒药", "氧气"), max_length=30
    )
    """The medicines whose stock is asked for on the page for the clinic's status."""

    @field_validator("resident_ids")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"不是正则表达式: {error} / not a regular expression: {error}") from None
        return value

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise ValueError(
                "请填写 IP 地址, 例如 127.0.0.1 / give an IP address, such as 127.0.0.1"
            ) from None
        return value

    @field_validator("medicines")
    @classmethod
    def _nobody_is_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(looks_personal(name) for name in value):
            raise ValueError("药品名里不能有证件号或手机号 / a medicine is not named by a personal number")
        return value

    @property
    def limits(self) -> SessionLimits:
        return SessionLimits(self.idle_s * 1000, self.taken_off_s * 1000, self.longest_s * 1000)
