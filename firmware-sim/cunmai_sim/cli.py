"""`cunmai sim`: play recordings and scenarios on a simulated oximeter."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from cunmai_sim.catalogue import CATALOGUE, NAMES
from cunmai_sim.errors import SimError
from cunmai_sim.replay import lines_of
from cunmai_sim.scenario import SCENARIOS
from cunmai_sim.source import Source, recorded, scripted

# The radio stack is imported inside the commands: `cunmai --help` must not pay for it, and where it is
# not installed the message below must reach the user.
# ruff: noqa: PLC0415

app = typer.Typer(
    name="sim",
    help="模拟设备: 回放记录, 播放场景 / simulated devices: replay recordings, play scenarios.",
    no_args_is_help=True,
)

DEFAULT_LISTEN = "tcp-server:127.0.0.1:6402"

_P = ParamSpec("_P")

Speed = Annotated[float, typer.Option(help="1 到 100 倍速 / how many times faster, 1 to 100")]
ColumnMap = Annotated[
    str | None, typer.Option("--map", help="spo2=列,pulse=列,pi=列,time=列 / which column holds what")
]
SpotEvery = Annotated[
    float | None, typer.Option(help="每隔几秒另发一次点测 / also a spot check every so many seconds")
]
Loop = Annotated[bool, typer.Option("--loop", help="循环播放 / again and again")]
Stay = Annotated[bool, typer.Option("--stay", help="播完后保持在线 / stay on the air after the end")]


def _plainly(command: Callable[_P, None]) -> Callable[_P, None]:
    """What the user can mend becomes one sentence and status 2."""

    @functools.wraps(command)
    def told(*args: _P.args, **kwargs: _P.kwargs) -> None:
        # Bumble warns of every packet that meets a lost link; losing links is what we are for.
        logging.getLogger("bumble").setLevel(logging.ERROR)
        try:
            command(*args, **kwargs)
        except SimError as error:
            typer.echo(str(error), err=True)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing not in {"bumble", "bleak", "pydicom"}:
                raise
            typer.echo(
                f"缺少 {missing}, 请安装 cunmai[sim] / {missing} is missing: install cunmai[sim]", err=True
            )
        else:
            return
        raise typer.Exit(2)

    return told


def _recorded(file: Path, column_map: str | None) -> Source:
    source, recording = recorded(file, column_map)
    typer.echo(f"回放 {source.told} / replaying {source.told}", err=True)
    for line in lines_of(recording.skipped):
        typer.echo(f"跳过 / skipped {file}:{line}", err=True)
    return source


@app.command()
@_plainly
def replay(
    file: Annotated[Path, typer.Argument(help="CSV, 首行为表头 / CSV with a header line")],
    speed: Speed = 1.0,
    column_map: ColumnMap = None,
    spot_every: SpotEvery = None,
    loop: Loop = False,
    serve_on: Annotated[
        str | None,
        typer.Option("--serve", help="供别处的网关连接 / for a gateway elsewhere: tcp-server:127.0.0.1:PORT"),
    ] = None,
) -> None:
    """经模拟蓝牙回放记录, 每收到一帧打印一行 JSON / Replay over simulated Bluetooth, one JSON line per frame."""
    from cunmai_sim.cli_play import PlayOptions, run_replay
    from cunmai_sim.cli_serve import ServeOptions, run_serve

    options = PlayOptions(speed, spot_every, loop)
    where = ServeOptions(serve_on) if serve_on is not None else None
    source = _recorded(file, column_map)
    if where is not None:
        run_serve(source, options, where)
    elif not run_replay(source, options):
        raise typer.Exit(1)


@app.command()
@_plainly
def serve(  # noqa: PLR0913, PLR0917 (each argument is one option of the command)
    scenario: Annotated[str | None, typer.Option(help="场景名 / a scenario, see `scenarios`")] = None,
    replay_file: Annotated[Path | None, typer.Option("--replay", help="回放 CSV / replay a CSV")] = None,
    listen: Annotated[str, typer.Option(help="tcp-server:127.0.0.1:PORT, 0: 任意 / any")] = DEFAULT_LISTEN,
    speed: Speed = 1.0,
    column_map: ColumnMap = None,
    spot_every: SpotEvery = None,
    loop: Loop = False,
    stay: Stay = False,
    ultrasound: Annotated[
        bool, typer.Option("--ultrasound", help="另有超声机 / an ultrasound machine too")
    ] = False,
    exams: Annotated[int, typer.Option(min=0, max=1000, help="超声检查数 / exams it offers")] = 1,
    seed: Annotated[int, typer.Option(help="随机种子 / seed")] = 0,
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"另有设备, 可重复 / a further device, repeatable: {NAMES}"),
    ] = None,
) -> None:
    """把模拟设备供给另一个进程里的网关 / Serve simulated devices to a gateway in another process."""
    from cunmai_sim.cli_play import PlayOptions
    from cunmai_sim.cli_serve import ServeOptions, run_serve

    neither = scenario is None and replay_file is None
    if (scenario is not None and replay_file is not None) or (neither and not device):
        raise SimError("请在 --scenario 和 --replay 中选一个", "choose one of --scenario and --replay")
    options = PlayOptions(speed, spot_every, loop)
    where = ServeOptions(listen, stay, exams if ultrasound else None, seed, tuple(device or ()))
    source: Source | None = None
    if not neither:
        source = _recorded(replay_file, column_map) if replay_file else scripted(scenario or "", seed)
    run_serve(source, options, where)


@app.command()
def devices() -> None:
    """列出可另加的设备, 地址和网关驱动名 / List the further devices, with address and the gateway's driver."""
    for each in CATALOGUE.values():
        typer.echo(f"{each.name:<12} {each.address}  {each.driver:<15} {each.chinese} / {each.english}")


@app.command()
def scenarios() -> None:
    """列出场景 / List the scenarios."""
    for scenario in SCENARIOS.values():
        typer.echo(f"{scenario.name:<14} {scenario.chinese} / {scenario.english}")
