"""The gateways' clocks against ours: remembered by gateway, and shouted about where they differ."""

from __future__ import annotations

import structlog

from cunmai_rules import metrics
from cunmai_rules.arrival import Difference, Sent
from cunmai_runtime.logs import OnChange
from cunmai_wire.envelope import EnvelopeHeader

MOST_GATEWAYS = 10_000


class Clocks:
    """What recent messages said about each gateway's clock. A restart forgets it; a minute brings it back."""

    def __init__(self) -> None:
        self._differences: dict[str, Difference] = {}
        self._changed = OnChange()
        self._log = structlog.get_logger("rules")

    def sent(self, header: EnvelopeHeader, arrived_ms: int) -> Sent:
        """When this message was sent, with what is known of the clock that says so."""
        sent = Sent(header.sent, header.clock, arrived_ms)
        before = self._differences.pop(header.gateway, Difference(arrived_ms, sent.differs_ms))
        now = self._differences[header.gateway] = before.and_then(sent)
        if len(self._differences) > MOST_GATEWAYS:
            del self._differences[next(iter(self._differences))]
        sent = Sent(header.sent, header.clock, arrived_ms, now.steady_at(arrived_ms))
        self._shout(header.gateway, sent)
        return sent

    def _shout(self, gateway: str, sent: Sent) -> None:
        if sent.agrees:
            if self._changed.clear(gateway):
                self._log.info("rules.clocks_agree", gateway=gateway)
            return
        metrics.CLOCK_DISAGREEMENTS.inc()
        what = "clocks_differ" if sent.disproved else "message_waited_or_clocks_differ"
        if self._changed(gateway, what):
            self._log.warning(
                f"rules.{what}", gateway=gateway, differs_s=sent.differs_ms // 1000, clock=sent.clock,
                hint="检查网关和服务器的时间 / check the time of the gateway and of this server",
            )  # fmt: skip
