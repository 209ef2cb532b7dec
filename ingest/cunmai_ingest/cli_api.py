"""`cunmai ingest api`, `token ...`, `looks`: serving the read API, and who may read."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cunmai_ingest.api.tokens import Right, Tokens
from cunmai_ingest.query.sites import Sites
from cunmai_ingest.settings import IngestSettings
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.service import stop_on_signals
from cunmai_runtime.yamlfile import load_model

token_app = typer.Typer(add_completion=False, help="访问令牌 / tokens of the read API", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", help="ingest.yaml")]

_DAY_MS = 86_400_000


def api(config: Config) -> None:
    """提供查询接口(JSON, FHIR, 对账单页面) / serve the read API, until SIGTERM or Ctrl-C."""
    settings = load_model(config, IngestSettings)
    configure_logging()
    with stop_on_signals() as stop, serving_api(settings):
        stop.wait()


@contextmanager
def serving_api(settings: IngestSettings, clock: Clock = system_clock) -> Iterator[None]:
    """The read API, served from a thread. Raises UserError where its port is taken."""
    try:
        import uvicorn  # noqa: PLC0415 - an extra

        from cunmai_ingest.api.app import build_app  # noqa: PLC0415 - slow to import, and an extra
        from cunmai_ingest.api.desk import Desk  # noqa: PLC0415
        from cunmai_ingest.ledger.view import LedgerView  # noqa: PLC0415
        from cunmai_ingest.query import open_reader  # noqa: PLC0415
    except ImportError as error:
        raise UserError(
            "查询接口需要附加组件, 请运行 pip install 'cunmai[server]' / "
            f"the read API needs an extra: pip install 'cunmai[server]' ({error.name} is missing)"
        ) from None
    tokens = Tokens(settings.api_path, clock)
    tokens.all()  # Whatever is wrong with the file is said now, not at the first request.
    with closing(open_reader(settings.store, settings.api.timeout_s)) as reader, _listening(settings) as port:
        app = build_app(Desk(settings, reader, LedgerView(settings.book_path), tokens, clock))
        # No access log: a resident's id is in the address.
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]}, name="api", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def _listening(settings: IngestSettings) -> Iterator[socket.socket]:
    host, port = settings.api.host, settings.api.port
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise UserError(
            f"接口地址 {host}:{port} 不可用({error.strerror}), 请改 api.port / "
            f"cannot serve the API at {host}:{port} ({error.strerror}): change api.port"
        ) from None
    with closing(listening):
        yield listening


@token_app.command()
def new(
    config: Config,
    name: Annotated[str, typer.Option(help="给谁用 / who it is for; never a resident")],
    site: Annotated[
        list[str],
        typer.Option(help="网关编号, 或前缀加 *, 或 * / a gateway id, a prefix with *, or *; repeatable"),
    ],
    may: Annotated[list[Right], typer.Option(help="权限, 可重复 / what it may see; repeatable")],
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="有效天数 / valid for so many days")
    ] = None,
) -> None:
    """生成令牌, 只显示这一次 / make a token; it is shown this once."""
    try:
        sites = Sites(tuple(dict.fromkeys(site)))
    except ValueError as error:
        raise UserError(f"--site 写成 clinic-01、clinic-* 或 * / write --site so: {error}") from None
    tokens = _tokens(config)
    expires_ms = None if days is None else system_clock() + days * _DAY_MS
    typer.echo(tokens.make(name, sites, may, expires_ms))


@token_app.command("list")
def list_tokens(config: Config) -> None:
    """列出令牌(没有秘密部分) / every token, without its secret."""
    table = Table("编号\nID", "名称\nname", "机构\nsites", "权限\nmay see", "生成\nmade", "状态\nstate")
    for token in _tokens(config).all():
        live = token.live(system_clock())
        state = "有效 live" if live else "已撤销 revoked" if token.revoked_ms else "已过期 expired"
        sites, rights = " ".join(token.sites.patterns), " ".join(sorted(token.rights))
        table.add_row(token.id, Text(token.name), sites, rights, _date(token.made_ms), state)
    Console().print(table)


@token_app.command()
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID")], config: Config) -> None:
    """撤销令牌, 立即生效 / revoke a token, at once."""
    _tokens(config).revoke(token_id)
    typer.echo(f"✓ 已撤销 / revoked: {token_id}")


def looks(
    config: Config,
    resident: Annotated[str | None, typer.Option(help="只看这位居民 / of this resident only")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="最多几条 / at most")] = 100,
) -> None:
    """谁在何时查看过哪位居民 / who looked at which resident, and when; newest first."""
    table = Table("时间 UTC\nwhen", "令牌\ntoken", "名称\nname", "居民\nresident", "查看\nwhat")
    for look in _tokens(config).looks(resident, limit):
        table.add_row(_date(look.t_ms), look.token, Text(look.name), Text(look.resident), look.what)
    Console().print(table)


def _tokens(config: Path) -> Tokens:
    return Tokens(load_model(config, IngestSettings).api_path, system_clock)


def _date(t_ms: int) -> str:
    return f"{datetime.fromtimestamp(t_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
