"""`cunmai gateway pair`: what is on the air, and what to write into gateway.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer
from bleak.exc import BleakError

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.guess import Basis
from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.pairing import Seen, entries, look_around
from cunmai_gateway.radio import Radio
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model

DEFAULT_SECONDS = 12.0

_BASES = {
    Basis.NAME_AND_SERVICE: "名称和服务相符 / name and service fit",
    Basis.NAME: "名称相符 / the name fits",
    Basis.SERVICE: "服务相符 / the service fits",
}


async def pair(radio: Radio, config: Path | None, seconds: float) -> None:
    """Look around and print. Raises UserError where the radio cannot be used."""
    listed = load_model(config, GatewaySettings).devices if config else ()
    typer.echo(
        f"搜寻 {seconds:g} 秒, 请打开设备并靠近本机 / listening for {seconds:g} s: switch the device on, hold it close",
        err=True,
    )
    specs = driver_specs()
    try:
        seen = await look_around(radio, seconds, specs, listed)
    except (BleakError, OSError) as error:
        raise UserError(
            f"无法使用蓝牙: {error}; 请运行 cunmai gateway doctor / "
            f"Bluetooth cannot be used: {error}; run cunmai gateway doctor"
        ) from None
    show(seen, specs, listed)


def show(seen: list[Seen], specs: Mapping[str, DriverSpec], listed: tuple[DeviceSettings, ...]) -> None:
    """Who was heard, two lines each, and what to paste."""
    if not seen:
        typer.echo("没有发现设备 / nothing is advertising here")
        return
    for each in seen:
        typer.echo(f"{each.address:<18} {each.rssi_dbm:>4} dBm  {each.name or '-'}")
        typer.echo(f"    {_driver(each, specs)}")
    pasted = entries(seen, [device.id for device in listed])
    if pasted:
        typer.echo("\n写入 gateway.yaml / to paste into gateway.yaml:\n")
        typer.echo(pasted)


def _driver(each: Seen, specs: Mapping[str, DriverSpec]) -> str:
    if each.listed_as is not None:
        return f"{each.listed_as}: 已在列表中 / on the list already"
    if not each.guesses:
        return "没有合适的驱动 / no driver fits"
    best = each.guesses[0]
    spec = specs[best.driver]
    return f"{best.driver}: {spec.title_zh} / {spec.title_en} ({_BASES[best.basis]})"
