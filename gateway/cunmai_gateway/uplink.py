"""The uplink: readings from the spool to the broker, receipts from the consumers to the spool."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog
from paho.mqtt.client import MQTTMessage

from cunmai_gateway.commanded import Commanded, drop_prompt
from cunmai_gateway.inbox import MOST_WAITING, Inbox
from cunmai_gateway.lanes import LaneLimits, Lanes, Window
from cunmai_gateway.renewal import COMPARE_WITHIN_S, Renew, Renewal
from cunmai_gateway.spool import Batch
from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_gateway.stated import Stated, read_lost
from cunmai_runtime.logs import OnChange
from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings, Will
from cunmai_wire.commands import Configure, Prompt
from cunmai_wire.state import Presence
from cunmai_wire.topics import Channel, gateway_topic

BATCH_READINGS = 200
"""Readings per envelope: under the contract's 500, and about 50 kB."""
MAX_UNACKNOWLEDGED_ENVELOPES = 20
_POLL_S = 0.25
_STATE_EVERY_S = 60.0
_FROM_START = ("", 0)


class Uplink:
    """Runs in the event loop; the MQTT session has a thread of its own and hands over to the loop."""

    def __init__(
        self,
        mqtt: MqttSettings,
        stated: Stated,
        spool: SpoolThread,
        configure: Callable[[Configure], Awaitable[None]],
        *,
        prompt: Callable[[Prompt], None] = drop_prompt,
        renew: Renew | None = None,
        limits: LaneLimits | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`configure` takes a configuration or notes in `stated` why not; `prompt` shows it, or does not.

        `renew` begins a new stream where the spool is an old copy; None: nobody looks.
        """
        self._stated = stated
        self._spool = spool
        self._now_s = monotonic_s
        self._limits = limits or LaneLimits()
        self._lanes = Lanes(self._limits)
        self._salvage_after = _FROM_START
        self._ready = False
        self._unacknowledged: set[int] = set()
        self._wake = asyncio.Event()
        self._state_due = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        gateway = stated.identity.gateway
        self._log = structlog.get_logger("uplink").bind(gateway=gateway)
        self._changed = OnChange()
        self._topics = {channel: gateway_topic(gateway, channel) for channel in Channel}
        inbox_topics = (self._topics[Channel.RECEIPTS], self._topics[Channel.COMMANDS])
        self._renewal = Renewal(stated, renew, self._renewed)
        self._inbox = Inbox(
            spool, inbox_topics, self._heard, Commanded(spool, self._resend, configure, prompt)
        )
        self._session = MqttSession(
            mqtt,
            f"gateway-{gateway}",
            (*inbox_topics, self._topics[Channel.STATE]),
            Handlers(
                on_message=lambda message, epoch: self._soon(lambda: self._arrived(message, epoch)),
                on_up=lambda _epoch: self._soon(self._on_up),
                on_down=lambda: self._soon(self._on_down),
                on_published=lambda mid: self._soon(lambda: self._on_published(mid)),
            ),
            will=lambda: Will(self._topics[Channel.STATE], self._state(Presence.OFFLINE)),
            window=MOST_WAITING,
            optional=(self._topics[Channel.STATE],),
        )

    @property
    def up(self) -> bool:
        """Connected to the broker and subscribed to receipts."""
        return self._ready and self._session.up

    def appended(self, stream: str, last_seq: int) -> None:
        """The spool holds readings of `stream` up to `last_seq`."""
        if stream != self._stated.stream:
            self._new_stream(stream)
        self._stated.measured = max(self._stated.measured, last_seq)
        self._wake.set()

    def announce(self) -> None:
        """Publish the state again, because something in it has changed."""
        self._state_due.set()

    def set_limits(self, limits: LaneLimits) -> None:
        """Another pace, from the next pass on."""
        self._limits = limits
        self._lanes.limits = limits

    async def run(self) -> None:
        """Send and receive until cancelled."""
        self._stated.measured, self._stated.at_open = await self._spool.use(
            lambda spool: (spool.measured(), spool.at_open)
        )
        self._stated.lost = await self._spool.use(read_lost)
        self._session.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                tasks.create_task(self._inbox.run(self._session.ack))
                tasks.create_task(self._tell_state())
                tasks.create_task(self._renewal.run())
        finally:
            self._publish_state(Presence.OFFLINE)
            await asyncio.to_thread(self._session.stop)

    # -- sending ------------------------------------------------------------------------------------

    async def _send(self) -> None:
        while True:
            try:
                sent = await self._send_live(), await self._send_backlog()
            except SpoolUnavailable as error:
                if self._changed("spool", str(error)):
                    self._log.error("uplink.cannot_read", why=str(error))
                sent = (False, False)
            if not any(sent):
                await self._idle()

    async def _idle(self) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL_S):
                await self._wake.wait()

    async def _send_live(self) -> bool:
        window = self._lanes.live(self._stated.measured)
        batch = await self._fetch(window) if window is not None else None
        if batch is None or not self._publish(batch):
            return False
        self._lanes.live_sent(batch.readings[-1].seq, self._now_s())
        return True

    async def _send_backlog(self) -> bool:
        window = self._lanes.sweep(self._now_s())
        if window is None or not self._may_publish():
            return False
        batch = await self._fetch(window)
        if batch is not None:
            return self._swept(batch, batch.readings[-1].seq)
        salvaged = await self._fetch_salvaged()
        if salvaged is None:
            self._salvage_after = _FROM_START
            self._lanes.pass_ended(self._now_s())
            return False
        self._salvage_after = (salvaged.stream, salvaged.readings[-1].seq)
        return self._swept(salvaged, window.after)

    def _swept(self, batch: Batch, up_to: int) -> bool:
        if not self._publish(batch):
            return False
        self._lanes.swept(up_to, len(batch.readings), self._now_s())
        return True

    async def _fetch(self, window: Window) -> Batch | None:
        if not self._may_publish():
            return None
        batch = await self._spool.use(
            lambda spool: Batch(spool.stream, tuple(spool.held(window.after, window.up_to, BATCH_READINGS)))
        )
        if batch.stream != self._stated.stream:
            self._new_stream(batch.stream)
            return None
        return batch if batch.readings else None

    async def _fetch_salvaged(self) -> Batch | None:
        if not self._lanes.pass_is_full:
            return None
        return await self._spool.use(lambda spool: spool.salvaged(self._salvage_after, BATCH_READINGS))

    def _may_publish(self) -> bool:
        may = self._ready and self._renewal.settled
        return may and len(self._unacknowledged) < MAX_UNACKNOWLEDGED_ENVELOPES

    def _publish(self, batch: Batch) -> bool:
        now = self._stated.watch.stamp()
        header = (
            f'{{"v":1,"gateway":"{self._stated.identity.gateway}","stream":"{batch.stream}",'
            f'"sent":{now.t_ms},"clock":"{now.trust}","readings":['
        )
        envelope = header.encode() + b",".join(reading.json() for reading in batch.readings) + b"]}"
        mid = self._session.publish(self._topics[Channel.READINGS], envelope)
        if mid is None:
            return False
        self._unacknowledged.add(mid)
        return True

    # -- the state ------------------------------------------------------------------------------------

    async def _tell_state(self) -> None:
        """Publish the state now and then, and soon after something in it has changed."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STATE_EVERY_S):
                    await self._state_due.wait()
            self._state_due.clear()
            with contextlib.suppress(SpoolUnavailable):
                self._stated.lost = await self._spool.use(read_lost)
            self._publish_state(Presence.ONLINE)

    def _publish_state(self, presence: Presence) -> None:
        self._session.publish(self._topics[Channel.STATE], self._state(presence), retain=True)

    def _state(self, presence: Presence) -> bytes:
        return self._renewal.sending(self._stated.json(presence))

    def _new_stream(self, stream: str) -> None:
        """The spool was damaged and has been replaced."""
        self._log.error("uplink.new_stream", stream=stream, before=self._stated.stream)
        self._stated.stream, self._stated.measured = stream, 0
        self._lanes = Lanes(self._limits)
        self._lanes.link_up(0, self._now_s())
        self.announce()

    def _heard(self, consumer: str) -> None:
        self._lanes.heard(consumer, self._now_s())

    def _resend(self) -> None:
        self._lanes.resend(self._now_s())
        self._wake.set()

    # -- the session's callbacks ----------------------------------------------------------------------

    def _soon(self, work: Callable[[], None]) -> None:
        """Run in the event loop; from the session's thread. Nothing to do once the loop is gone."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def _arrived(self, message: MQTTMessage, epoch: int) -> None:
        if message.topic == self._topics[Channel.STATE]:
            self._renewal.look(bytes(message.payload))
            self._wake.set()
        self._inbox.put(message, epoch)  # which acknowledges all, in order

    def _renewed(self, stream: str, measured: int) -> None:
        self._unacknowledged.clear()
        self.appended(stream, measured)
        self.announce()

    def _on_up(self) -> None:
        self._renewal.connected()
        self._unacknowledged.clear()
        self._salvage_after = _FROM_START
        self._lanes.link_up(self._stated.measured, self._now_s())
        self._publish_state(Presence.ONLINE)
        self._ready = True
        self._loop.call_later(COMPARE_WITHIN_S, self._compared)
        self._wake.set()

    def _compared(self) -> None:
        self._renewal.give_up()
        self._wake.set()

    def _on_down(self) -> None:
        self._ready = False
        self._unacknowledged.clear()

    def _on_published(self, mid: int) -> None:
        self._unacknowledged.discard(mid)
        self._wake.set()
