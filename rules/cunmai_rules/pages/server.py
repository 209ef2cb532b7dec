"""The pages' web server, bounded: whoever holds the port cannot take the paging with them.

The page port faces the outside, behind a proxy or not. Without bounds, connections that say nothing use up
the process's file descriptors, and then neither the journal nor the webhook can be reached.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS = 200
BACKLOG = 64
"""Also how many connections asyncio accepts before it lets us count them."""
FIRST_BYTE_S = 5.0
REQUEST_S = 20.0
"""For one request and its answer, from the first byte to the last. The journal may be busy for 15 s of it."""
KEEP_ALIVE_S = 5
_STOP_S = 10.0


class GuardedProtocol(H11Protocol):
    """uvicorn's, with a deadline for every state and a bound on how many there are.

    When all places are taken, the oldest connection without a request gives way to the new one: a phone
    with a doctor behind it speaks at once.
    """

    guarded: dict[GuardedProtocol, None] = {}  # noqa: RUF012 - one for each server: see `_protocol`
    most = MOST_CONNECTIONS
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        if len(self.guarded) >= self.most:
            idle = next((one for one in self.guarded if not one.busy), self)
            self.guarded.pop(idle, None)
            idle.transport.abort()
            if idle is self:
                return
        self.guarded[self] = None
        self._within(FIRST_BYTE_S)

    @property
    def busy(self) -> bool:
        """A request has come in whole enough to be worked on."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
        return cycle is not None and not cycle.response_complete

    def data_received(self, data: bytes) -> None:
        if self._deadline is None or self._waits_for_first_byte:
            self._within(REQUEST_S)
            self._waits_for_first_byte = False
        super().data_received(data)

    def on_response_complete(self) -> None:
        self._end_deadline()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        self.guarded.pop(self, None)
        super().connection_lost(exc)

    _waits_for_first_byte = True

    def _within(self, seconds: float) -> None:
        self._end_deadline()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _protocol(most: int) -> type[GuardedProtocol]:
    """A class for one server, because uvicorn makes the instances and tells them of nothing of ours."""
    own: dict[str, Any] = {"guarded": {}, "most": most}
    return type("Guarded", (GuardedProtocol,), own)


@contextmanager
def serving(app: FastAPI, listening: socket, *, most: int = MOST_CONNECTIONS) -> Iterator[None]:
    """Serve on a bound socket from a thread of its own, until the block ends."""
    config = uvicorn.Config(
        app,
        http=_protocol(most),
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        # No access log: a link's token is in its address. No line for every malformed request either.
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_STOP_S)
        listening.close()
