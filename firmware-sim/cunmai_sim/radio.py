"""The host side of one central: a Bumble device that several bleak scanners and clients share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError
from bumble import core, hci
from bumble.device import Advertisement, Connection, Device
from bumble.transport.common import TransportSink, TransportSource

_T = TypeVar("_T")

_DISCONNECT_TIMEOUT_S = 5.0
_ABANDON_ROUNDS = 100
_ABANDON_ROUND_S = 0.05
MAX_MTU = 517

AdvertisementListener = Callable[[Advertisement], None]


class Radio:
    """One central's host, powered on.

    When it is closed, or the transport below ends (the process that serves the air is gone), its
    connections end and every later use raises BleakBluetoothNotAvailableError.
    """

    def __init__(self, device: Device, mtu: int) -> None:
        self.device = device
        self.mtu = mtu
        self._gone = False
        # One LE connection may be pending per controller.
        self._connecting = asyncio.Lock()
        self._scanning = asyncio.Lock()
        self._listeners: list[AdvertisementListener] = []
        device.host.on("flush", self._on_flush)
        device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)

    @classmethod
    async def power_on(
        cls, address: str, source: TransportSource, sink: TransportSink, *, mtu: int = MAX_MTU
    ) -> Radio:
        """A host of `address` (a random static address, `F0:…` for example) on an HCI source and sink."""
        device = Device.with_hci("central", hci.Address(address), source, sink)
        await device.power_on()
        return cls(device, mtu)

    def _on_flush(self) -> None:
        self._gone = True

    def check(self) -> None:
        """Raise BleakBluetoothNotAvailableError where the radio is gone."""
        if self._gone:
            raise BleakBluetoothNotAvailableError(
                "the simulated air is gone", BleakBluetoothNotAvailableReason.POWERED_OFF
            )

    # -- scanning -----------------------------------------------------------------------------

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        for listener in list(self._listeners):
            listener(advertisement)

    async def listen(self, listener: AdvertisementListener, *, active: bool) -> None:
        """Add a listener; the first one starts the scan (and decides whether it is active)."""
        self.check()
        async with self._scanning:
            self._listeners.append(listener)
            if not self.device.is_scanning:
                await self.device.start_scanning(active=active, filter_duplicates=False)

    async def stop_listening(self, listener: AdvertisementListener) -> None:
        """Remove a listener; the last one stops the scan. Removing twice does nothing."""
        async with self._scanning:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners and self.device.is_scanning and not self._gone:
                await self.device.stop_scanning()

    # -- connecting ---------------------------------------------------------------------------

    async def connect(self, target: hci.Address, *, timeout_s: float) -> Connection:
        """Connect within `timeout_s`, waiting for our turn included.

        Raises TimeoutError where nobody answers. Cancelling leaves neither a pending connection in
        the controller nor a connection that nobody owns.
        """
        self.check()
        async with asyncio.timeout(timeout_s), self._connecting:
            attempt = asyncio.create_task(self.device.connect(target, timeout=None))
            try:
                return await asyncio.shield(attempt)
            except asyncio.CancelledError:
                await self._abandon(attempt)
                self.check()  # cancelled by a flush, not by the caller
                raise
            except core.ConnectionError as error:
                raise BleakError(f"failed to connect to {target}: {error}") from error

    async def _abandon(self, attempt: asyncio.Task[Connection]) -> None:
        """End an attempt at whatever point it is: before its command, pending, or just succeeded."""
        for _ in range(_ABANDON_ROUNDS):
            if attempt.done() or self._gone:
                break
            if self.device.is_le_connecting:
                with contextlib.suppress(hci.HCI_Error):  # nothing is pending any more: it just ended
                    await self.device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
            await asyncio.wait({attempt}, timeout=_ABANDON_ROUND_S)
        if not attempt.done():
            attempt.cancel()
        elif not attempt.cancelled() and attempt.exception() is None:
            await self.disconnect(attempt.result())

    async def disconnect(self, connection: Connection) -> None:
        """Disconnect; quietly where the link is already gone or goes meanwhile."""
        if self._gone or connection.handle not in self.device.connections:
            return
        done = asyncio.Event()
        connection.once(Connection.EVENT_DISCONNECTION, lambda _reason: done.set())
        await self.device.send_async_command(
            hci.HCI_Disconnect_Command(
                connection_handle=connection.handle,
                reason=hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR,
            )
        )
        async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
            await done.wait()

    async def close(self) -> None:
        """Disconnect everything and let the host go."""
        if not self._gone:
            for connection in list(self.device.connections.values()):
                await self.disconnect(connection)
            if self.device.is_scanning:
                await self.device.stop_scanning()
            await self.device.power_off()


async def while_connected(work: Awaitable[_T]) -> _T:
    """Await a GATT procedure of Bumble's.

    Bumble cancels a pending request when the link goes, which reads as if the caller's own task had
    been cancelled; here that becomes BleakError, and a real cancellation stays one. It would not always:
    Bumble waits with asyncio.wait_for, which on Python 3.11 can swallow a cancellation.
    """
    try:
        result = await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BleakError("disconnected during the request") from None
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return result
