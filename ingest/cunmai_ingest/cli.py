"""`cunmai ingest ...`: run, check, and look into the quarantine."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, start_http_server
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cunmai_ingest import cli_api
from cunmai_ingest.book import Book
from cunmai_ingest.quarantine import Entry
from cunmai_ingest.replay import Replayed, replay
from cunmai_ingest.service import Ingest
from cunmai_ingest.settings import IngestSettings
from cunmai_ingest.stores import open_store, setup_store
from cunmai_ingest.stores.base import Health
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.mqtt import MqttSettings
from cunmai_runtime.service import sole_service, stop_on_signals
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.parsing import RefusalReason

app = typer.Typer(
    add_completion=False, help="入库服务: 从消息到时序库 / from the broker to the store", no_args_is_help=True
)
quarantine_app = typer.Typer(
    add_completion=False, help="隔离区: 读不懂的输入 / input that was set aside", no_args_is_help=True
)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(cli_api.token_app, name="token")
app.command("api")(cli_api.api)
app.command("looks")(cli_api.looks)

Config = Annotated[Path, typer.Option("--config", help="ingest.yaml")]

_CONNECT_TIMEOUT_S = 5

_REASONS_ZH: dict[str, str] = {
    RefusalReason.TOO_LARGE: "消息过大",
    RefusalReason.NOT_JSON: "不是 JSON",
    RefusalReason.BAD_HEADER: "信封头有误",
    RefusalReason.WRONG_TOPIC: "主题不符",
    RefusalReason.UNKNOWN_VERSION: "未知版本",
    RefusalReason.UNKNOWN_KIND: "未知类型",
    RefusalReason.BAD_READING: "测量值有误",
    RefusalReason.BAD_EVENT: "事件有误",
    RefusalReason.IMPLAUSIBLE_TIME: "时间不可信",
    RefusalReason.STORE_REFUSED: "存储拒收",
    RefusalReason.BEYOND_RETENTION: "超出保存期限",
    RefusalReason.INTERNAL_ERROR: "程序故障",
}


@app.command()
def run(config: Config) -> None:
    """接收消息, 入库并回执 / receive, store and receipt, until SIGTERM or Ctrl-C."""
    with stop_on_signals() as stop:
        settings = load_model(config, IngestSettings)
        configure_logging()
        with sole_service("ingest", settings.data_dir):
            run_ingest(settings, stop)


def run_ingest(settings: IngestSettings, stop: threading.Event) -> None:
    """Run one ingest process until `stop` is set. Raises UserError."""
    # What a batch is made of lives briefly and in thousands: looking through it for cycles every 700
    # objects costs more than it finds.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    ingest = Ingest(settings)
    with _metrics_served(settings.metrics_port, ingest.metrics.registry):
        ingest.run(stop)


@contextmanager
def _metrics_served(port: int | None, registry: CollectorRegistry) -> Iterator[None]:
    if port is None:
        yield
        return
    try:
        server, _thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise UserError(f"指标端口 {port} 打不开 / cannot serve metrics on port {port}: {error}") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@app.command()
def check(config: Config) -> None:
    """启动前检查: 消息服务器和存储 / before starting: can the broker be reached, does the store take writes."""
    settings = load_model(config, IngestSettings)
    with closing(open_store(settings.store)) as store:
        findings = (check_broker(settings.mqtt), store.check())
    faults = [str(finding) for finding in findings if not finding.ok]
    if faults:
        raise UserError("\n".join(faults))
    for finding in findings:
        Console().print(Text(f"✓ {finding}"))


@app.command()
def setup(config: Config) -> None:
    """建立数据库, 保存期限和降采样 / create the database, its retention and down-sampling; safe to run again."""
    settings = load_model(config, IngestSettings)
    steps = setup_store(settings.store)
    for step in steps:
        Console().print(Text(f"✓ {step}"))


def check_broker(mqtt: MqttSettings) -> Health:
    """Whether anyone listens at the broker's address."""
    where = f"{mqtt.host}:{mqtt.port}"
    try:
        socket.create_connection((mqtt.host, mqtt.port), _CONNECT_TIMEOUT_S).close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Health(
            ok=False, zh="连不上消息服务器", en=f"no MQTT broker can be reached at {where}: {reason}"
        )
    return Health(ok=True, zh="消息服务器可连接", en=f"MQTT broker at {where} can be reached")


@quarantine_app.command("list")
def list_entries(
    config: Config, limit: Annotated[int, typer.Option(min=1, max=10_000, help="最多几条 / at most")] = 50
) -> None:
    """列出最近的隔离记录, 新的在前 / the newest entries, newest first."""
    with _open_book(config) as book:
        entries = book.quarantine_entries(limit)
        dropped = book.counters().get("quarantine_dropped", 0)
    console = Console()
    console.print(_table(entries) if entries else "隔离区是空的 / nothing is in quarantine")
    if dropped:
        console.print(
            f"另有 {dropped} 条因容量上限已丢弃 / {dropped} more were dropped, quarantine being full"
        )


@quarantine_app.command("show")
def show_entry(entry_id: Annotated[int, typer.Argument(metavar="ID")], config: Config) -> None:
    """显示一条隔离记录和整条消息 / one entry with its whole message."""
    with _open_book(config) as book:
        found = book.quarantine_entry(entry_id)
    if found is None:
        raise UserError(f"隔离区没有 {entry_id} 号 / quarantine has no entry {entry_id}")
    entry, payload = found
    console = Console()
    console.print(_table([entry]))
    console.print(Text(f"主题 topic: {printable(entry.topic)}"))
    console.print(Text(f"消息 message ({len(payload)} bytes):"))
    console.print(Text(printable(payload.decode(errors="backslashreplace"))))


@quarantine_app.command("replay")
def replay_entries(
    config: Config,
    entry_ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...")] = None,
    every: Annotated[bool, typer.Option("--all", help="全部 / everything")] = False,
    reason: Annotated[str | None, typer.Option(help="某一原因的全部 / everything set aside for it")] = None,
) -> None:
    """修复之后重新入库, 每条恰好一次 / take messages again after a fix; each is stored exactly once."""
    if [bool(entry_ids), every, reason is not None].count(True) != 1:
        raise UserError("给出编号, 或 --all, 或 --reason / give entry numbers, or --all, or --reason")
    settings = load_model(config, IngestSettings)
    with _open_book(config) as book, closing(open_store(settings.store)) as store:
        ids = book.quarantine_messages(entry_ids or (), reason)
        if not ids:
            raise UserError("隔离区没有这样的记录 / quarantine has no such entry")
        try:
            for outcome in replay(book, store, ids):
                _tell_replayed(outcome)
        except Retryable as error:
            raise UserError(f"没有完成, 恢复后再运行一次 / not finished, run it again: {error}") from None


def _tell_replayed(outcome: Replayed) -> None:
    text = f"{printable(outcome.topic)}: 入库 {outcome.stored} 条, 仍隔离 {outcome.left} 条"
    text += f" / {outcome.stored} stored, {outcome.left} still set aside"
    reasons = {f"{refused.reason}: {refused.detail}" for refused in outcome.still}
    Console().print(Text(text + "".join(f"\n  {printable(each)}" for each in sorted(reasons)[:3])))


def _open_book(config: Path) -> closing[Book]:
    settings = load_model(config, IngestSettings)
    if not settings.book_path.exists():
        raise UserError(
            f"还没有入库账本, 先运行 cunmai ingest run / no book yet at {settings.book_path}: run ingest first"
        )
    return closing(Book(settings.book_path, settings.quarantine, settings.ledger))


def _table(entries: list[Entry]) -> Table:
    table = Table(
        "编号\nID", "首次到达 UTC\nfirst arrived", "原因\nreason", "来源\nfrom", "序号\nseq", "次数\ntimes"
    )
    table.add_column("说明\ndetail", ratio=1)
    for entry in entries:
        arrived = datetime.fromtimestamp(entry.first_ms // 1000, UTC)
        table.add_row(
            str(entry.id),
            f"{arrived:%Y-%m-%d %H:%M:%S}",
            f"{_REASONS_ZH.get(entry.reason, '')}\n{entry.reason}",
            Text(entry.sender or "未知\nunknown"),
            str(entry.seq or "-"),
            str(entry.times),
            Text(printable(entry.detail)),
        )
    return table


def printable(text: str) -> str:
    """Text that anyone may have sent, safe for a terminal: control characters shown, not obeyed."""
    return "".join(
        character if character.isprintable() or character == "\n" else f"\\x{ord(character):02x}"
        for character in text
    )
