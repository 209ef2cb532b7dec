"""What every simulated device shares: a host with services, advertising, one central at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bumble.att import ATT_Handle_Value_Confirmation, Bearer
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, Service
from bumble.hci import Address

from cunmai_sim.air import Air

_ADVERTISING_INTERVAL_MS = 100
_CONFIRMATION_TIMEOUT_S = 5.0


class Peripheral:
    """A device on the air. It advertises from `start()` on, and again whenever its central is gone."""

    def __init__(
        self, air: Air, *, address: str, name: str, services: Sequence[Service], advertised: str
    ) -> None:
        self.address = address
        self.name = name
        self.connections_count = 0
        self.last_disconnect_reason: int | None = None
        self._controller = air.controller(name)
        self._device = Device.from_config_with_hci(
            DeviceConfiguration(
                name=name,
                address=Address(address),
                advertising_interval_min=_ADVERTISING_INTERVAL_MS,
                advertising_interval_max=_ADVERTISING_INTERVAL_MS,
            ),
            self._controller,
            self._controller,
        )
        self._device.add_services(list(services))
        self._device.advertising_data = _advertising_data(name, advertised)
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._watch_confirmations()
        self._connection: Connection | None = None
        self._gone = asyncio.Event()
        self._changed = asyncio.Event()
        air.on_close(self.close)
        for service in services:
            for characteristic in service.characteristics:
                characteristic.on(Characteristic.EVENT_SUBSCRIPTION, self._on_subscription)

    async def start(self) -> None:
        """Power on and advertise."""
        await self._device.power_on()
        await self.appear()

    async def appear(self) -> None:
        """Advertise: come (back) into range."""
        await self._device.start_advertising(auto_restart=True)

    async def vanish(self) -> None:
        """Leave the range: the link is lost to the radio, and no advertising follows until `appear`."""
        await self._device.stop_advertising()  # first: else the loss would restart it
        self.lose_radio()
        if self._connection is not None:
            await self._gone.wait()

    async def close(self) -> None:
        """Leave the range for good; `Air.close` calls it."""
        if self._device.powered_on:
            await self.vanish()
            await self._device.power_off()

    def lose_radio(self) -> None:
        """Lose the link once: both ends see a supervision timeout. Advertising begins again at once."""
        self._controller.lose_links()

    async def hang_up(self) -> None:
        """Disconnect from our side, as a device does that is switched off."""
        if self._connection is not None:
            await self._connection.disconnect()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    # -- what the central does ----------------------------------------------------------------

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        self._gone = asyncio.Event()
        self.connections_count += 1
        connection.once(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        self._changed.set()

    def _on_disconnection(self, reason: int) -> None:
        self.last_disconnect_reason = reason
        self._connection = None
        self._gone.set()
        self._changed.set()

    def _on_subscription(self, *_event: object) -> None:
        self._changed.set()

    def is_subscribed(self, characteristic: Characteristic[bytes]) -> bool:
        """Whether the connected central has enabled notifications or indications of it."""
        if self._connection is None:
            return False
        enabled = self._device.gatt_server.subscribers.get(self._connection, {})
        return any(enabled.get(characteristic.handle, b""))

    async def until_subscribed(self, first: Characteristic[bytes], *others: Characteristic[bytes]) -> None:
        """Wait until a central has subscribed to all of these."""
        while not all(self.is_subscribed(each) for each in (first, *others)):
            self._changed.clear()
            await self._changed.wait()

    def _watch_confirmations(self) -> None:
        """Have `_on_confirmation` called when one arrives, before whatever the central writes next.

        Awaiting the indication tells of it only some turns of the event loop later.
        """
        server = self._device.gatt_server
        upstream = server.on_att_handle_value_confirmation

        def on_confirmation(bearer: Bearer, pdu: ATT_Handle_Value_Confirmation) -> None:
            self._on_confirmation()
            upstream(bearer, pdu)

        # Bumble looks its handlers up by name, on the instance.
        server.on_att_handle_value_confirmation = on_confirmation  # type: ignore[method-assign, assignment]

    def _on_confirmation(self) -> None:
        """The central confirmed an indication. For subclasses."""

    # -- what we send -------------------------------------------------------------------------

    async def notify(self, characteristic: Characteristic[bytes], value: bytes) -> bool:
        """Notify. True when it went out; False when nobody listens (it is then lost, as on a real device)."""
        connection = self._connection
        if connection is None or not self.is_subscribed(characteristic):
            return False
        await self._device.notify_subscriber(connection, characteristic, value)
        return True

    async def indicate(self, characteristic: Characteristic[bytes], value: bytes) -> bool:
        """Indicate. True when the central confirmed; False when nobody listens, or the link went, or 5 s."""
        connection = self._connection
        if connection is None or not self.is_subscribed(characteristic):
            return False
        # Forced, for otherwise Bumble returns without a word where the subscription ends meanwhile.
        confirmed = asyncio.ensure_future(
            self._device.indicate_subscriber(connection, characteristic, value, force=True)
        )
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait(
                {confirmed, gone}, timeout=_CONFIRMATION_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            return confirmed.done() and confirmed.exception() is None
        finally:
            gone.cancel()
            confirmed.cancel()
            await asyncio.wait({confirmed, gone})


def _advertising_data(name: str, service: str) -> bytes:
    """Flags, the one service that tells what this device is, and as much of the name as fits 31 bytes."""
    uuid = UUID(service)
    short = uuid.to_pdu_bytes() if len(uuid.uuid_bytes) == 2 else uuid.uuid_bytes
    kind = (
        AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
        if len(short) == 2
        else AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
    )
    room = 31 - 3 - (2 + len(short)) - 2
    encoded = name.encode()
    if len(encoded) > room:
        raise ValueError(f"the name {name} leaves no room in 31 bytes of advertising data ({room} left)")
    return bytes(
        AdvertisingData(
            [
                (AdvertisingData.FLAGS, b"\x06"),
                (kind, short),
                (AdvertisingData.COMPLETE_LOCAL_NAME, encoded),
            ]
        )
    )
