"""How the gateway itself is doing, at one moment: for metrics, the health address and systemd."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cunmai_wire.base import ClockTrust

STALE_S = 60.0
"""Vitals that are older were left by a loop or a disk that no longer answers."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """Readings unless the name says otherwise."""

    gateway: str
    stream: str
    measured: int
    pending: int
    """Some consumer still owes a receipt."""
    waiting: int
    """In memory only."""
    not_kept: int
    lost_total: int
    spool_bytes: int
    up: bool
    """Connected to the broker. Being offline is no illness: it is what the spool is for."""
    clock: ClockTrust
    clock_jumps: int
    configuration_version: int | None
    fault: str | None
    """Why nothing can be stored now."""
    warning: str | None = None
    """What somebody should see to, though measuring and sending go on."""
    taken_s: float = field(default_factory=time.monotonic)

    def healthy(self, now_s: float) -> bool:
        """The loop turns, the spool answers, and what is measured can be stored."""
        return self.fault is None and now_s - self.taken_s <= STALE_S

    def json(self, now_s: float) -> bytes:
        facts = asdict(self)
        del facts["taken_s"]
        facts |= {"healthy": self.healthy(now_s), "age_s": round(now_s - self.taken_s, 1)}
        return json.dumps(facts, ensure_ascii=False).encode() + b"\n"

    def status(self) -> str:
        """One line for `systemctl status`."""
        link = "已连接 online" if self.up else "未连接 offline"
        fault = f", {self.fault}" if self.fault else ""
        warning = f", {self.warning}" if self.warning else ""
        return f"{link}, 待上传 {self.pending} 条 to send{fault}{warning}"


_GAUGES = {
    "pending": "Readings that some consumer still owes a receipt for",
    "waiting": "Readings in memory only",
    "spool_bytes": "Bytes of the spool in use",
    "up": "1 while connected to the broker",
}
_COUNTERS = {
    "measured": "Readings that this stream has had",
    "not_kept": "Readings lost since the start because the disk took none",
    "lost_total": "Readings lost to some consumer, ever",
    "clock_jumps": "Jumps of the wall clock since the start",
}


class VitalsCollector(Collector):
    """Prometheus metrics made of the newest vitals."""

    def __init__(self) -> None:
        self.newest: Vitals | None = None

    def collect(self) -> Iterator[Metric]:
        vitals = self.newest
        if vitals is None:
            return
        for kinds, make in ((_GAUGES, GaugeMetricFamily), (_COUNTERS, CounterMetricFamily)):
            for name, help_ in kinds.items():
                metric = make(f"cunmai_gateway_{name}", help_, labels=["gateway"])
                metric.add_metric([vitals.gateway], float(getattr(vitals, name)))
                yield metric
        for name, value in (
            ("clock_trusted", vitals.clock is ClockTrust.TRUSTED),
            ("stores", vitals.fault is None),
            ("configuration_version", vitals.configuration_version or 0),
        ):
            gauge = GaugeMetricFamily(f"cunmai_gateway_{name}", _FLAGS[name], labels=["gateway"])
            gauge.add_metric([vitals.gateway], float(value))
            yield gauge


_FLAGS = {
    "clock_trusted": "1 while the wall clock is synchronised",
    "stores": "1 while the disk takes readings",
    "configuration_version": "Version of the server's configuration, 0 while the local file is in force",
}
