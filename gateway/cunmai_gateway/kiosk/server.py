"""The kiosk's web server, in the gateway's event loop. A port that is taken costs the page, not the readings."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator

import structlog
import uvicorn

from cunmai_gateway.kiosk.api import Listeners, build_app
from cunmai_gateway.kiosk.kiosk import Kiosk
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_runtime.logs import OnChange

RETRY_S = 10.0
_MOST_CONNECTIONS = 64
_CLOSE_S = 2


class _Server(uvicorn.Server):
    """Signals belong to the gateway."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def allowed_hosts(settings: KioskSettings, port: int) -> frozenset[str]:
    """The Host headers under which the page may be asked for."""
    address = ipaddress.ip_address(settings.host)
    names = {"localhost", "127.0.0.1", "[::1]", *(name.lower() for name in settings.names)}
    if not address.is_unspecified:
        names.add(f"[{address}]" if address.version == 6 else str(address))
    return frozenset(f"{name}:{port}" for name in names) | (frozenset(names) if port == 80 else frozenset())


async def serve(kiosk: Kiosk) -> None:
    """Serve until cancelled. While the port is taken, say so and try again."""
    settings = kiosk.settings
    log, changed = structlog.get_logger("kiosk"), OnChange()
    while True:
        try:
            listening = socket.create_server(
                (settings.host, settings.port), family=_family(settings.host), backlog=_MOST_CONNECTIONS
            )
        except OSError as error:
            if changed("port", str(error)):
                log.error("kiosk.port", address=f"{settings.host}:{settings.port}", error=error.strerror,
                          todo="kiosk.port")  # fmt: skip
            await asyncio.sleep(RETRY_S)
            continue
        log.info("kiosk.page", url=f"http://{settings.host}:{settings.port}/")
        await _serve_on(kiosk, listening)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET


async def _serve_on(kiosk: Kiosk, listening: socket.socket) -> None:
    listeners = Listeners()
    app = build_app(kiosk, allowed_hosts(kiosk.settings, kiosk.settings.port), listeners=listeners)
    server = _Server(
        uvicorn.Config(
            app,
            # No access log, and nothing of a request in any other: card numbers pass through here.
            access_log=False,
            log_config=None,
            lifespan="off",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_CLOSE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        listeners.closing = True
        server.should_exit = True
        await serving
        listening.close()
