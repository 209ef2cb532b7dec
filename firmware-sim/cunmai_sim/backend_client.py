"""A bleak client backend over a Bumble host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.device import Connection, Peer
from bumble.gatt_client import CharacteristicProxy, ServiceProxy

from cunmai_sim.backend_scanner import uuid_text
from cunmai_sim.radio import Radio, while_connected

_T = TypeVar("_T")

_PROPERTIES: tuple[tuple[int, CharacteristicPropertyName], ...] = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (0x10, "notify"),
    (0x20, "indicate"),
    (0x40, "authenticated-signed-writes"),
    (0x80, "extended-properties"),
)


async def _gatt(work: Awaitable[_T]) -> _T:
    """A GATT procedure, with Bumble's errors turned into bleak's."""
    try:
        return await while_connected(work)
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(int(error.error_code)) from error
    except core.TimeoutError as error:
        raise TimeoutError(str(error)) from error


class BumbleClient(BaseBleakClient):
    """Use a subclass bound to one central: `client_of(radio)`.

    It follows the BlueZ backend where the two could differ: a device known from a scan that does not
    answer is TimeoutError, an address never seen is BleakDeviceNotFoundError, and a characteristic's
    handle is that of its declaration.
    """

    radio: ClassVar[Radio]

    def __init__(
        self, address_or_ble_device: BLEDevice | str, services: set[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self._known = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._wanted = services
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        known = self._known.name if self._known else None
        return known or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return self._connection.att_mtu if self._connection else att.ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    # -- connection ---------------------------------------------------------------------------

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        if self._connection is not None:
            raise BleakError("Client is already connected")
        self._adopt(await self._connected(float(kwargs.get("timeout", self._timeout))))
        try:
            await self._prepare(pair)
        except BaseException:  # whatever stopped us, cancellation included, leaves no half-open link
            await self.disconnect()
            raise

    async def _connected(self, timeout_s: float) -> Connection:
        if self._known is not None:
            return await self.radio.connect(self._known.details, timeout_s=timeout_s)
        try:
            return await self.radio.connect(hci.Address(self.address), timeout_s=timeout_s)
        except TimeoutError:
            raise BleakDeviceNotFoundError(
                self.address, f"Device with address {self.address} was not found."
            ) from None

    def _adopt(self, connection: Connection) -> None:
        self._connection = connection
        self._peer = Peer(connection)
        connection.once(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    async def _prepare(self, pair: bool) -> None:
        connection, peer = self._connection, self._peer
        if connection is None or peer is None:
            raise BleakError("disconnected at once")
        if pair:
            await _gatt(connection.pair())
        if self.radio.mtu > att.ATT_DEFAULT_MTU:
            await _gatt(peer.request_mtu(self.radio.mtu))
        self.services = await _gatt(self._discover(peer))

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = self._peer = self.services = None
        self._subscribers.clear()
        if self._disconnected_callback:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        if self._connection is not None:
            await self.radio.disconnect(self._connection)

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        if self._connection is None:
            raise BleakError("Not connected")
        await _gatt(self._connection.pair())

    async def unpair(self) -> None:
        raise NotImplementedError("the simulated radio keeps no bonds")

    # -- discovery ----------------------------------------------------------------------------

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for found in await peer.discover_services():
            uuid = uuid_text(found.uuid)
            if self._wanted is None or uuid in self._wanted:
                service = BleakGATTService(found, found.handle, uuid)
                collection.add_service(service)
                await self._discover_service(found, service, collection)
        return collection

    async def _discover_service(
        self, found: ServiceProxy, service: BleakGATTService, collection: BleakGATTServiceCollection
    ) -> None:
        for value in await found.discover_characteristics():
            properties = [name for bit, name in _PROPERTIES if int(value.properties) & bit]
            # BlueZ tells the handle of the declaration, which is one below that of the value.
            characteristic = BleakGATTCharacteristic(
                value, value.handle - 1, uuid_text(value.uuid), properties, self._max_write, service
            )
            collection.add_characteristic(characteristic)
            for descriptor in await value.discover_descriptors():
                collection.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, uuid_text(descriptor.type), characteristic
                    )
                )

    def _max_write(self) -> int:
        return self.mtu_size - 3

    # -- values -------------------------------------------------------------------------------

    def _require_peer(self) -> Peer:
        if self._peer is None:
            raise BleakError("Not connected")
        return self._peer

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,  # noqa: ARG002 (bleak's interface; nothing is cached here)
        **_kwargs: Any,
    ) -> bytearray:
        return bytearray(await _gatt(self._require_peer().gatt_client.read_value(characteristic.obj)))

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        *,
        use_cached: bool = False,  # noqa: ARG002 (bleak's interface; nothing is cached here)
        **_kwargs: Any,
    ) -> bytearray:
        return bytearray(await _gatt(self._require_peer().gatt_client.read_value(descriptor.obj)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        client = self._require_peer().gatt_client
        await _gatt(client.write_value(characteristic.obj, bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        client = self._require_peer().gatt_client
        await _gatt(client.write_value(descriptor.obj, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: Any
    ) -> None:
        value: CharacteristicProxy[bytes] = characteristic.obj

        def subscriber(payload: bytes) -> None:
            callback(bytearray(payload))

        client = self._require_peer().gatt_client
        self._subscribers[characteristic.handle] = subscriber
        await _gatt(client.subscribe(value, subscriber))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        subscriber = self._subscribers.pop(characteristic.handle, None)
        await _gatt(self._require_peer().gatt_client.unsubscribe(characteristic.obj, subscriber))


def client_of(own: Radio) -> type[BumbleClient]:
    """The client class of one central."""

    class CentralClient(BumbleClient):
        radio = own

    return CentralClient
