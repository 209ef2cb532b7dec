"""The Record Access Control Point of one simulated device: requests in, stored records and answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bumble.att import ATT_Error
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue

from cunmai_sim.codec_health import RECORD_ACCESS
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.records import Op, Procedure, RecordStore

_NOT_CONFIGURED = 0xFD
_IN_PROGRESS = 0xFE


class RecordAccess:
    """Answers for one device. `attach` it once the device is made."""

    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.lose_radio_after_records: int | None = None
        """The link is lost once, when this many records have been sent since the device was made."""
        self.records_sent = 0
        properties = Characteristic.Properties
        self.characteristic = Characteristic[bytes](
            RECORD_ACCESS,
            properties.WRITE | properties.INDICATE,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._on_write),
        )
        self._device: Peripheral | None = None
        self._send: Callable[[str, bytes], Awaitable[bool]] | None = None
        self._running: asyncio.Task[None] | None = None
        self._busy = False
        self._answered = False

    def attach(self, device: Peripheral, send: Callable[[str, bytes], Awaitable[bool]]) -> None:
        """`send` puts one frame of a characteristic on the air."""
        self._device, self._send = device, send

    def confirmed(self) -> None:
        """The central confirmed an indication: where it was the answer, the procedure is over."""
        if self._answered:
            self._busy = self._answered = False

    def stop(self) -> None:
        """The link is gone: nothing more is sent on it."""
        self._abandon()
        self._busy = self._answered = False

    def _abandon(self) -> None:
        if self._running is not None:
            self._running.cancel()
            self._running = None

    def _on_write(self, _connection: Connection, request: bytes) -> None:
        assert self._device is not None, "attach() comes first"
        if not self._device.is_subscribed(self.characteristic):
            raise ATT_Error(_NOT_CONFIGURED)
        if self._busy and request[:1] != bytes([Op.ABORT]):
            raise ATT_Error(_IN_PROGRESS)
        self._abandon()
        self._busy, self._answered = True, False
        self._running = asyncio.ensure_future(self._carry_out(self.store.perform(request)))

    async def _carry_out(self, procedure: Procedure) -> None:
        assert self._device is not None
        assert self._send is not None
        for record in procedure.records:
            for characteristic, frame in record.frames:
                await self._send(characteristic, frame)
            self.records_sent += 1
            if self.records_sent == self.lose_radio_after_records:
                self._device.lose_radio()
                return
        self._answered = True
        await self._device.indicate(self.characteristic, procedure.answer)
