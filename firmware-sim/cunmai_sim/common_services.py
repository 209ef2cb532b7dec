"""What most devices have beside their measurement: battery, device information, a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bumble.att import ATT_Error
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.profiles.battery_service import BatteryService
from bumble.profiles.device_information_service import DeviceInformationService

from cunmai_sim.codec_health import (
    CURRENT_TIME,
    CURRENT_TIME_SERVICE,
    decode_current_time,
    encode_current_time,
)

MAKER = "Cunmai"
FIRMWARE = "1.4.2"
_OUT_OF_RANGE = 0xFF


class DeviceClock:
    """A device's own clock (2A2B). It stands still, so that a test can say what it shows.

    `shows` None: it was never set. `written` is every time that a central has set it to.
    """

    def __init__(self, shows: datetime | None = None) -> None:
        self.shows = shows
        self.written: list[datetime] = []
        properties = Characteristic.Properties
        self.service = Service(
            CURRENT_TIME_SERVICE,
            [
                Characteristic[bytes](
                    CURRENT_TIME,
                    properties.READ | properties.WRITE,
                    Characteristic.READABLE | Characteristic.WRITEABLE,
                    CharacteristicValue(read=self._on_read, write=self._on_write),
                )
            ],
        )

    def _on_read(self, _connection: Connection) -> bytes:
        return encode_current_time(self.shows)

    def _on_write(self, _connection: Connection, value: bytes) -> None:
        try:
            self.shows = decode_current_time(value)
        except ValueError:
            raise ATT_Error(_OUT_OF_RANGE) from None
        self.written.append(self.shows)


def common_services(model: str, serial: str, battery_pct: Callable[[], int]) -> list[Service]:
    """180A device information and 180F battery."""
    return [
        DeviceInformationService(MAKER, model, serial, firmware_revision=FIRMWARE),
        BatteryService(lambda _connection: battery_pct()),
    ]
