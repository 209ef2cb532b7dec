"""The breakers of all providers: what the notifier knows, and `/health` and the metrics tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cunmai_rules import metrics
from cunmai_rules.notify.breaker import Breaker, Circuit
from cunmai_runtime.clock import Clock


class Breakers:
    """Written by the notifier's thread, read by any. A restart begins with all of them closed."""

    def __init__(self, names: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._all = {name: Breaker() for name in names}
        for name in self._all:
            self._show(name)

    @property
    def now(self) -> Mapping[str, Breaker]:
        return self._all

    def change(self, name: str, change: Callable[[Breaker], Breaker]) -> None:
        """Replace one provider's breaker."""
        self._all = {**self._all, name: change(self._all.get(name, Breaker()))}
        self._show(name)

    def circuits(self) -> dict[str, str]:
        """How each provider stands, in words."""
        now_ms = self._clock()
        return {name: breaker.circuit(now_ms).value for name, breaker in self._all.items()}

    def _show(self, name: str) -> None:
        closed = self._all[name].circuit(self._clock()) is Circuit.CLOSED
        metrics.PROVIDER_UP.labels(name).set(closed)
