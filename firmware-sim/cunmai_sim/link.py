"""Bumble's virtual link, on which a central may change its private address in the middle of a connection."""

from __future__ import annotations

import asyncio

from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.hci import Address
from bumble.link import LocalLink


class SimLink(LocalLink):
    """A connection keeps the addresses that it was made with, as on the air (Core 6.B 1.3.2).

    BlueZ takes a new private address whenever it scans, connected or not. Upstream then sends the
    connection's data from the new address, which the peer has never heard of, and drops it silently.
    """

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Deliver one packet to the other end of a connection, if there still is one."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            own = connection.self_address
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, own, transport, data)
