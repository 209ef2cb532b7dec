"""Stored records over a Record Access Control Point (2A52): ask, and wait until the device says it is done."""

from __future__ import annotations

import asyncio

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError, BleakGATTProtocolError

from cunmai_gateway.decoders import racp
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.drivers.base import Sink
from cunmai_gateway.drivers.uuids import uuid_of

CONTROL_POINT = "2A52"
QUIET_S = 10.0
"""A transfer in which nothing has come for so long has stopped."""
_PROCEDURE_IN_PROGRESS = 0xFE
_BUSY_WAITS_S = (0.05, 0.2, 0.5)


class RecordAccess:
    """One connection's. The records themselves come over the service's own characteristics."""

    def __init__(self, client: BleakClient, sink: Sink) -> None:
        self._client = client
        self._sink = sink
        self._answers: asyncio.Queue[racp.RecordAccess] = asyncio.Queue(maxsize=8)
        self._came = asyncio.Event()

    async def listen(self) -> None:
        """Enable its indications: devices want that before the first request."""
        await self._client.start_notify(uuid_of(CONTROL_POINT), self._on_answer)

    def record_came(self) -> None:
        """A record of the running transfer came: it goes on."""
        self._came.set()

    async def report(self, request: bytes) -> racp.Result | None:
        """Have records sent; how it ended. None: in no way that this version knows. Raises BleakError."""
        while not self._answers.empty():
            self._answers.get_nowait()
        if not await self._write(request):
            # Left over from before, and whoever asked is gone.
            await self._write(racp.ABORT)
            await self._answer()
            if not await self._write(request):
                raise BleakError("the device says that it is busy with stored records, and stays so")
        while (answer := await self._answer()).request != racp.Op.REPORT:
            pass
        try:
            return racp.Result(answer.result or 0)
        except ValueError:
            return None

    async def _write(self, request: bytes) -> bool:
        """False where a procedure is in progress, and stays so: one that has just ended may take a moment."""
        for wait_s in _BUSY_WAITS_S:
            try:
                await self._client.write_gatt_char(uuid_of(CONTROL_POINT), request, response=True)
            except BleakGATTProtocolError as error:
                if error.args[0] != _PROCEDURE_IN_PROGRESS:
                    raise
                await asyncio.sleep(wait_s)
            else:
                return True
        return False

    async def _answer(self) -> racp.RecordAccess:
        """The next answer, for which records may keep us waiting; silence may not."""
        getting = asyncio.create_task(self._answers.get())
        try:
            while True:
                self._came.clear()
                coming = asyncio.create_task(self._came.wait())
                done, _ = await asyncio.wait(
                    {getting, coming}, timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED
                )
                coming.cancel()
                if getting in done:
                    return getting.result()
                if not done:
                    raise BleakError("the transfer of stored records has stopped")
        finally:
            getting.cancel()

    def _on_answer(self, _characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        try:
            answer = racp.decode(bytes(data))
        except Malformed as error:
            self._sink.malformed(CONTROL_POINT, bytes(data), str(error))
            return
        if not self._answers.full():
            self._answers.put_nowait(answer)
