"""The uplink: readings from the spool to the broker, receipts from the consumers to the spool."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from paho.mqtt.client import MQTTMessage
from pydantic import TypeAdapter, ValidationError

from cunmai_gateway.lanes import LaneLimits, Lanes, Window
from cunmai_gateway.spool import Spooled
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_runtime.clock import Clock
from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings, Will
from cunmai_wire.base import ClockTrust
from cunmai_wire.commands import Command, Resend
from cunmai_wire.parsing import explain
from cunmai_wire.receipts import Receipt
from cunmai_wire.state import GatewayState, Presence
from cunmai_wire.topics import Channel, gateway_topic

BATCH_READINGS = 200
"""Readings per envelope: under the contract's 500, and about 50 kB."""
MAX_UNACKNOWLEDGED_ENVELOPES = 20
_POLL_S = 0.25

_command_adapter: TypeAdapter[Command] = TypeAdapter(Command)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this gateway is on the wire."""

    gateway: str
    stream: str
    software: str


class Uplink:
    """Runs in the event loop; the MQTT session has a thread of its own and hands over to the loop."""

    def __init__(
        self,
        mqtt: MqttSettings,
        identity: Identity,
        spool: SpoolThread,
        clock: Clock,
        trust: Callable[[], ClockTrust],
        *,
        limits: LaneLimits | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._spool = spool
        self._clock = clock
        self._trust = trust
        self._now_s = monotonic_s
        self._lanes = Lanes(limits or LaneLimits())
        self._measured = 0
        self._ready = False
        self._unacknowledged: set[int] = set()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._work: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(maxsize=1000)
        self._log = structlog.get_logger("uplink").bind(gateway=identity.gateway)
        self._receipts_topic = gateway_topic(identity.gateway, Channel.RECEIPTS)
        self._commands_topic = gateway_topic(identity.gateway, Channel.COMMANDS)
        self._session = MqttSession(
            mqtt,
            f"gateway-{identity.gateway}",
            [self._receipts_topic, self._commands_topic],
            Handlers(
                on_message=self._on_message,
                on_up=lambda _epoch: self._soon(self._on_up),
                on_down=lambda: self._soon(self._on_down),
                on_published=lambda mid: self._soon(lambda: self._on_published(mid)),
            ),
            will=self._will,
        )

    @property
    def up(self) -> bool:
        """Connected to the broker and subscribed to receipts."""
        return self._ready and self._session.up

    def appended(self, last_seq: int) -> None:
        """The spool holds readings up to `last_seq`."""
        self._measured = max(self._measured, last_seq)
        self._wake.set()

    async def run(self) -> None:
        """Send and receive until cancelled."""
        self._measured = await self._spool.use(lambda spool: spool.measured())
        self._session.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                tasks.create_task(self._receive())
        finally:
            self._announce(Presence.OFFLINE)
            await asyncio.to_thread(self._session.stop)

    # -- sending ------------------------------------------------------------------------------------

    async def _send(self) -> None:
        while True:
            sent_live = await self._send_live()
            sent_backlog = await self._send_backlog()
            if not (sent_live or sent_backlog):
                await self._idle()

    async def _idle(self) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL_S):
                await self._wake.wait()

    async def _send_live(self) -> bool:
        window = self._lanes.live(self._measured)
        readings = await self._fetch(window)
        if not readings or not self._publish(readings):
            return False
        self._lanes.live_sent(readings[-1].seq, self._now_s())
        return True

    async def _send_backlog(self) -> bool:
        window = self._lanes.sweep(self._now_s())
        if window is None or not self._may_publish():
            return False
        readings = await self._fetch(window)
        if not readings:
            self._lanes.pass_ended(self._now_s())
            return False
        if not self._publish(readings):
            return False
        self._lanes.swept(readings[-1].seq, len(readings), self._now_s())
        return True

    async def _fetch(self, window: Window | None) -> list[Spooled]:
        if window is None or not self._may_publish():
            return []
        return await self._spool.use(lambda spool: spool.held(window.after, window.up_to, BATCH_READINGS))

    def _may_publish(self) -> bool:
        return self._ready and len(self._unacknowledged) < MAX_UNACKNOWLEDGED_ENVELOPES

    def _publish(self, readings: list[Spooled]) -> bool:
        topic = gateway_topic(self._identity.gateway, Channel.READINGS)
        mid = self._session.publish(topic, self._envelope(readings))
        if mid is None:
            return False
        self._unacknowledged.add(mid)
        return True

    def _envelope(self, readings: list[Spooled]) -> bytes:
        header = (
            f'{{"v":1,"gateway":"{self._identity.gateway}","stream":"{self._identity.stream}",'
            f'"sent":{self._clock()},"clock":"{self._trust()}","readings":['
        )
        return header.encode() + b",".join(reading.json() for reading in readings) + b"]}"

    # -- receiving ----------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            topic, payload = await self._work.get()
            try:
                if topic == self._receipts_topic:
                    await self._take_receipt(Receipt.model_validate_json(payload))
                elif topic == self._commands_topic:
                    self._take_command(_command_adapter.validate_json(payload))
                # Anything else was not asked for: some brokers send retained messages to everyone.
            except ValidationError as error:
                self._log.warning("uplink.message_refused", topic=topic, reason=explain(error))

    async def _take_receipt(self, receipt: Receipt) -> None:
        if receipt.stream != self._identity.stream:
            self._log.warning("uplink.receipt_for_another_stream", stream=receipt.stream)
            return
        self._lanes.heard(receipt.consumer, self._now_s())
        await self._spool.use(lambda spool: spool.receipt(receipt.consumer, receipt.ranges))

    def _take_command(self, command: Command) -> None:
        if isinstance(command, Resend):
            self._log.info("uplink.resend_asked", id=command.id)
            self._lanes.resend(self._now_s())
            self._wake.set()
        else:
            self._log.warning("uplink.command_not_supported", command=command.command, id=command.id)

    # -- the session's callbacks ----------------------------------------------------------------------

    def _soon(self, work: Callable[[], None]) -> None:
        """Run in the event loop; from the session's thread. Nothing to do once the loop is gone."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def _on_message(self, message: MQTTMessage, epoch: int) -> None:
        topic, payload, mid = message.topic, bytes(message.payload), message.mid
        self._soon(lambda: self._enqueue(topic, payload))
        # A lost receipt is sent again with the reading it was for, so it may be acknowledged at once.
        self._session.ack(mid, epoch)

    def _enqueue(self, topic: str, payload: bytes) -> None:
        if self._work.full():
            self._log.warning("uplink.too_many_messages", topic=topic)
            return
        self._work.put_nowait((topic, payload))

    def _on_up(self) -> None:
        self._unacknowledged.clear()
        self._lanes.link_up(self._measured, self._now_s())
        self._announce(Presence.ONLINE)
        self._ready = True
        self._wake.set()

    def _on_down(self) -> None:
        self._ready = False
        self._unacknowledged.clear()

    def _on_published(self, mid: int) -> None:
        self._unacknowledged.discard(mid)
        self._wake.set()

    def _will(self) -> Will:
        return Will(gateway_topic(self._identity.gateway, Channel.STATE), self._state(Presence.OFFLINE))

    def _announce(self, presence: Presence) -> None:
        topic = gateway_topic(self._identity.gateway, Channel.STATE)
        self._session.publish(topic, self._state(presence), retain=True)

    def _state(self, presence: Presence) -> bytes:
        state = GatewayState(
            v=1,
            gateway=self._identity.gateway,
            presence=presence,
            at=self._clock(),
            clock=self._trust(),
            stream=self._identity.stream,
            measured=self._measured,
            software=self._identity.software,
        )
        return state.model_dump_json(exclude_none=True).encode()
