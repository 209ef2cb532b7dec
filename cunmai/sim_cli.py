"""`cunmai sim ...`: the simulator's own commands, and a real gateway on a simulated radio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.yamlfile import load_model
from cunmai_sim.air import Central, remote_central
from cunmai_sim.cli import app

__all__ = ["app"]

_ADDRESS = "F0:F1:00:00:00:01"


@contextlib.asynccontextmanager
async def _central(transport: str) -> AsyncIterator[Central]:
    try:
        central = await remote_central(transport, _ADDRESS)
    except OSError as error:
        raise UserError(
            f"连不上模拟蓝牙 {transport}: {error} / nobody serves a radio at {transport}: {error}"
        ) from None
    try:
        yield central
    finally:
        await central.close()


@app.command()
def gateway(
    config: Annotated[Path, typer.Option(help="gateway.yaml")],
    radio: Annotated[
        str,
        typer.Option(metavar="TRANSPORT", help="sim serve 打印的 client / what sim serve printed"),
    ],
) -> None:
    """在模拟蓝牙上运行真正的网关 / run the real gateway on the radio that `cunmai sim serve` offers."""
    from cunmai_gateway.cli import until_signal  # noqa: PLC0415 - needs the edge extra, which sim alone lacks
    from cunmai_gateway.gateway import Gateway  # noqa: PLC0415
    from cunmai_gateway.radio import Radio  # noqa: PLC0415
    from cunmai_gateway.settings import GatewaySettings  # noqa: PLC0415

    settings = load_model(config, GatewaySettings)

    async def run() -> None:
        async with _central(radio) as central:
            await Gateway(settings, Radio(central.scanner, central.client)).run()

    configure_logging()
    asyncio.run(until_signal(run))


@app.command("pair")
def pair_command(
    radio: Annotated[
        str,
        typer.Option(metavar="TRANSPORT", help="sim serve 打印的 client / what sim serve printed"),
    ],
    config: Annotated[Path | None, typer.Option(help="gateway.yaml")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=120, help="搜寻几秒 / how long")] = 5.0,
) -> None:
    """在模拟蓝牙上列出设备 / `cunmai gateway pair` on the radio that `cunmai sim serve` offers."""
    from cunmai_gateway.cli_pair import pair  # noqa: PLC0415 - needs the edge extra, which sim alone lacks
    from cunmai_gateway.radio import Radio  # noqa: PLC0415

    async def look() -> None:
        async with _central(radio) as central:
            await pair(Radio(central.scanner, central.client), config, seconds)

    asyncio.run(look())
