"""`cunmai gateway ...` and `cunmai decode`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.registry import FRAME_TYPES, describe
from cunmai_gateway.gateway import Gateway
from cunmai_gateway.radio import Radio, platform_radio
from cunmai_gateway.settings import GatewaySettings
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.yamlfile import load_model

app = typer.Typer(add_completion=False, help="诊所网关 / the clinic's gateway", no_args_is_help=True)
decode_app = typer.Typer(add_completion=False, help="解码一帧蓝牙数据 / decode one Bluetooth frame")


@app.callback()
def _gateway() -> None:
    """Keep `run` a subcommand while it is the only one."""


@app.command()
def run(config: Annotated[Path, typer.Option(help="gateway.yaml")]) -> None:
    """连接设备, 暂存并上传测量值 / connect to devices, spool and send their readings."""
    run_gateway(load_model(config, GatewaySettings), platform_radio())


def run_gateway(settings: GatewaySettings, radio: Radio) -> None:
    """Run one gateway until SIGTERM or Ctrl-C."""
    configure_logging()
    asyncio.run(until_signal(lambda: Gateway(settings, radio).run()))


async def until_signal(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until it ends by itself, or SIGTERM or Ctrl-C cancels it."""
    work = asyncio.create_task(start())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return


@decode_app.command()
def decode(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="2A5F, 2A5E, 2A60, SFLOAT …")],
    frame: Annotated[str, typer.Argument(metavar="HEX", help="十六进制 / hexadecimal, spaces allowed")],
) -> None:
    """把一帧数据解码成 JSON; 格式不对时说明原因, 退出码 2 / decode a frame to JSON; exit 2 when malformed."""
    frame_type = FRAME_TYPES.get(type_.upper())
    if frame_type is None:
        known = ", ".join(FRAME_TYPES)
        raise UserError(f"不认识的类型 {type_!r}, 可用: {known} / unknown type {type_!r}; known: {known}")
    try:
        raw = bytes.fromhex(frame.replace(":", " "))
    except ValueError as error:
        raise UserError(f"不是十六进制: {error} / not hexadecimal: {error}") from None
    try:
        result = describe(frame_type, raw)
    except Malformed as error:
        raise UserError(f"{type_}: 数据帧格式错误 / malformed {frame_type.title} frame: {error}") from None
    typer.echo(json.dumps(result, ensure_ascii=False))
