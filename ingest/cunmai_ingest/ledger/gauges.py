"""The ledger as Prometheus metrics, by gateway."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from cunmai_ingest.ledger.reckon import DayAccount

_HELP = {
    "measured": "Numbers that gateways have given out",
    "stored": "Readings in the store",
    "judged": "Readings judged, by the rules' receipts",
    "refused": "Readings set aside by the rules",
    "unjudged": "Readings stored, and no word of the rules about them",
    "late": "Readings that arrived late",
    "quarantined": "Readings set aside by ingest",
    "missing": "Readings measured and not here",
    "lost": "Readings that their gateway says it has dropped",
    "overdue": "Missing readings past the deadline",
    "unnumbered": "Readings lost at the gateway before they had a number",
}


class LedgerGauges:
    """Gauges named `cunmai_ledger_<figure>`. Alarm on `overdue`, `lost`, `unnumbered` and `unjudged`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = {
            name: Gauge(f"cunmai_ledger_{name}", text, ["gateway"], registry=registry)
            for name, text in _HELP.items()
        }

    def show(self, totals: Mapping[str, DayAccount]) -> None:
        """Totals over all days, by gateway."""
        for gateway, figures in totals.items():
            for name, gauge in self._gauges.items():
                gauge.labels(gateway).set(getattr(figures, name))
