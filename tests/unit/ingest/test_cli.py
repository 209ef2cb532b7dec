from __future__ import annotations

import socket
import threading
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cunmai_ingest.assembly import understand
from cunmai_ingest.book import Book
from cunmai_ingest.cli import app, check_broker, printable, run_ingest
from cunmai_ingest.settings import IngestSettings, SqliteSettings
from cunmai_ingest.settle import settle
from cunmai_ingest.stores.base import WriteOutcome
from cunmai_runtime.errors import UserError
from cunmai_runtime.mqtt import MqttSettings
from support.messages import READINGS_TOPIC, T0_MS, envelope, oximetry
from support.servers import free_port, listening, wait_until


def _config(folder: Path, port: int = 1, store_path: str = "store.sqlite") -> Path:
    path = folder / "ingest.yaml"
    path.write_text(
        f"mqtt: {{port: {port}}}\ndata_dir: {folder}\nstore: {{kind: sqlite, path: {folder}/{store_path}}}\n"
    )
    return path


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "160"})


def _quarantine(folder: Path, *payloads: bytes) -> None:
    messages = [understand(READINGS_TOPIC, payload, T0_MS) for payload in payloads]
    with closing(Book(folder / "ingest-book.sqlite")) as book:
        book.commit(settle(messages, WriteOutcome((), ())))


def test_the_quarantine_is_listed_in_both_languages(tmp_path: Path) -> None:
    _quarantine(tmp_path, b"junk", envelope([oximetry(5, 0)]))
    result = _run("quarantine", "list", "--config", _config(tmp_path))
    assert result.exit_code == 0
    for text in (
        "不是 JSON",
        "not_json",
        "时间不可信",
        "implausible_time",
        "dated 1970-01-01",
        "clinic-01",
        "2023-11-14",
    ):
        assert text in result.output


def test_an_empty_quarantine_says_so(tmp_path: Path) -> None:
    _quarantine(tmp_path)
    assert (
        "隔离区是空的 / nothing is in quarantine"
        in _run("quarantine", "list", "--config", _config(tmp_path)).output
    )


def test_an_entry_is_shown_with_its_whole_message_and_no_terminal_codes(tmp_path: Path) -> None:
    _quarantine(tmp_path, b'{"v": "\x1b[31m\xff [bold]x[/bold]')
    result = _run("quarantine", "show", "1", "--config", _config(tmp_path))
    assert result.exit_code == 0
    assert '{"v": "\\x1b[31m\\xff [bold]x[/bold]' in result.output
    assert "\x1b" not in result.output
    assert READINGS_TOPIC in result.output


def test_an_entry_that_is_not_there(tmp_path: Path) -> None:
    _quarantine(tmp_path)
    result = _run("quarantine", "show", "7", "--config", _config(tmp_path))
    assert isinstance(result.exception, UserError)
    assert "quarantine has no entry 7" in str(result.exception)


def test_no_book_yet(tmp_path: Path) -> None:
    result = _run("quarantine", "list", "--config", _config(tmp_path))
    assert isinstance(result.exception, UserError)
    assert "run ingest first" in str(result.exception)
    assert not (tmp_path / "ingest-book.sqlite").exists()


def test_check_says_what_is_well(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = _run("check", "--config", _config(tmp_path, listener.getsockname()[1]))
    assert result.exit_code == 0
    assert "消息服务器可连接" in result.output
    assert "takes writes" in result.output


def test_check_names_a_broker_that_is_not_there(tmp_path: Path) -> None:
    port = free_port()
    result = _run("check", "--config", _config(tmp_path, port))
    assert isinstance(result.exception, UserError)
    assert f"no MQTT broker can be reached at 127.0.0.1:{port}: Connection refused" in str(result.exception)


def test_check_names_a_store_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database " * 40)
    result = _run("check", "--config", _config(tmp_path, store_path="notes.txt"))
    assert isinstance(result.exception, UserError)
    assert "notes.txt cannot be opened: file is not a database" in str(result.exception)


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_configuration_that_is_not_there(tmp_path: Path, command: str) -> None:
    result = _run(command, "--config", tmp_path / "none.yaml")
    assert isinstance(result.exception, UserError)
    assert "none.yaml:1: 读不到文件" in str(result.exception)


def _settings(folder: Path, metrics_port: int) -> IngestSettings:
    return IngestSettings(
        mqtt=MqttSettings(port=free_port()),
        data_dir=folder,
        store=SqliteSettings(kind="sqlite", path=folder / "store.sqlite"),
        metrics_port=metrics_port,
    )


def test_metrics_are_served_while_it_runs(tmp_path: Path) -> None:
    port, stop = free_port(), threading.Event()
    thread = threading.Thread(target=run_ingest, args=(_settings(tmp_path, port), stop))
    thread.start()
    try:
        wait_until(lambda: listening(port), what="metrics are served")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"cunmai_ingest_stored_total 0.0" in answer.read()
    finally:
        stop.set()
        thread.join(20)
    assert not listening(port)


def test_a_metrics_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot serve metrics on port {port}"):
            run_ingest(_settings(tmp_path, port), threading.Event())


def test_a_host_that_does_not_exist_is_named() -> None:
    assert "no-such-host.invalid:1883" in check_broker(MqttSettings(host="no-such-host.invalid")).en


def test_printable_keeps_text_and_shows_controls() -> None:
    assert printable("血氧 93\n\x1b]0;x\x07") == "血氧 93\n\\x1b]0;x\\x07"


def test_a_replay_says_what_became_of_each_message(tmp_path: Path) -> None:
    _quarantine(tmp_path, b"junk", envelope([oximetry(5, 0)]))
    config = _config(tmp_path)
    result = _run("quarantine", "replay", "--all", "--config", config)
    assert result.exit_code == 0
    assert "入库 0 条, 仍隔离 1 条 / 0 stored, 1 still set aside" in result.output
    assert "implausible_time: dated 1970-01-01" in result.output
    for wrong in ([], ["1", "--all"], ["--reason", "too_large"], ["77"]):
        refused = _run("quarantine", "replay", *wrong, "--config", config)
        assert isinstance(refused.exception, UserError)
