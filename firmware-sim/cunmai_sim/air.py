"""A virtual radio world: peripherals and centrals on one Bumble link, in one process or two."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bumble.transport import open_transport

from cunmai_sim.backend_client import client_of
from cunmai_sim.backend_scanner import scanner_of
from cunmai_sim.controller import SimController
from cunmai_sim.hci_server import HciServer
from cunmai_sim.link import SimLink
from cunmai_sim.radio import MAX_MTU, Radio


@dataclass(frozen=True)
class Central:
    """One central's backend classes, for the unmodified bleak API.

    `BleakScanner(backend=central.scanner)`, `BleakClient(device, backend=central.client)`,
    `establish_connection(BleakClient, device, name, backend=central.client)`.
    """

    address: str
    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]
    _close: Callable[[], Awaitable[None]] = field(repr=False, compare=False)

    async def close(self) -> None:
        """Disconnect all clients and give the radio back. Closing twice does nothing more."""
        await self._close()


class Air:
    """One Bumble link. What is made on it lives until `close()`; it is also an async context manager."""

    def __init__(self) -> None:
        self.link = SimLink()  # type: ignore[no-untyped-call]  # bumble's __init__ has no annotations
        self._numbers = itertools.count(1)
        self._controllers: list[SimController] = []
        self._centrals: list[Central] = []
        self._servers: list[HciServer] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    async def __aenter__(self) -> Air:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    def controller(self, role: str) -> SimController:
        """A new controller on this air, for a host of the caller's."""
        controller = SimController(f"{role}-{next(self._numbers)}", self.link)
        self._controllers.append(controller)
        return controller

    async def central(self, address: str, *, mtu: int = MAX_MTU) -> Central:
        """A central in this process. `address` is a random static one, unique on this air (`F0:…`).

        `mtu` is the ATT MTU that its clients ask for; 23 leaves the smallest in force.
        """
        controller = self.controller("central")
        radio = await Radio.power_on(address, controller, controller, mtu=mtu)
        central = Central(address, scanner_of(radio), client_of(radio), radio.close)
        self._centrals.append(central)
        return central

    async def serve(self, transport: str) -> HciServer:
        """Offer one central's HCI to another process, on `tcp-server:127.0.0.1:PORT` (0: any free port).

        The other process builds it with `remote_central`. It may vanish and come back: its links then
        time out for the peripherals, and the next client finds a fresh controller.
        """
        server = HciServer(self.controller("served"))
        await server.start(transport)
        self._servers.append(server)
        return server

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Await `closer` when this air closes, after its centrals have disconnected."""
        self._closers.append(closer)

    async def close(self) -> None:
        """Disconnect the centrals and silence everything on this air."""
        for server in self._servers:
            await server.close()
        for central in self._centrals:
            await central.close()
        for closer in self._closers:
            await closer()
        for controller in self._controllers:
            controller.leave_air()
        for made in (self._servers, self._centrals, self._closers, self._controllers):
            made.clear()


async def remote_central(transport: str, address: str, *, mtu: int = MAX_MTU) -> Central:
    """The central that another process serves (`Air.serve`), for example on `tcp-client:127.0.0.1:6402`.

    Raises OSError where nobody serves there. When the serving process ends, clients are disconnected
    and later use raises BleakBluetoothNotAvailableError; build a new central then.
    """
    opened = await open_transport(transport)
    try:
        radio = await Radio.power_on(address, opened.source, opened.sink, mtu=mtu)
    except BaseException:
        await opened.close()
        raise

    async def close() -> None:
        await radio.close()
        await opened.close()

    return Central(address, scanner_of(radio), client_of(radio), close)
