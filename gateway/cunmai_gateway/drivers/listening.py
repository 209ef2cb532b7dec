"""What most drivers do: subscribe, perhaps say something now and then, and pass on what comes.

A driver of this kind is a `Plan`: data, no code of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from cunmai_gateway.decoders.registry import FRAME_TYPES
from cunmai_gateway.decoders.stream import Refused
from cunmai_gateway.drivers.base import Sink, WrongDevice
from cunmai_gateway.drivers.uuids import uuid_of
from cunmai_gateway.interpret.listener import Heard, Listener
from cunmai_gateway.measurement import Measurement, Outcome
from cunmai_runtime.clock import Clock

STRANGE_BYTES = 400
"""So many bytes without one good frame: it is another device, or another protocol."""

NOT_UNDERSTOOD = "what it sends is not what this driver understands"

ChooseFormat = Callable[[bytes], str | None]
"""The name of the format that these first bytes are of; None: more are needed."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A characteristic that notifies or indicates, and the format of what comes over it."""

    characteristic: str
    format: str | ChooseFormat


@dataclass(frozen=True, slots=True)
class Plan:
    """How to listen to one make of device."""

    channels: tuple[Channel, ...]
    """Those that the device has are listened to; it must have the first."""
    write: str | None = None
    """Where `start` and `every` are written."""
    start: tuple[bytes, ...] = ()
    every_s: float = 1.0
    every: tuple[bytes, ...] = ()
    """Written each `every_s`: to keep the device sending, or to ask for the next value."""
    at_most_every_ms: int = 0
    """For devices that repeat one value many times a second."""


class Ear:
    """One characteristic on one connection."""

    def __init__(
        self, channel: Channel, sink: Sink, model: str, measured: Callable[[Outcome], None] | None = None
    ) -> None:
        """`measured` takes what would go to the sink, where a driver wants to see it first."""
        self._channel = channel
        self._sink = sink
        self._model = model
        self._measured = measured or sink.measured
        self._name = channel.format if isinstance(channel.format, str) else ""
        self._listener = Listener(FRAME_TYPES[self._name], model) if self._name else None
        self._undecided = b""
        self._strange_bytes = 0
        self._good = False
        self.strange = asyncio.Event()
        """Set when nothing that came was what it should be."""

    def hear(self, _characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        """Take one notification."""
        taken = bytes(data)
        if self._listener is None:
            self._undecided += taken
            if not self._choose():
                return
            taken, self._undecided = self._undecided, b""
        assert self._listener is not None
        self._pass_on(self._listener.feed(taken))

    def end(self) -> None:
        """The connection is over."""
        if self._listener is not None:
            self._pass_on(self._listener.flush())

    def _choose(self) -> bool:
        assert not isinstance(self._channel.format, str)
        name = self._channel.format(self._undecided)
        if name is not None:
            self._name = name
            self._listener = Listener(FRAME_TYPES[name], self._model)
        return name is not None

    def _pass_on(self, heard: Sequence[Heard | Refused]) -> None:
        for piece in heard:
            if isinstance(piece, Refused):
                self._refuse(piece)
                continue
            self._good = True
            if piece.outcome is None:
                self._sink.alive()
            else:
                self._measured(piece.outcome)

    def _refuse(self, refused: Refused) -> None:
        self._strange_bytes += len(refused.data)
        self._sink.malformed(self._name, refused.data, refused.reason)
        if not self._good and self._strange_bytes >= STRANGE_BYTES:
            self.strange.set()


async def until_strange(*ears: Ear) -> None:
    """Listen as long as what comes makes sense: until cancelled, usually. Raises WrongDevice."""
    waiting = [asyncio.create_task(ear.strange.wait()) for ear in ears]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    raise WrongDevice(NOT_UNDERSTOOD)


def has(client: BleakClient, characteristic: str) -> bool:
    """Whether the connected device has a characteristic."""
    return client.services.get_characteristic(uuid_of(characteristic)) is not None


class ListeningDriver:
    """Carries out a `Plan`."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._last_ms = 0

    async def run(self, client: BleakClient, sink: Sink) -> None:
        """See `Driver`."""
        first = self._plan.channels[0]
        if not has(client, first.characteristic):
            raise WrongDevice(f"no characteristic {first.characteristic}: another make of device")
        ears = {
            channel.characteristic: Ear(channel, sink, client.name, self._thinned(sink))
            for channel in self._plan.channels
            if has(client, channel.characteristic)
        }
        try:
            for characteristic, ear in ears.items():
                await client.start_notify(uuid_of(characteristic), ear.hear)
            await self._write(client, self._plan.start)
            await self._keep_on(client, ears[first.characteristic])
        finally:
            for ear in ears.values():
                ear.end()

    async def _keep_on(self, client: BleakClient, ear: Ear) -> None:
        while not ear.strange.is_set():
            try:
                async with asyncio.timeout(self._plan.every_s if self._plan.every else None):
                    await ear.strange.wait()
            except TimeoutError:
                await self._write(client, self._plan.every)
        raise WrongDevice(NOT_UNDERSTOOD)

    async def _write(self, client: BleakClient, requests: Sequence[bytes]) -> None:
        if self._plan.write is None:
            return
        for request in requests:
            await client.write_gatt_char(uuid_of(self._plan.write), request)

    def _thinned(self, sink: Sink) -> Callable[[Outcome], None]:
        least_ms = self._plan.at_most_every_ms

        def measured(outcome: Outcome) -> None:
            now_ms = self._clock()
            if isinstance(outcome, Measurement) and least_ms:
                if 0 <= now_ms - self._last_ms < least_ms:
                    sink.alive()
                    return
                self._last_ms = now_ms
            sink.measured(outcome)

        return measured
