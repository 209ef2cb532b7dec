"""`cunmai demo`"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cunmai.demo.broker import Choice, free_port
from cunmai.demo.clinic import ClinicPlan
from cunmai.demo.run import KIOSK_PORT, Options, run_demo
from cunmai_runtime.errors import UserError
from cunmai_sim.errors import SimError
from cunmai_sim.player import check_speed
from cunmai_sim.scenario import Sample, endless, finger_off, in_turn, recovery, slow_desaturation, stable
from cunmai_sim.source import Source, recorded

app = typer.Typer(add_completion=False, help="两个模拟诊所的完整演示 / two simulated clinics, end to end")

_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(s|m|h)?$")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}


@app.command()
def demo(
    for_: Annotated[
        str | None, typer.Option("--for", metavar="60s", help="运行多久, 例如 60s, 5m / how long")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="把结果写成 JSON / write the outcome as JSON")] = None,
    replay: Annotated[
        Path | None, typer.Option(help="第一个诊所回放这个 CSV / the first clinic replays this recording")
    ] = None,
    speed: Annotated[float, typer.Option(help="加速倍数, 1 到 100 / how many times faster")] = 1.0,
    map_: Annotated[
        str | None, typer.Option("--map", metavar="spo2=COLUMN,pulse=COLUMN,pi=COLUMN", help="列名 / columns")
    ] = None,
    broker: Annotated[Choice, typer.Option(help="消息服务 / which broker")] = Choice.AUTO,
) -> None:
    """设备 → 网关 → 消息服务 → 入库与规则 → 短信, 全部真实代码 / devices to SMS, all of it real code."""
    for_s = None if for_ is None else _seconds(for_)
    if report is not None:
        _check_writable(report)
    try:
        check_speed(speed)
        source = None if replay is None else recorded(replay, map_)[0]
    except SimError as error:
        raise UserError(str(error)) from None
    options = Options(
        plans=_plans(source),
        for_s=for_s,
        speed=speed,
        report=report,
        until_played_out=source is not None and for_s is None,
        broker=broker,
    )
    raise typer.Exit(asyncio.run(run_demo(options, Console())))


def _plans(source: Source | None) -> tuple[ClinicPlan, ...]:
    """With a replay, the recording alone decides who is in danger: the other clinic is calm."""
    first = _visits if source is None else (lambda: source.samples(loop=False))

    def calm() -> Iterator[Sample]:
        return endless(lambda: stable(seed=2))

    return (
        ClinicPlan(1, "demo-shangcun", "上村卫生室", "R-7F3K", first),
        ClinicPlan(
            2,
            "demo-xiacun",
            "下村卫生室",
            "R-2M9D",
            calm,
            ultrasound=True,
            kiosk_port=free_port(KIOSK_PORT),
        ),
    )


def _visits() -> Iterator[Sample]:
    """An old man's evening: well, slowly worse, held, better, clip off; again and again."""
    return endless(
        lambda: in_turn(
            stable(seed=1, duration_s=8),
            slow_desaturation(seed=1, fall_s=15, hold_s=25, to_pct=88),
            recovery(seed=1, rise_s=10, hold_s=40, from_pct=88),
            finger_off(duration_s=5),
        )
    )


def _check_writable(report: Path) -> None:
    """Before the run, and not after it. Raises UserError."""
    try:
        with report.open("a"):
            """It can be written. What it held is replaced at the end."""
    except OSError as error:
        raise UserError(
            f"报告写不到 {report}({error.strerror}) / the report cannot be written to {report}: {error.strerror}"
        ) from None


def _seconds(text: str) -> float:
    match = _SPAN.match(text.strip())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"看不懂时长 {text!r}, 例如 60s 或 5m / {text!r} is no span of time: try 60s or 5m")
    return float(match[1]) * _SECONDS[match[2]]
