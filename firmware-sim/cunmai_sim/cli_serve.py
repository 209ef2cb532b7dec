"""`cunmai sim serve`: simulated devices for a gateway in another process."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import datetime

import typer

from cunmai_sim.air import Air
from cunmai_sim.catalogue import listed
from cunmai_sim.cli_play import PlayOptions, until_stopped
from cunmai_sim.companions import start_companions
from cunmai_sim.hci_server import parse_listen
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.player import Player
from cunmai_sim.source import Source

_LAST_FRAMES_S = 0.5


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to serve, and what besides the oximeter. `exams_count` None: no ultrasound machine."""

    listen: str
    stay: bool = False
    exams_count: int | None = None
    seed: int = 0
    devices: tuple[str, ...] = ()
    """Further devices, by their names in the catalogue."""

    def __post_init__(self) -> None:
        parse_listen(self.listen)
        for name in self.devices:
            listed(name)


def run_serve(source: Source | None, options: PlayOptions, where: ServeOptions) -> None:
    """Serve until the samples are played (`stay`: until a signal), then tell what was sent.

    Without a source there is no oximeter, only the further devices, until a signal.

    Events go to stdout, one JSON line each: listening, host, playing, played, ended.
    """
    asyncio.run(_run(source, options, where))


def _tell(event: str, **details: object) -> None:
    typer.echo(json.dumps({"event": event, **details}))


async def _run(source: Source | None, options: PlayOptions, where: ServeOptions) -> None:
    async with Air() as air:
        oximeter = Oximeter(air) if source is not None else None
        if oximeter is not None:
            await oximeter.start()
        if where.exams_count is not None:
            await _add_ultrasound(air, where.exams_count, where.seed)
        now = datetime.now()  # noqa: DTZ005 - a device's own clock knows no zone
        measuring = await start_companions(
            air, where.devices, seed=where.seed, speed=options.speed, now=now.replace(microsecond=0)
        )
        server = await air.serve(where.listen)
        server.on_change = lambda connected: _tell("host", connected=connected)
        _tell("listening", transport=f"tcp-server:127.0.0.1:{server.port}", client=server.client_transport)
        await until_stopped(_play(oximeter, source, options, stay=where.stay))
        counts = asdict(oximeter.counts) if oximeter is not None else {}
        _tell("ended", hosts_seen=server.hosts_seen, **counts)
        server.on_change = None
        for task in measuring:
            task.cancel()
        await asyncio.gather(*measuring, return_exceptions=True)


async def _add_ultrasound(air: Air, exams_count: int, seed: int) -> None:
    from cunmai_sim.exam import make_exam  # noqa: PLC0415 (pydicom takes a while, and few ask for it)
    from cunmai_sim.ultrasound import Ultrasound  # noqa: PLC0415

    made_at = datetime.now().astimezone()
    exams = [make_exam(seed + number, made_at) for number in range(exams_count)]
    await Ultrasound(air, exams=exams).start()


async def _play(
    oximeter: Oximeter | None, source: Source | None, options: PlayOptions, *, stay: bool
) -> None:
    """From the first subscription on; a gateway that goes and comes back misses what it misses."""
    if oximeter is None or source is None:
        await asyncio.Event().wait()
        return
    await oximeter.until_subscribed(oximeter.continuous)
    _tell("playing", source=source.told)
    player = Player(oximeter, speed=options.speed, spot_every_s=options.spot_every_s)
    await player.play(source.samples(loop=options.loop))
    await asyncio.sleep(_LAST_FRAMES_S)  # the last frames are on their way through the socket
    _tell("played")
    if stay:
        await asyncio.Event().wait()
