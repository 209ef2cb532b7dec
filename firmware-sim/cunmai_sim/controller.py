"""Bumble's virtual controller, with what a gateway must be able to meet and Bumble 0.0.236 lacks."""

from __future__ import annotations

import asyncio

from bumble import hci, ll
from bumble.controller import AdvertisingSet, Controller, LegacyAdvertiser
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

_DATA_PACKET_BYTES = 251
"""The longest LE data packet: Bumble's 27 would cut every frame into fragments."""


class SimController(Controller):
    """A controller on a virtual air.

    It differs from Bumble's own in four ways: a pending connection can be cancelled, two centrals
    cannot win the same advertiser, a link can be lost to the radio, and HCI Reset resets.
    """

    acl_data_packet_length = _DATA_PACKET_BYTES
    le_acl_data_packet_length = _DATA_PACKET_BYTES

    link: LocalLink

    def __init__(self, name: str, link: LocalLink) -> None:
        super().__init__(name, link=link)

    # -- connecting ---------------------------------------------------------------------------

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """End the pending connection, as Core 4.E 7.8.13 asks; upstream it stays pending for ever."""
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        # After the command's own completion, hence not at once.
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """Connect, unless the advertiser was taken since its advertisement was queued for us."""
        peer = self.link.find_le_controller(peer_address)
        if isinstance(peer, SimController) and peer.accepts(peer_address):
            super().create_le_connection(peer_address)

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        """Deliver a connection request at once: queued, a second central would still find the advertiser."""
        if not isinstance(packet, ll.ConnectInd):
            super().send_advertising_pdu(packet)
            return
        for other in list(self.link.controllers):
            if other is not self:
                other.on_ll_advertising_pdu(packet)

    def accepts(self, address: hci.Address) -> bool:
        """Whether a connection to `address` would find an advertiser of ours now."""
        return any(advertiser.address == address for advertiser in self._advertisers() if advertiser.enabled)

    def _advertisers(self) -> list[LegacyAdvertiser | AdvertisingSet]:
        return [self.le_legacy_advertiser, *self.advertising_sets.values()]

    # -- losing -------------------------------------------------------------------------------

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """From our host. What was on its way when the link went is lost without a word, as on the air."""
        if self.find_connection_by_handle(packet.connection_handle) is not None:
            super().on_hci_acl_data_packet(packet)

    def on_link_acl_data(
        self, sender_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        """From a peer; see above."""
        if sender_address in self.le_connections:
            super().on_link_acl_data(sender_address, transport, data)

    def lose_links(self) -> None:
        """Radio loss: both ends of every link see a supervision timeout (0x08), which LocalLink lacks."""
        for connection in list(self.le_connections.values()):
            self._tell_peer(connection.self_address, connection.peer_address)
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _tell_peer(self, own: hci.Address, peer_address: hci.Address) -> None:
        peer = self.link.find_le_controller(peer_address)
        if peer is not None and own in peer.le_connections:
            peer.on_le_disconnected(peer.le_connections[own], hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def on_hci_reset_command(self, _command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        self.reset_radio()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def reset_radio(self) -> None:
        """Forget everything, as HCI Reset does (Core 4.E 7.3.2); a stub upstream.

        The peers see their links time out; our own host is told nothing, for it asked (or is gone).
        """
        for connection in list(self.le_connections.values()):
            self._tell_peer(connection.self_address, connection.peer_address)
        self.le_connections.clear()
        self.pending_le_connection = None
        self.le_scan_enable = False
        for advertiser in self._advertisers():
            advertiser.stop()
        self.advertising_sets.clear()

    def leave_air(self) -> None:
        """Reset and take this controller off the link for good."""
        self.reset_radio()
        self.link.controllers.discard(self)
