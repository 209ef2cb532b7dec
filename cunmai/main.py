"""`cunmai`: finds the part that a verb belongs to, and loads only that part.

A part whose extra is not installed is named with the extra to install. No traceback reaches a user:
`UserError` becomes one message and exit status 2.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table

from cunmai_runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb's typer application is, and which extra brings what it imports."""

    module: str
    app: str
    extra: str
    zh: str
    en: str


VERBS = {
    "demo": Verb(
        "cunmai.demo.cli", "app", "all", "两个模拟诊所的完整演示", "two simulated clinics, end to end"
    ),
    "gateway": Verb("cunmai_gateway.cli", "app", "edge", "诊所网关", "the clinic's gateway"),
    "decode": Verb(
        "cunmai_gateway.decode_command",
        "decode_app",
        "edge",
        "解码一帧蓝牙数据",
        "decode one Bluetooth frame",
    ),
    "ingest": Verb("cunmai_ingest.cli", "app", "server", "入库服务", "from broker to store"),
    "ledger": Verb("cunmai.ledger_cli", "app", "server", "对账单", "the loss ledger"),
    "rules": Verb("cunmai_rules.cli", "app", "server", "阈值规则与预警", "thresholds and escalation"),
    "registry": Verb(
        "cunmai_rules.registry.cli",
        "app",
        "server",
        "居民、团队与值班登记",
        "residents, teams and duty rosters",
    ),
    "dashboards": Verb("cunmai_dashboards.cli", "app", "dashboards", "Grafana 面板", "Grafana dashboards"),
    "sim": Verb("cunmai.sim_cli", "app", "sim", "模拟设备与回放", "simulated devices and replay"),
}


def main() -> None:
    """Do what the command line says. Raises SystemExit, KeyboardInterrupt."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        _print_verbs(Console())
        return
    if arguments[0] in ("-V", "--version"):
        print(f"cunmai {version('cunmai')}")  # noqa: T201 - what was asked for
        return
    verb = VERBS.get(arguments[0])
    if verb is None:
        _print_verbs(Console(stderr=True))
        _fail(f"没有这个命令: {arguments[0]} / no such command: {arguments[0]}")
    try:
        app: typer.Typer = getattr(importlib.import_module(verb.module), verb.app)
        _logs_to_stderr()
        app(args=arguments[1:], prog_name=f"cunmai {arguments[0]}", obj=_logs_to_stderr)
    except UserError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        # While the verb was loaded, or, where its application loads its own verbs late, one of those.
        if (error.name or "").split(".")[0].startswith("cunmai"):
            raise
        _fail(
            f"`cunmai {arguments[0]}` 需要先安装: pip install 'cunmai[{verb.extra}]' (缺少 {error.name}) / "
            f"needs an extra: pip install 'cunmai[{verb.extra}]' ({error.name} is missing)"
        )


def _logs_to_stderr() -> None:
    """Standard output is for answers. What may log has been loaded by now, and the logging library with it."""
    if "structlog" in sys.modules:
        from cunmai_runtime.logs import configure_logging  # noqa: PLC0415 - it takes a third of a second

        configure_logging()


def _print_verbs(console: Console) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, verb in VERBS.items():
        table.add_row(f"cunmai {name}", f"{verb.zh} / {verb.en}")
    console.print("村脉 Cunmai\n")
    console.print(table)
    console.print("\n每个命令的说明 / help for each: cunmai COMMAND --help")


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201 - the one place where a user's error is shown
    raise SystemExit(2)
