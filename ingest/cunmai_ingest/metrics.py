"""Prometheus metrics of one ingest process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from cunmai_ingest.settle import Committed


class Metrics:
    """Counts since the process began. The book keeps the totals that outlive it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._messages = Counter("cunmai_ingest_messages", "Messages committed", registry=registry)
        self._stored = Counter("cunmai_ingest_stored", "Readings and events newly stored", registry=registry)
        self._duplicates = Counter(
            "cunmai_ingest_duplicates", "Readings and events that were held already", registry=registry
        )
        self._quarantined = Counter(
            "cunmai_ingest_quarantined", "Refusals newly set aside", ["reason"], registry=registry
        )
        self._dropped = Counter(
            "cunmai_ingest_quarantine_dropped", "Refusals dropped from a full quarantine", registry=registry
        )
        self._retries = Counter("cunmai_ingest_retries", "Steps that had to be repeated", registry=registry)
        self._receipts = Counter(
            "cunmai_ingest_receipts",
            "Receipts sent, or dropped after waiting too long for a link",
            ["sent"],
            registry=registry,
        )

        self._internal_errors = Counter(
            "cunmai_ingest_internal_errors", "Messages on which our own code failed", registry=registry
        )
        self._left_waiting = Counter(
            "cunmai_ingest_left_waiting",
            "Readings left with their gateway until its clock settles",
            registry=registry,
        )
        self._corrections = Counter("cunmai_ingest_corrections", "Corrections stored", registry=registry)
        self._waiting = Gauge(
            "cunmai_ingest_waiting", "What has arrived and is not stored yet", ["of"], registry=registry
        )
        self._quarantine = Gauge(
            "cunmai_ingest_quarantine_share",
            "How full the quarantine is, 0 to 1, by the bound that is nearer",
            registry=registry,
        )

    def count(self, committed: Committed) -> None:
        self._messages.inc(len(committed.settled))
        self._stored.inc(committed.stored)
        self._duplicates.inc(committed.duplicates)
        self._dropped.inc(committed.dropped)
        self._quarantine.set(committed.quarantine_share)
        self._left_waiting.inc(sum(entry.message.waiting for entry in committed.settled))
        self._corrections.inc(sum(len(entry.message.superseded) for entry in committed.settled))
        for reason, number in committed.quarantined.items():
            self._quarantined.labels(reason).inc(number)

    def internal_error(self) -> None:
        self._internal_errors.inc()

    def waiting(self, messages: int, size: int) -> None:
        """What the intake holds: messages, and bytes of payload."""
        self._waiting.labels("messages").set(messages)
        self._waiting.labels("bytes").set(size)

    def retried(self) -> None:
        self._retries.inc()

    def receipt(self, *, sent: bool) -> None:
        self._receipts.labels("yes" if sent else "no").inc()
