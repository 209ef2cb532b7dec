"""One controller's HCI on a loopback TCP port, for a host in another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from ipaddress import ip_address

from bumble.core import InvalidPacketError
from bumble.transport.common import PacketParser

from cunmai_sim.controller import SimController
from cunmai_sim.errors import SimError

_log = logging.getLogger(__name__)

_SCHEME = "tcp-server:"
_MAX_UNREAD_BYTES = 1 << 20
"""What may wait for a client that does not read; beyond it the client is dropped."""


def parse_listen(transport: str) -> tuple[str, int]:
    """`tcp-server:HOST:PORT` to host and port. Only loopback: HCI over TCP knows no password.

    Raises SimError.
    """
    host, colon, port = transport.removeprefix(_SCHEME).rpartition(":")
    if not transport.startswith(_SCHEME) or not colon or not port.isdecimal() or int(port) > 65535:
        raise SimError(
            f"无法识别的传输地址 {transport}, 应为 tcp-server:127.0.0.1:端口",
            f"cannot read the transport {transport}: expected tcp-server:127.0.0.1:PORT",
        )
    if host != "localhost" and not _is_loopback(host):
        raise SimError(
            f"模拟无线电只允许本机地址, 不允许 {host}",
            f"the simulated radio is served on loopback only, not on {host}",
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Client(asyncio.Protocol):
    """One connected host. Its own parser, so that a host killed in mid-packet spoils nothing."""

    def __init__(self, server: HciServer) -> None:
        self._server = server
        self._parser = PacketParser(server.controller)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.on_client(self)

    def data_received(self, data: bytes) -> None:
        if self._server.client is not self:
            return
        try:
            self._parser.feed_data(data)
        except InvalidPacketError:
            _log.warning("what came on the HCI port is not HCI: closing the connection")
            self.abort()

    def on_packet(self, packet: bytes) -> None:
        """From the controller to the host."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            _log.warning("the host does not read: closing the connection")
            self.abort()
            return
        transport.write(packet)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._server.on_client_lost(self)


class HciServer:
    """Serves one controller to one host at a time; a new host replaces the one before.

    Each time a host goes, the controller is reset: its links time out for the peers, as when the
    machine that carries a real adapter dies.
    """

    def __init__(self, controller: SimController) -> None:
        self.controller = controller
        self.client: _Client | None = None
        self.hosts_seen = 0
        self.on_change: Callable[[bool], None] | None = None
        self._server: asyncio.Server | None = None

    async def start(self, transport: str) -> None:
        """Listen on `tcp-server:HOST:PORT`. Raises SimError where the address is bad or taken."""
        host, port = parse_listen(transport)
        try:
            self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), host, port)
        except OSError as error:
            raise SimError(
                f"无法监听 {host}:{port}: 端口被占用或不允许",
                f"cannot listen on {host}:{port}: {error.strerror or error}",
            ) from None

    @property
    def port(self) -> int:
        """The TCP port in use."""
        assert self._server is not None, "not started"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def client_transport(self) -> str:
        """What to give to `remote_central`."""
        return f"tcp-client:127.0.0.1:{self.port}"

    def on_client(self, client: _Client) -> None:
        previous, self.client = self.client, client
        if previous is not None:
            previous.abort()
        self._begin_anew(client)
        self.hosts_seen += 1
        if self.on_change:
            self.on_change(True)

    def on_client_lost(self, client: _Client) -> None:
        if self.client is client:
            self.client = None
            self._begin_anew(None)
            if self.on_change:
                self.on_change(False)

    def _begin_anew(self, client: _Client | None) -> None:
        self.controller.host = client
        self.controller.reset_radio()

    async def close(self) -> None:
        """Stop listening and drop the host."""
        if self.client is not None:
            self.client.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
