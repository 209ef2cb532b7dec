"""`cunmai dashboards ...`: build the files, push them to Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cunmai_dashboards.build import dashboards, stale, write
from cunmai_dashboards.influxql import datasource
from cunmai_dashboards.push import Grafana
from cunmai_runtime.errors import UserError

app = typer.Typer(add_completion=False, help="Grafana 面板 / Grafana dashboards", no_args_is_help=True)

GENERATED = Path("dashboards/generated")


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="写到哪个目录 / folder to write to")] = GENERATED,
    check: Annotated[
        bool, typer.Option("--check", help="只检查是否最新 / only see if they are current")
    ] = False,
) -> None:
    """生成面板文件 / write the dashboards as JSON files."""
    if not check:
        for path in write(out):
            _say(f"✓ {path}")
        return
    old = stale(out)
    if old:
        names = ", ".join(map(str, old))
        raise UserError(
            f"面板文件不是最新: {names}, 请运行 cunmai dashboards build / "
            f"not what the code builds: {names}; run `cunmai dashboards build`"
        )
    _say("✓ 面板文件是最新的 / the dashboard files are current")


@app.command()
def push(
    url: Annotated[str, typer.Option(help="Grafana 地址 / Grafana's address, http://host:3000")],
    token: Annotated[
        str,
        typer.Option(envvar="CUNMAI_GRAFANA_TOKEN", help="服务账号令牌 / a service account's token"),
    ],
    folder: Annotated[str, typer.Option(help="文件夹 / folder in Grafana")] = "村脉 Cunmai",
    datasource_url: Annotated[
        str | None,
        typer.Option(
            help="同时建数据源: Grafana 所见的 InfluxDB 地址 / also make the data source: InfluxDB's address"
        ),
    ] = None,
    datasource_bucket: Annotated[str, typer.Option(help="InfluxDB 存储桶 / bucket")] = "cunmai",
    datasource_token: Annotated[
        str | None,
        typer.Option(envvar="CUNMAI_INFLUX_TOKEN", help="InfluxDB 只读令牌 / a token that may read"),
    ] = None,
) -> None:
    """把面板发布到 Grafana / publish the dashboards to a running Grafana."""
    grafana = Grafana(url, token)
    if datasource_url is not None:
        grafana.put_datasource(datasource(datasource_url, datasource_bucket, datasource_token))
        _say("✓ 数据源已就绪 / the data source is in place")
    for address in grafana.put_dashboards(list(dashboards().values()), folder):
        _say(f"✓ {address}")


def _say(text: str) -> None:
    Console(soft_wrap=True).print(Text(text))
