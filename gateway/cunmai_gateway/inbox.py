"""What the server sends to the gateway: receipts and commands, acknowledged after they were dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from paho.mqtt.client import MQTTMessage
from pydantic import ValidationError

from cunmai_gateway.commanded import Commanded
from cunmai_gateway.spool import Receipted
from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_runtime.logs import OnChange
from cunmai_wire.parsing import explain
from cunmai_wire.receipts import Receipt

MOST_WAITING = 1000
"""Also the session's window: the broker sends no more before some are acknowledged."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    topic: str
    payload: bytes
    mid: int
    epoch: int


class Inbox:
    """Runs in the event loop."""

    def __init__(
        self,
        spool: SpoolThread,
        topics: tuple[str, str],
        heard: Callable[[str], None],
        commanded: Commanded,
    ) -> None:
        """`topics`: of receipts and of commands. `heard` is told which consumer has sent a receipt."""
        self._spool = spool
        self._receipts_topic, self._commands_topic = topics
        self._heard = heard
        self._commanded = commanded
        self._waiting: asyncio.Queue[_Arrived] = asyncio.Queue(maxsize=MOST_WAITING)
        self._log = structlog.get_logger("inbox")
        self._changed = OnChange()

    def put(self, message: MQTTMessage, epoch: int) -> None:
        """Take a message. One that finds no room is not acknowledged: it comes with the next connection."""
        try:
            self._waiting.put_nowait(_Arrived(message.topic, bytes(message.payload), message.mid, epoch))
        except asyncio.QueueFull:
            self._log.warning("inbox.too_many_messages", topic=message.topic)

    async def run(self, ack: Callable[[int, int], None]) -> None:
        """Deal with messages until cancelled. `ack` is given the message id and the epoch."""
        while True:
            arrived = [await self._waiting.get()]
            while not self._waiting.empty():
                arrived.append(self._waiting.get_nowait())
            await self._note_receipts(arrived)
            for message in arrived:
                if message.topic == self._commands_topic:
                    await self._obey(message)
            # In order, as MQTT asks, and only now: a command that was lost would not come again.
            for message in arrived:
                ack(message.mid, message.epoch)

    async def _note_receipts(self, arrived: Sequence[_Arrived]) -> None:
        """All in one commit: each costs a write that is waited for."""
        receipts = []
        for message in arrived:
            if message.topic != self._receipts_topic:
                continue  # a command, or what nobody asked for: some brokers send retained messages to all
            try:
                receipt = Receipt.model_validate_json(message.payload)
            except ValidationError as error:
                self._refused(message, error)
                continue
            self._heard(receipt.consumer)
            receipts.append(Receipted(receipt.consumer, receipt.stream, receipt.ranges))
        if not receipts:
            return
        try:
            await self._spool.use(lambda spool: spool.receipt_all(receipts))
        except SpoolUnavailable as error:
            # The readings will be sent again, and receipted again.
            if self._changed("receipts", str(error)):
                self._log.error("inbox.receipts_not_noted", why=str(error))

    async def _obey(self, message: _Arrived) -> None:
        try:
            await self._commanded.take(message.payload)
        except ValidationError as error:
            self._refused(message, error)

    def _refused(self, message: _Arrived, error: ValidationError) -> None:
        self._log.warning("inbox.message_refused", topic=message.topic, reason=explain(error))
