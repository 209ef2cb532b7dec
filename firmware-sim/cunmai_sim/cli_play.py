"""`cunmai sim replay`: an oximeter and a bleak client on one air, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import typer
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from rich.console import Console
from rich.progress import Progress

from cunmai_sim.air import Air, Central
from cunmai_sim.codec import CONTINUOUS, PLX_SERVICE, SPOT_CHECK
from cunmai_sim.errors import SimError
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.player import Frame, Player, check_speed
from cunmai_sim.source import Source

_T = TypeVar("_T")

_CENTRAL_ADDRESS = "F0:F1:F2:F3:F4:F5"
_SCAN_S = 10.0
_LAST_FRAMES_S = 2.0


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How to play. Raises SimError where a value cannot be."""

    speed: float = 1.0
    spot_every_s: float | None = None
    loop: bool = False

    def __post_init__(self) -> None:
        check_speed(self.speed)
        if self.spot_every_s is not None and not self.spot_every_s >= 1:
            raise SimError(
                f"点测间隔须至少 1 秒, 不能是 {self.spot_every_s:g}",
                f"spot checks must be at least 1 s apart, not {self.spot_every_s:g}",
            )


@dataclass(frozen=True, slots=True)
class _Received:
    characteristic: str
    payload: bytes


class _Listener:
    """The receiving end: pairs what came with what was sent, in order, per characteristic."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.differing = 0
        self._expected: dict[str, deque[Frame]] = {CONTINUOUS: deque(), SPOT_CHECK: deque()}
        self._queue: asyncio.Queue[_Received] = asyncio.Queue()
        self._advance = advance
        self._level = asyncio.Event()

    def on_sent(self, frame: Frame) -> None:
        self._level.clear()
        self.sent[frame.characteristic] += 1
        self._expected[frame.characteristic].append(frame)

    def on_received(self, characteristic: BleakGATTCharacteristic, payload: bytearray) -> None:
        self._queue.put_nowait(_Received(characteristic.uuid, bytes(payload)))

    async def print_all(self) -> None:
        """Print until cancelled."""
        while True:
            self._print(await self._queue.get())

    def _print(self, received: _Received) -> None:
        expected = self._expected[received.characteristic].popleft()
        self.received[received.characteristic] += 1
        self.differing += expected.payload != received.payload
        sample = expected.sample
        line = {
            "at_s": sample.at_s,
            "characteristic": received.characteristic[4:8].upper(),
            "hex": received.payload.hex(),
            "spo2_pct": sample.spo2_pct,
            "pulse_bpm": sample.pulse_bpm,
            "perfusion_index_pct": sample.perfusion_index_pct,
            "finger": sample.finger,
        }
        typer.echo(json.dumps(line))
        if received.characteristic == CONTINUOUS:
            self._advance()
        if self.received.total() == self.sent.total():
            self._level.set()

    async def until_all_came(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_FRAMES_S):
                await self._level.wait()

    @property
    def all_came(self) -> bool:
        return self.received == self.sent and not self.differing


def run_replay(source: Source, options: PlayOptions) -> bool:
    """Play and print. True when every frame sent was received as it was sent."""
    with _progress(None if options.loop else source.count) as advance:
        listener = _Listener(advance)
        asyncio.run(until_stopped(_replay(source, options, listener)))
    _summarise(source, listener)
    return listener.all_came


async def until_stopped(work: Coroutine[Any, Any, _T]) -> _T | None:
    """The work's result, or None where SIGINT or SIGTERM ended it first."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    stopping = (signal.SIGINT, signal.SIGTERM)
    for number in stopping:
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        for number in stopping:
            loop.remove_signal_handler(number)


async def _replay(source: Source, options: PlayOptions, listener: _Listener) -> None:
    async with Air() as air:
        oximeter = Oximeter(air)
        await oximeter.start()
        client = await _connected(await air.central(_CENTRAL_ADDRESS))
        for characteristic in (SPOT_CHECK, CONTINUOUS):
            await client.start_notify(characteristic, listener.on_received)
        player = Player(
            oximeter, speed=options.speed, spot_every_s=options.spot_every_s, on_frame=listener.on_sent
        )
        playing = asyncio.ensure_future(player.play(source.samples(loop=options.loop)))
        printing = asyncio.ensure_future(listener.print_all())
        try:
            # Printing ends first only by an error, a closed pipe for example.
            await asyncio.wait({playing, printing}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                await listener.until_all_came()
        finally:
            for task in (playing, printing):
                task.cancel()
            await _settled(playing, printing)


async def _settled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _connected(central: Central) -> BleakClient:
    device = await BleakScanner.find_device_by_filter(
        lambda _device, seen: PLX_SERVICE in seen.service_uuids, timeout=_SCAN_S, backend=central.scanner
    )
    if device is None:
        raise SimError("没有发现模拟血氧仪", "the simulated oximeter was not found")
    client = BleakClient(device, backend=central.client)
    await client.connect()
    return client


@contextlib.contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on stderr, where that is a terminal and the lines go elsewhere."""
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    with Progress(console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task("回放 / replay", total=total)
        yield lambda: progress.advance(task)


def _summarise(source: Source, listener: _Listener) -> None:
    samples = listener.sent[CONTINUOUS]
    sent, received = listener.sent.total(), listener.received.total()
    typer.echo(
        f"{samples} 个样本, 发出 {sent} 帧, 收到 {received} 帧, 跳过 {source.skipped_rows} 行"
        f" / {samples} samples, {sent} frames sent, {received} received, {source.skipped_rows} rows skipped",
        err=True,
    )
