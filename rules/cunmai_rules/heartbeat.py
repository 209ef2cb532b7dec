"""A dead man's signal: while everything works, an address outside this building is asked for, again and again.

What nobody hears cannot say that it is dead. A watcher outside (healthchecks.io, Uptime Kuma, or a page of
the county's own) expects the signal and alarms when it stays away: this process gone, the machine without
power, the uplink cut, nobody judging, messages that no carrier takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
import structlog

from cunmai_rules import metrics
from cunmai_rules.settings import HeartbeatSettings
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.logs import OnChange

TIMEOUT_S = 10.0
STUCK_AFTER_MS = 60_000
"""A part that has not been round its loop for so long does not work."""
WAITING_AFTER_MS = 5 * 60_000
"""A message that has waited for so long is not being taken by anybody."""


class Pulse:
    """When each part was last seen at work. Written by one thread and read by another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ms = clock()
        self._seen_ms: dict[str, int] = {}
        self._faults: dict[str, str] = {}

    def beat(self, part: str) -> None:
        """This part has been round its loop."""
        self._seen_ms[part] = self._clock()

    def say(self, part: str, fault: str | None) -> None:
        """What is wrong with a part; None: nothing any more."""
        if fault is None:
            self._faults.pop(part, None)
        else:
            self._faults[part] = f"{part}: {fault}"

    @property
    def faults(self) -> list[str]:
        """What was said to be wrong."""
        return list(self._faults.values())

    def quiet_ms(self, part: str) -> int:
        """For how long it has not been. A clock that was set back is no reason."""
        return max(0, self._clock() - self._seen_ms.get(part, self._began_ms))

    def stuck(self, parts: tuple[str, ...]) -> list[str]:
        """Those that have not been, for too long."""
        return [part for part in parts if self.quiet_ms(part) > STUCK_AFTER_MS]


class Heartbeat:
    """Asks for the address every so often, unless something is wrong."""

    def __init__(
        self,
        settings: HeartbeatSettings,
        faults: Callable[[], list[str]],
        transport: httpx.BaseTransport | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.taken_ms: int | None = None
        """When the watcher last took the signal."""
        self.failed: str | None = None
        """Why it did not get the newest one."""
        self._faults = faults
        # Neither proxies of the environment nor redirects: it has to reach this address or none.
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False, transport=transport)
        self._changed = OnChange()
        self._log = structlog.get_logger("rules")

    def run(self, stop: threading.Event) -> None:
        """Until stopped."""
        with self._http:
            while not stop.wait(self._settings.every_s):
                self.beat()

    def beat(self) -> bool:
        """Give the signal, unless something is wrong; whether it was taken."""
        faults = self._faults()
        if faults:
            self.failed = f"withheld: {', '.join(faults)}"
            if self._changed("faults", ", ".join(faults)):
                self._log.error("rules.heartbeat_withheld", faults=faults)
            return False
        if self._changed.clear("faults"):
            self._log.info("rules.heartbeat_resumed")
        return self._send()

    def _send(self) -> bool:
        try:
            answer = self._http.get(self._settings.url.get_secret_value())
        except httpx.HTTPError as error:
            taken, why = False, type(error).__name__
        else:
            taken, why = answer.is_success, str(answer.status_code)
        self.failed = None if taken else f"not taken: {why}"
        if taken:
            self.taken_ms = self._clock()
            metrics.HEARTBEATS.inc()
            self._changed.clear("sent")
        elif self._changed("sent", why):
            # The address itself stays out of the log: whoever knows it can silence the watcher.
            self._log.warning("rules.heartbeat_not_taken", why=why)
        return taken
