"""Keeping the ledger: every few seconds, on the thread that owns the book.

Reckons what was heard of, raises events for gaps past their deadline, asks gateways to send again, and
puts the figures into the store for the panels.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable

import structlog

from cunmai_ingest.ledger import tables
from cunmai_ingest.ledger.days import day_start_ms, day_text
from cunmai_ingest.ledger.gaps import Gateway, Patience
from cunmai_ingest.ledger.gauges import LedgerGauges
from cunmai_ingest.ledger.reckon import DayAccount
from cunmai_ingest.ledger.sweep import News, Reckoned, describe, note_asked, reckon_stream
from cunmai_ingest.points import NS_PER_MS, Point
from cunmai_ingest.settings import LedgerSettings
from cunmai_ingest.stores.base import Store
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.hold import disk_faults
from cunmai_runtime.logs import OnChange
from cunmai_runtime.sqlite import transaction
from cunmai_wire.commands import Resend
from cunmai_wire.events import MAX_EVENTS, event_adapter
from cunmai_wire.receipts import MAX_RANGES
from cunmai_wire.state import Presence
from cunmai_wire.topics import Channel, events_topic, gateway_topic

LEDGER_DAY = "ledger_day"
"""Measurement: one point for each gateway and day, written again as the figures change."""

POINTS_AT_ONCE = 500
EVENTS_AT_ONCE = MAX_EVENTS // 2
EVENT_AGAIN_AFTER_MS = 15_000

Publish = Callable[[str, bytes], bool]
"""Topic and payload; False where the link is down."""


class Keeper:
    """One book's ledger. Belongs to the thread that opened the book."""

    def __init__(
        self,
        db: sqlite3.Connection,
        store: Store,
        publish: Publish,
        settings: LedgerSettings,
        source: str,
        clock: Clock,
        gauges: LedgerGauges,
    ) -> None:
        """`source`: this ingest's id, which the events come from. Raises UserError where the days differ."""
        self._db = db
        self._store = store
        self._publish = publish
        self._settings = settings
        self._source = source
        self._clock = clock
        self._gauges = gauges
        self._patience = Patience(
            settings.overdue_after_s * 1000, settings.ask_again_s * 1000, settings.most_asks
        )
        self._next_s = 0.0
        self._log = structlog.get_logger("ledger")
        self._changed = OnChange()
        with transaction(db):
            tables.fix_utc_offset(db, settings.utc_offset_minutes)

    def do_due(self) -> None:
        """Sweep where it is time. A fault is logged and made up for by the next sweep."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + self._settings.every_s
        try:
            self.sweep()
        except Retryable as error:
            if self._changed("sweep", str(error)):
                self._log.warning("ledger.held", why=str(error))
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - the ledger's outermost loop: its own fault stops no intake
            if self._changed("sweep", repr(error)):
                self._log.exception(
                    "ledger.internal_error", todo="readings are stored; the ledger stands still"
                )
        else:
            self._changed.clear("sweep")

    def sweep(self) -> None:
        """Reckon, tell, ask, store. Raises Retryable where the book or the store fails."""
        now_ms = self._clock()
        with disk_faults("ingest's book"), transaction(self._db):
            for work in tables.work(self._db, now_ms):
                gateway = _gateway(self._db, work.gateway)
                reckoned = reckon_stream(
                    self._db, work, gateway, self._patience, self._settings.utc_offset_minutes, now_ms
                )
                self._tell(reckoned, now_ms)
                self._ask(reckoned, now_ms)
            self._send_events(now_ms)
        self._store_days()
        with disk_faults("ingest's book"):
            self._gauges.show(tables.totals(self._db))

    # -- telling and asking ---------------------------------------------------------------------------

    def _tell(self, reckoned: Reckoned, now_ms: int) -> None:
        gateway = reckoned.work.gateway
        for news in reckoned.news:
            first, last, missing = describe(news)
            self._log.warning(
                "ledger.gap",
                gateway=gateway,
                kind=news.kind,
                condition=news.condition,
                reason=news.reason,
                first=first,
                last=last,
                count=missing,
            )
            cursor = self._db.execute(
                "INSERT INTO ledger_event (topic, body) VALUES (?, '')", [events_topic(gateway)]
            )
            assert cursor.lastrowid is not None
            body = _event(cursor.lastrowid, reckoned, news, now_ms)
            self._db.execute("UPDATE ledger_event SET body = ? WHERE seq = ?", [body, cursor.lastrowid])

    def _ask(self, reckoned: Reckoned, now_ms: int) -> None:
        ranges = reckoned.ask[:MAX_RANGES]
        if not ranges:
            return
        work = reckoned.work
        command = Resend(
            v=1,
            id=f"ledger-{now_ms}-{work.stream[:8]}",
            at=now_ms,
            command="resend",
            stream=work.stream,
            ranges=ranges,
        )
        topic = gateway_topic(work.gateway, Channel.COMMANDS)
        if self._publish(topic, command.model_dump_json().encode()):
            note_asked(self._db, work.stream, self._patience, now_ms)
            self._log.info("ledger.asked", gateway=work.gateway, ranges=len(ranges))

    def _send_events(self, now_ms: int) -> None:
        """Send what the book does not hold yet: they come back through the broker, and are stored like others."""
        stream = tables.event_stream(self._db)
        self._db.execute(
            "DELETE FROM ledger_event WHERE EXISTS (SELECT 1 FROM held WHERE stream = ?"
            " AND what IN ('stored', 'quarantined') AND first <= ledger_event.seq AND last >= ledger_event.seq)",
            [stream],
        )
        rows = self._db.execute(
            "SELECT seq, topic, body FROM ledger_event WHERE sent_ms < ? ORDER BY seq LIMIT ?",
            [now_ms - EVENT_AGAIN_AFTER_MS, EVENTS_AT_ONCE],
        ).fetchall()
        for topic in dict.fromkeys(topic for _, topic, _ in rows):
            bodies = [body for _, its, body in rows if its == topic]
            head = f'{{"v":1,"source":"{self._source}","stream":"{stream}","sent":{now_ms},"events":['
            if self._publish(topic, f"{head}{','.join(bodies)}]}}".encode()):
                self._db.executemany(
                    "UPDATE ledger_event SET sent_ms = ? WHERE seq = ?",
                    [(now_ms, seq) for seq, its, _ in rows if its == topic],
                )

    # -- storing ----------------------------------------------------------------------------------------

    def _store_days(self) -> None:
        with disk_faults("ingest's book"):
            changed = list(tables.not_pointed(self._db, POINTS_AT_ONCE))
        if not changed:
            return
        offset = self._settings.utc_offset_minutes
        self._store.write([point_of_day(gateway, day, figures, offset) for gateway, day, figures in changed])
        with disk_faults("ingest's book"), transaction(self._db):
            tables.pointed(self._db, [(gateway, day) for gateway, day, _ in changed])


def point_of_day(gateway: str, day: int, figures: DayAccount, utc_offset_minutes: int) -> Point:
    """A day's figures as a point at the day's beginning: the newest figures overwrite the ones before."""
    fields = {name: getattr(figures, name) for name in tables.FIGURES}
    return Point(
        stream=f"ledger/{gateway}",
        seq=day,
        measurement=LEDGER_DAY,
        tags=(("gateway", gateway),),
        fields={**fields, "day": day_text(day)},
        t_ns=day_start_ms(day, utc_offset_minutes) * NS_PER_MS,
        part="day",
    )


def _gateway(db: sqlite3.Connection, gateway: str) -> Gateway:
    row = db.execute("SELECT presence, stream FROM gateways WHERE gateway = ?", [gateway]).fetchone()
    # One that has said nothing, but whose readings come, is there.
    return Gateway(row[0] == Presence.ONLINE, row[1]) if row else Gateway(online=True, stream="")


def _event(seq: int, reckoned: Reckoned, news: News, now_ms: int) -> str:
    """One event of the contract, checked against it."""
    first, last, missing = describe(news)
    event = {
        "type": "ledger_gap",
        "seq": seq,
        "t": now_ms,
        "gateway": reckoned.work.gateway,
        "kind": news.kind,
        "condition": news.condition,
        "reason": news.reason,
        "gap_stream": reckoned.work.stream,
        "first_seq": first,
        "last_seq": last,
        "missing_count": missing,
        "since": min(news.since_ms, now_ms),
    }
    checked = event_adapter.validate_json(json.dumps(event))
    return checked.model_dump_json(exclude_none=True)
