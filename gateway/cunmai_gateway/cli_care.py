"""`cunmai gateway doctor` and `cunmai gateway config`: looking after a gateway."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cunmai_gateway.configuration import Configuration
from cunmai_gateway.doctor.examination import examine
from cunmai_gateway.settings import GatewaySettings
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.yamlfile import load_model

Config = Annotated[Path, typer.Option("--config", help="gateway.yaml")]

config_app = typer.Typer(
    add_completion=False, help="生效的配置 / the configuration in force", no_args_is_help=True
)


def doctor(
    config: Config,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """检查蓝牙, 时钟, 磁盘, 消息服务器, 证书; 有问题时退出码 1 / examine this gateway; exit 1 on faults."""
    configure_logging(level="CRITICAL")
    findings = []
    for finding in examine(config):
        findings.append(finding)
        if not as_json:
            typer.echo(str(finding))
    if as_json:
        lines = [asdict(finding) | {"ok": finding.ok} for finding in findings]
        typer.echo(json.dumps(lines, ensure_ascii=False, indent=2))
    faults = sum(not finding.ok for finding in findings)
    if faults:
        if not as_json:
            typer.echo(f"\n{faults} 处需要处理 / to be mended: {faults}")
        raise typer.Exit(1)


@config_app.callback()
def _config() -> None:
    """Keep `show` a subcommand while it is the only one."""


@config_app.command()
def show(config: Config) -> None:
    """显示生效的配置, 口令以星号代替 / show the configuration in force; secrets are stars."""
    configure_logging()
    configuration = Configuration(load_model(config, GatewaySettings))
    settings = configuration.in_force.model_dump(mode="json", exclude_none=True)
    source = "server" if configuration.version is not None else "local file"
    shown = {"source": source, "version": configuration.version, "settings": settings}
    if configuration.refused is not None:
        shown["refused"] = configuration.refused.model_dump()
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
