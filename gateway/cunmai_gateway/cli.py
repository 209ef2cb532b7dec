"""`cunmai gateway ...`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from cunmai_gateway.cli_care import config_app, doctor
from cunmai_gateway.cli_pair import DEFAULT_SECONDS, pair
from cunmai_gateway.gateway import Gateway
from cunmai_gateway.radio import Radio, platform_radio
from cunmai_gateway.settings import GatewaySettings
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.service import sole_service
from cunmai_runtime.yamlfile import load_model

app = typer.Typer(add_completion=False, help="诊所网关 / the clinic's gateway", no_args_is_help=True)


app.command()(doctor)
app.add_typer(config_app, name="config")


@app.command()
def run(config: Annotated[Path, typer.Option(help="gateway.yaml")]) -> None:
    """连接设备, 暂存并上传测量值 / connect to devices, spool and send their readings."""
    run_gateway(load_model(config, GatewaySettings), platform_radio())


@app.command("pair")
def pair_command(
    config: Annotated[Path | None, typer.Option(help="gateway.yaml; 标出已有的 / marks those listed")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=120, help="搜寻几秒 / how long")] = DEFAULT_SECONDS,
) -> None:
    """列出附近的设备, 信号和可能的驱动, 并给出要写入的配置 / list what advertises here, and what to paste."""
    asyncio.run(pair(platform_radio(), config, seconds))


def run_gateway(settings: GatewaySettings, radio: Radio) -> None:
    """Run one gateway until SIGTERM or Ctrl-C. Raises UserError."""
    configure_logging()
    with sole_service("gateway", settings.data_dir):
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
