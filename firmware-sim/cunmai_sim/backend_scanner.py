"""A bleak scanner backend over a Bumble host."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

from cunmai_sim.radio import Radio

_UUID_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_SERVICE_DATA = (AdvertisingData.SERVICE_DATA_16_BIT_UUID, AdvertisingData.SERVICE_DATA_128_BIT_UUID)


def uuid_text(uuid: UUID) -> str:
    """A UUID as bleak writes it: 128 bits, lower case."""
    if len(uuid.uuid_bytes) == 16:
        return uuid.to_hex_str("-").lower()
    return f"{int.from_bytes(uuid.uuid_bytes, 'little'):08x}-0000-1000-8000-00805f9b34fb"


def advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    """What bleak tells of one advertisement (with its scan response merged in)."""
    data = advertisement.data
    return AdvertisementData(
        local_name=data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
        or data.get(AdvertisingData.SHORTENED_LOCAL_NAME),
        manufacturer_data={
            int(company): value for company, value in data.get_all(AdvertisingData.MANUFACTURER_SPECIFIC_DATA)
        },
        service_data={
            uuid_text(uuid): value for uuid, value in _items(data, _SERVICE_DATA) if isinstance(uuid, UUID)
        },
        service_uuids=list(
            dict.fromkeys(uuid_text(uuid) for found in _items(data, _UUID_LISTS) for uuid in found)
        ),
        tx_power=data.get(AdvertisingData.TX_POWER_LEVEL),
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )


def _items(data: AdvertisingData, kinds: tuple[AdvertisingData.Type, ...]) -> list[Any]:
    """Every field of these kinds. Bumble's type for a field is a union over all kinds, hence Any."""
    return [field for kind in kinds for field in data.get_all(kind)]


class BumbleScanner(BaseBleakScanner):
    """Use a subclass bound to one central: `scanner_of(radio)`."""

    radio: ClassVar[Radio]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"] = "active",
        **_kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode != "passive"

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        told = advertisement_data(advertisement)
        if not self.is_allowed_uuid(told.service_uuids):
            return
        address = advertisement.address.to_string(False)
        device = self.create_or_update_device(address, address, told.local_name, advertisement.address, told)
        self.call_detection_callbacks(device, told)

    async def start(self) -> None:
        self.seen_devices = {}
        await self.radio.listen(self._on_advertisement, active=self._active)

    async def stop(self) -> None:
        await self.radio.stop_listening(self._on_advertisement)


def scanner_of(own: Radio) -> type[BumbleScanner]:
    """The scanner class of one central."""

    class CentralScanner(BumbleScanner):
        radio = own

    return CentralScanner
