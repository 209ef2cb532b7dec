"""What a webhook may answer, and what we make of it: raw servers on loopback that misbehave."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from pydantic import SecretStr

from cunmai_rules.notify.providers.base import Accepted, Fault, Message, Outcome, Refused
from cunmai_rules.notify.sender import Sender
from cunmai_rules.settings import Webhook
from cunmai_runtime.clock import system_clock
from support.sms_sink import SECRET

MESSAGE = Message("n1", "13800000001", "text", "e1", 1_767_323_045_000)
Reply = Callable[[socket.socket], None]


@contextlib.contextmanager
def answering(reply: Reply) -> Iterator[int]:
    """A server that reads a request and then does as told, once for each connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            reply(connection)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


class OneWebhook(Sender):
    """A sender that knows its only provider."""

    def __init__(self, port: int, timeout_s: float, at_once: int) -> None:
        super().__init__(at_once=at_once, public_url="http://127.0.0.1:1", wall_clock=system_clock)
        self._webhook = Webhook(
            url=f"http://127.0.0.1:{port}/sms", secret=SecretStr(SECRET), timeout_s=timeout_s
        )

    def begin(self) -> Future[Outcome]:
        return self.submit(MESSAGE, self._webhook)


@contextlib.contextmanager
def sending(port: int, timeout_s: float = 10, at_once: int = 4) -> Iterator[OneWebhook]:
    sender = OneWebhook(port, timeout_s, at_once)
    try:
        yield sender
    finally:
        sender.close()


def raw(head: str, body: bytes = b"") -> Reply:
    return lambda connection: connection.sendall(
        f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
    )


def outcome(reply: Reply, timeout_s: float = 10) -> Outcome:
    with answering(reply) as port, sending(port, timeout_s) as sender:
        return sender.begin().result(60)


def fault(of: Outcome) -> Fault:
    assert isinstance(of, Refused)
    return of.fault


@pytest.mark.parametrize(
    "head",
    [
        "200 OK\r\nContent-Encoding: gzip",
        "201 Created\r\nContent-Encoding: deflate",
        "202 Accepted\r\nSet-Cookie: \xff=\xfe; expires=zzz; Max-Age=99999999999999999999999",
    ],
)
def test_a_status_of_success_is_acceptance_whatever_the_rest_of_the_answer_is(head: str) -> None:
    assert outcome(raw(head, b"hello")) == Accepted()


@pytest.mark.parametrize(
    "location",
    [
        "http://[::bad",
        "foo\x01bar://%%%",
        "http://\xff\xfe/",
        "http://a:999999/",
        "http://xn--\xe4.com/",
        "/",
    ],
)
def test_no_redirect_is_followed_or_even_understood(location: str) -> None:
    assert fault(outcome(raw(f"302 Found\r\nLocation: {location}"))) in (Fault.MISDIRECTED, Fault.UNSURE)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (Fault.PERMANENT, (400, 410, 413, 422)),
        (Fault.MISDIRECTED, (301, 308, 401, 403, 404, 405, 407, 451)),
        (Fault.RETRYABLE, (408, 425, 429, 500, 503)),
        (Fault.UNSURE, (502, 504)),
    ],
)
def test_what_a_status_means(kind: Fault, statuses: tuple[int, ...]) -> None:
    for status in statuses:
        assert outcome(raw(f"{status} x")) == Refused(kind, f"HTTP {status}")


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 103 x\r\n\r\n"],
)
def test_an_answer_that_is_no_answer_may_hide_an_acceptance(answer: bytes) -> None:
    assert fault(outcome(lambda connection: connection.sendall(answer))) is Fault.UNSURE


def test_what_never_left_was_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with sending(port) as sender:
        assert fault(sender.begin().result(60)) is Fault.RETRYABLE


def test_a_drip_of_headers_ends_with_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    assert outcome(drip, timeout_s=0.5) == Refused(Fault.UNSURE, "no answer within 0.5 s")


def test_a_drip_of_body_is_hung_up_on() -> None:
    hung_up = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            hung_up.set()

    assert outcome(drip) == Accepted()
    assert hung_up.wait(20)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        assert outcome(raw("200 OK\r\nContent-Encoding: gzip", bomb)) == Accepted()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


def test_one_that_hangs_does_not_hold_up_the_others() -> None:
    let_go = threading.Event()
    calls: list[int] = []

    def first_hangs(connection: socket.socket) -> None:
        calls.append(1)
        if len(calls) == 1:
            let_go.wait(30)
        raw("200 OK")(connection)

    with answering(first_hangs) as port, sending(port, at_once=2) as sender:
        hanging = sender.begin()
        while not calls:
            time.sleep(0.01)
        assert sender.begin().result(30) == Accepted()
        assert not hanging.done()
        let_go.set()
        hanging.result(30)


def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert outcome(raw("200 OK")) == Accepted()
