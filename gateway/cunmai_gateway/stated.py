"""What the gateway says of itself in its retained state, and in its last will."""

from __future__ import annotations

from dataclasses import dataclass, field

from cunmai_gateway.clocktrust import ClockWatch
from cunmai_gateway.spool import Spool
from cunmai_wire.state import MAX_LOSSES, ConfigurationRefused, GatewayState, Loss, Presence


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this gateway is on the wire."""

    gateway: str
    software: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Readings that some consumer will not get, from the spool."""

    days: tuple[Loss, ...] = ()
    total: int = 0


@dataclass
class Stated:
    """The state as it would be published now. Read by the network's thread for the last will."""

    identity: Identity
    watch: ClockWatch
    stream: str
    measured: int = 0
    at_open: int = 0
    """What it was when this process opened the spool."""
    lost: Lost = field(default_factory=Lost)
    configuration_version: int | None = None
    configuration_refused: ConfigurationRefused | None = None
    warning: str | None = None
    """What people here should know of this gateway's identity; not on the wire."""

    def json(self, presence: Presence) -> bytes:
        now = self.watch.stamp()
        state = GatewayState(
            v=1,
            gateway=self.identity.gateway,
            presence=presence,
            at=now.t_ms,
            clock=now.trust,
            stream=self.stream,
            measured=self.measured,
            software=self.identity.software,
            configuration_version=self.configuration_version,
            configuration_refused=self.configuration_refused,
            losses=self.lost.days,
            lost_total=self.lost.total,
        )
        return state.model_dump_json(exclude_none=True, exclude_defaults=True).encode()


def read_lost(spool: Spool) -> Lost:
    """The newest losses and the total."""
    counts = spool.losses(MAX_LOSSES)
    days = tuple(Loss(stream=c.stream, day=c.day, reason=c.reason, count=c.count) for c in counts)
    return Lost(days, spool.lost_total())
