"""Links and addresses that open nothing: each refusal is counted and on record, and no flood of them fills the disk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NoReturn

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.database import Database
from cunmai_rules.pages.refusal import Refusal
from cunmai_runtime.clock import Clock

NOTED_EVERY_MS = 60_000
"""The same refusal again within this time is counted, and not written down once more."""
MOST_KNOWN = 1000
NOBODY = "unknown"
"""Whoever comes with a link that was never given out."""


class Refused:
    """Of one web application; its handlers run on a pool of threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._noted_ms: OrderedDict[tuple[str, str, str | None], int] = OrderedDict()
        self._lock = threading.Lock()

    def refuse(
        self, db: Database, desk: Desk, refusal: Refusal, *, contact: str = NOBODY, escalation: str | None = None,
        why: str | None = None,
    ) -> NoReturn:  # fmt: skip
        """Note who was refused what, then raise it. `why`: where the sentence shown does not say it.

        Raises Retryable where it cannot be noted.
        """
        reason = why or refusal.text
        metrics.LINKS_REFUSED.labels(reason).inc()
        if self._first(reason, contact, escalation):
            with db.transaction():
                desk.escalations.log(self._clock(), escalation, "link_refused", contact, why=reason)
        raise refusal

    def _first(self, reason: str, contact: str, escalation: str | None) -> bool:
        key, now_ms = (reason, contact, escalation), self._clock()
        with self._lock:
            before_ms = self._noted_ms.get(key)
            if before_ms is not None and 0 <= now_ms - before_ms < NOTED_EVERY_MS:
                return False
            self._noted_ms[key] = now_ms
            self._noted_ms.move_to_end(key)
            if len(self._noted_ms) > MOST_KNOWN:
                self._noted_ms.popitem(last=False)
        return True
