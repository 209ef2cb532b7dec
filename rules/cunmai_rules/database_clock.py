"""Whether this server's clock agrees with its PostgreSQL's, and so with those of the other processes.

Deadlines that one process writes are kept by another: they may differ by a minute (`CLOCKS_DIFFER_MS`). Where
they differ by more, a deadline may look like one of a clock set back, and somebody is asked too early.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import closing

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.journal.database import FAULTS, Database
from cunmai_runtime.clock import Clock
from cunmai_runtime.logs import OnChange

LOOK_EVERY_S = 60.0


def ahead_ms(db: Database, clock: Clock) -> int:
    """How far our clock is ahead of PostgreSQL's, at least: the time of asking is in nobody's favour. Negative:
    behind."""
    before_ms = clock()
    row = db.execute("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)").fetchone()
    after_ms = clock()
    assert row is not None, "it is one row"
    theirs_ms = int(row[0])
    return max(0, before_ms - theirs_ms) or min(0, after_ms - theirs_ms)


class DatabaseClock:
    """Looks once a minute. Written by its own thread, read by the pages'."""

    def __init__(self, open_: Callable[[], Database], clock: Clock) -> None:
        self._open = open_
        self._clock = clock
        self._changed = OnChange()
        self._log = structlog.get_logger("rules")
        self.ahead_ms: int | None = None
        """As of the last look; None: unknown."""

    def run(self, stop: threading.Event) -> None:
        """Until stopped."""
        while True:
            self.look()
            if stop.wait(LOOK_EVERY_S):
                return

    def look(self) -> None:
        """A database that cannot be asked now leaves it unknown; that it is down is said elsewhere."""
        try:
            with closing(self._open()) as db:
                self.ahead_ms = ahead_ms(db, self._clock)
        except FAULTS:
            self.ahead_ms = None
        metrics.DATABASE_CLOCK_AHEAD.set(math.nan if self.ahead_ms is None else self.ahead_ms / 1000)
        if self.caution is None:
            if self.ahead_ms is not None and self._changed.clear("clock"):
                self._log.info("rules.database_clock_agrees")
        elif self._changed("clock", "differs"):
            self._log.warning("rules.caution", caution=self.caution)

    @property
    def caution(self) -> str | None:
        """One sentence in both languages, where they differ by more than a minute."""
        if self.ahead_ms is None or abs(self.ahead_ms) <= CLOCKS_DIFFER_MS:
            return None
        seconds = abs(self.ahead_ms) // 1000
        zh, en = ("快", "ahead of") if self.ahead_ms > 0 else ("慢", "behind")
        return (
            f"本机时钟比 PostgreSQL 的{zh} {seconds} 秒(超过 1 分钟), 期限会算错: 请检查两台服务器的时间同步 / "
            f"this server's clock is {seconds} s {en} PostgreSQL's (more than a minute), and deadlines go wrong: "
            "check that both servers synchronise their time"
        )
