"""The kiosk's page: whether it answers, or could."""

from __future__ import annotations

import http
import http.client
import ipaddress
import socket
from collections.abc import Iterator

from cunmai_gateway.doctor.finding import Finding
from cunmai_gateway.kiosk.settings import KioskSettings

_ANSWER_S = 3.0
_MOST_BYTES = 1 << 20
CHECK = "kiosk"


def check_page(settings: KioskSettings | None) -> Iterator[Finding]:
    """Nothing where there is no page."""
    if settings is None:
        return
    where = f"{settings.host}:{settings.port}"
    todo = (
        f"停掉占用端口的程序, 或改 kiosk.port (现在是 {settings.port})",
        f"stop the program that holds the port, or change kiosk.port (now {settings.port})",
    )
    try:
        _open(settings)
    except OSError as error:
        why = error.strerror or str(error)
        if _answers(settings):
            yield Finding(CHECK, f"一体机页面正常 ({where})", f"the kiosk's page answers ({where})")
            return
        yield Finding(
            CHECK, f"一体机页面打不开 {where}: {why}", f"the kiosk's page cannot be served at {where}: {why}", *todo
        )  # fmt: skip
        return
    yield Finding(CHECK, f"一体机页面的端口可用 ({where})", f"the port of the kiosk's page is free ({where})")


def _open(settings: KioskSettings) -> None:
    six = ipaddress.ip_address(settings.host).version == 6
    family = socket.AF_INET6 if six else socket.AF_INET
    socket.create_server((settings.host, settings.port), family=family).close()


def _answers(settings: KioskSettings) -> bool:
    """Whether it is our own page that holds the port: the gateway is running."""
    address = ipaddress.ip_address(settings.host)
    loopback = "::1" if address.version == 6 else "127.0.0.1"
    host = loopback if address.is_unspecified else str(address)
    connection = http.client.HTTPConnection(host, settings.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/api/state")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and b'"step"' in answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
