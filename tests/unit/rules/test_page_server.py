"""The page port under people who hold it: a doctor still gets through, and the process keeps its files."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from cunmai_rules.pages import server
from cunmai_rules.pages.server import serving
from support.servers import wait_until

MOST = 20
HOST = "127.0.0.1"


@pytest.fixture
def port() -> Iterator[int]:
    app = FastAPI()
    app.get("/")(lambda: "hello")
    listening = socket.create_server((HOST, 0), backlog=server.BACKLOG)
    with serving(app, listening, most=MOST):
        yield listening.getsockname()[1]


def asks(connection: socket.socket) -> bytes:
    connection.settimeout(20)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while b"hello" not in answer and (piece := connection.recv(65536)):
        answer += piece
    return answer


def closed(connection: socket.socket) -> bool:
    connection.settimeout(20)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_silent_connections_give_way_to_one_that_speaks(port: int) -> None:
    before = open_files()
    with contextlib.ExitStack() as held:
        silent = [held.enter_context(socket.create_connection((HOST, port))) for _ in range(5 * MOST)]
        wait_until(lambda: open_files() - before <= len(silent) + MOST + 2, what="the server lets go")
        with socket.create_connection((HOST, port)) as doctor:
            assert b"hello" in asks(doctor)
        assert closed(silent[0])


def test_one_that_says_nothing_is_hung_up_on(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_BYTE_S", 0.2)
    with socket.create_connection((HOST, port)) as silent:
        assert closed(silent)


def test_one_that_never_finishes_its_request_is_hung_up_on(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.4)
    with socket.create_connection((HOST, port)) as drip, pytest.raises(OSError, match=r"pipe|reset"):
        drips(drip)


def drips(connection: socket.socket) -> None:
    for _ in range(500):
        connection.sendall(b"G")
        time.sleep(0.02)


def test_a_second_request_on_the_same_connection_is_answered_and_has_a_deadline_too(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection((HOST, port)) as phone:
        assert b"hello" in asks(phone)
        assert b"hello" in asks(phone)
        monkeypatch.setattr(server, "REQUEST_S", 0.2)
        phone.sendall(b"GET / HT")
        assert closed(phone)
