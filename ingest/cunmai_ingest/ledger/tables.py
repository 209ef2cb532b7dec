"""The ledger's tables, in the book's file: what is entered with every batch, and what is reckoned from it."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields

from cunmai_ingest.ledger.gaps import Gap
from cunmai_ingest.ledger.reckon import DayAccount
from cunmai_ingest.ledger.spans import Spans, spans
from cunmai_runtime.errors import UserError
from cunmai_runtime.held import table
from cunmai_wire.base import MAX_SEQ
from cunmai_wire.events import GapKind

DATED = "ledger_dated"
"""Numbers whose day is known: `what` is the day."""

JUDGED, REFUSED, LATE = "judged", "refused_by_rules", "late"
"""Further sets of the book's table `held`, beside `stored` and `quarantined`."""

FIGURES = tuple(field.name for field in fields(DayAccount))
SUMS = ", ".join(f"CAST(min(total({name}), {MAX_SEQ}) AS INTEGER)" for name in FIGURES)
"""Not `sum`: what hostile gateways claim may add up to more than an integer of SQLite's holds."""

# `dirty_from`: the lowest number that something was heard of since the last reckoning; NULL where nothing was.
# `tail_day`: where the numbers above all dated ones were counted then.
# `due_ms` of a gap: when time alone may change what is to be done about it. `pointed`: is it in the store yet.
TABLES = f"""
    {table(DATED)}
    CREATE INDEX ledger_dated_by_last ON {DATED} (stream, last);
    CREATE TABLE ledger_stream (
        stream TEXT PRIMARY KEY,
        gateway TEXT NOT NULL,
        claimed INTEGER NOT NULL,
        claimed_ms INTEGER NOT NULL,
        dirty_from INTEGER,
        tail_day INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX ledger_stream_by_gateway ON ledger_stream (gateway);
    CREATE TABLE ledger_day (
        stream TEXT NOT NULL,
        gateway TEXT NOT NULL,
        day INTEGER NOT NULL,
        {" ".join(f"{name} INTEGER NOT NULL," for name in FIGURES)}
        reckoned_ms INTEGER NOT NULL,
        pointed INTEGER NOT NULL,
        PRIMARY KEY (stream, day)
    ) WITHOUT ROWID;
    CREATE INDEX ledger_day_by_day ON ledger_day (day, gateway);
    CREATE INDEX ledger_day_by_gateway ON ledger_day (gateway, day);
    CREATE INDEX ledger_day_not_pointed ON ledger_day (gateway, day) WHERE pointed = 0;
    CREATE TABLE ledger_gap (
        stream TEXT NOT NULL,
        kind TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        since_ms INTEGER NOT NULL,
        asks INTEGER NOT NULL,
        next_ask_ms INTEGER NOT NULL,
        told INTEGER NOT NULL,
        step TEXT NOT NULL,
        due_ms INTEGER,
        PRIMARY KEY (stream, kind, first)
    ) WITHOUT ROWID;
    CREATE INDEX ledger_gap_by_due ON ledger_gap (due_ms) WHERE due_ms IS NOT NULL;
    CREATE TABLE ledger_loss (
        gateway TEXT NOT NULL,
        stream TEXT NOT NULL,
        day INTEGER NOT NULL,
        reason TEXT NOT NULL,
        up_to INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (stream, day, reason, up_to)
    ) WITHOUT ROWID;
    CREATE TABLE ledger_device (
        gateway TEXT NOT NULL,
        device TEXT NOT NULL,
        kind TEXT NOT NULL,
        last_t_ms INTEGER NOT NULL,
        last_arrived_ms INTEGER NOT NULL,
        PRIMARY KEY (gateway, device)
    ) WITHOUT ROWID;
    CREATE TABLE ledger_event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        body TEXT NOT NULL,
        sent_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE ledger_about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Work:
    """A stream that must be reckoned again, from this number up."""

    stream: str
    gateway: str
    claimed: int
    claimed_ms: int
    tail_day: int | None
    start: int


def event_stream(db: sqlite3.Connection) -> str:
    """The stream of the ledger's own events, made with the book. Within a transaction."""
    row = db.execute("SELECT value FROM ledger_about WHERE name = 'event_stream'").fetchone()
    if row:
        return str(row[0])
    stream = str(uuid.uuid4())
    db.execute("INSERT INTO ledger_about VALUES ('event_stream', ?)", [stream])
    return stream


def fix_utc_offset(db: sqlite3.Connection, utc_offset_minutes: int) -> None:
    """Note the offset that the days go by. Raises UserError where the book's days go by another."""
    db.execute(
        "INSERT OR IGNORE INTO ledger_about VALUES ('utc_offset_minutes', ?)", [str(utc_offset_minutes)]
    )
    row = db.execute("SELECT value FROM ledger_about WHERE name = 'utc_offset_minutes'").fetchone()
    if int(row[0]) != utc_offset_minutes:
        raise UserError(
            f"对账单按 {row[0]} 分钟时差记日, 不能改为 {utc_offset_minutes}, 请改回 / the ledger's days go by "
            f"utc_offset_minutes: {row[0]}; it cannot become {utc_offset_minutes}: change it back"
        )


# -- what must be reckoned ------------------------------------------------------------------------------


def owner(db: sqlite3.Connection, stream: str) -> str | None:
    """The gateway that a stream belongs to; None where it was never heard of."""
    row = db.execute("SELECT gateway FROM ledger_stream WHERE stream = ?", [stream]).fetchone()
    return None if row is None else str(row[0])


def touch(db: sqlite3.Connection, stream: str, gateway: str, number: int) -> None:
    """Something was heard of this number."""
    db.execute(
        "INSERT INTO ledger_stream VALUES (?, ?, 0, 0, ?, NULL) ON CONFLICT DO UPDATE"
        " SET dirty_from = min(coalesce(dirty_from, excluded.dirty_from), excluded.dirty_from)",
        [stream, gateway, number],
    )


def work(db: sqlite3.Connection, now_ms: int) -> list[Work]:
    """Streams that something was heard of, or of which a gap has come due."""
    rows = db.execute(
        "WITH due AS (SELECT stream, min(first) AS first FROM ledger_gap WHERE due_ms <= ? GROUP BY stream)"
        " SELECT s.stream, s.gateway, s.claimed, s.claimed_ms, s.tail_day,"
        " min(coalesce(s.dirty_from, due.first), coalesce(due.first, s.dirty_from))"
        " FROM ledger_stream s LEFT JOIN due ON due.stream = s.stream"
        " WHERE s.dirty_from IS NOT NULL OR due.first IS NOT NULL",
        [now_ms],
    )
    return [Work(*row) for row in rows]


def held_from(db: sqlite3.Connection, stream: str, what: str, lowest: int) -> Spans:
    """A set of the book, from a number up."""
    rows = db.execute(
        "SELECT max(first, ?), last FROM held WHERE stream = ? AND what = ? AND last >= ? ORDER BY first",
        [lowest, stream, what, lowest],
    )
    return tuple((first, last) for first, last in rows)


@dataclass(frozen=True, slots=True)
class Dated:
    """What is needed to reckon `first_day` and every later day again, whole."""

    floor: int
    """The lowest number that may count on one of those days."""
    first_day: int
    days: dict[int, Spans]
    """Numbers from `floor` up, by day. Earlier days may be among them, not whole."""


def dated_from(db: sqlite3.Connection, stream: str, start: int, tail_day: int) -> Dated:
    """Every day that a number from `start` up counts on, or may have counted on before; `tail_day` too."""

    def one(what: str, where: str, *values: object) -> int | None:
        query = f"SELECT {what} FROM {DATED} WHERE stream = ? AND {where}"  # noqa: S608 - constants
        (found,) = db.execute(query, [stream, *values]).fetchone()
        return None if found is None else int(found)

    touched = one("min(what)", "last >= ?", start)
    first_day = tail_day if touched is None else min(touched, tail_day)
    lowest = min(start, one("min(first)", "what >= ?", f"{first_day:05d}") or start)
    floor = 1 + (one("max(last)", "last < ?", lowest) or 0)
    rows: dict[int, list[tuple[int, int]]] = {}
    for what, first, last in db.execute(
        f"SELECT what, first, last FROM {DATED} WHERE stream = ? AND last >= ?",  # noqa: S608 - constant
        [stream, floor],
    ):
        rows.setdefault(int(what), []).append((max(first, floor), last))
    return Dated(floor, first_day, {day: spans(ranges) for day, ranges in rows.items()})


# -- what was reckoned ----------------------------------------------------------------------------------


def write_days(
    db: sqlite3.Connection,
    about: Work,
    days: Iterable[tuple[int, DayAccount]],
    from_day: int,
    now_ms: int,
) -> None:
    """Put these accounts in the place of whatever stood for the stream from `from_day` on.

    A day that nothing is left on keeps a row of zeros, so that the panels learn of it too.
    """
    before = {
        row[0]: tuple(row[1:])
        for row in db.execute(
            f"SELECT day, {', '.join(FIGURES)} FROM ledger_day WHERE stream = ? AND day >= ?",  # noqa: S608
            [about.stream, from_day],
        )
    }
    after: dict[int, tuple[int, ...]] = dict.fromkeys(before, (0,) * len(FIGURES))
    after |= {day: astuple(figures) for day, figures in days}
    marks = ", ".join("?" * (len(FIGURES) + 5))
    db.executemany(
        f"INSERT OR REPLACE INTO ledger_day VALUES ({marks})",  # noqa: S608 - question marks
        [
            (about.stream, about.gateway, day, *figures, now_ms, 0)
            for day, figures in after.items()
            if before.get(day) != figures
        ],
    )


def read_gaps(db: sqlite3.Connection, stream: str) -> list[Gap]:
    """The open gaps of a stream, in order."""
    rows = db.execute(
        "SELECT kind, first, last, since_ms, asks, next_ask_ms, told FROM ledger_gap WHERE stream = ?"
        " ORDER BY kind, first",
        [stream],
    )
    return [
        Gap(GapKind(kind), first, last, since_ms, asks, next_ask_ms, bool(told))
        for kind, first, last, since_ms, asks, next_ask_ms, told in rows
    ]


def write_gaps(db: sqlite3.Connection, stream: str, gaps: Iterable[tuple[Gap, str, int | None]]) -> None:
    """Put these gaps, each with its step and when it is due, in the place of all gaps of the stream."""
    db.execute("DELETE FROM ledger_gap WHERE stream = ?", [stream])
    db.executemany(
        "INSERT INTO ledger_gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                stream,
                gap.kind,
                gap.first,
                gap.last,
                gap.since_ms,
                gap.asks,
                gap.next_ask_ms,
                gap.told,
                step,
                due,
            )
            for gap, step, due in gaps
        ],
    )


def clean(db: sqlite3.Connection, stream: str, tail_day: int) -> None:
    """Everything heard of the stream so far is reckoned."""
    db.execute(
        "UPDATE ledger_stream SET dirty_from = NULL, tail_day = ? WHERE stream = ?", [tail_day, stream]
    )


def not_pointed(db: sqlite3.Connection, limit: int) -> Iterator[tuple[str, int, DayAccount]]:
    """Gateway, day and figures of all its streams together, where they changed since they were last stored."""
    changed = db.execute(
        "SELECT DISTINCT gateway, day FROM ledger_day WHERE pointed = 0 LIMIT ?", [limit]
    ).fetchall()
    for gateway, day in changed:
        row = db.execute(
            f"SELECT {SUMS} FROM ledger_day WHERE gateway = ? AND day = ?",  # noqa: S608 - constants
            [gateway, day],
        ).fetchone()
        yield gateway, day, DayAccount(*row)


def pointed(db: sqlite3.Connection, days: Iterable[tuple[str, int]]) -> None:
    """These are in the store."""
    db.executemany("UPDATE ledger_day SET pointed = 1 WHERE gateway = ? AND day = ?", days)


def totals(db: sqlite3.Connection) -> dict[str, DayAccount]:
    """Figures by gateway, over all its days and streams."""
    rows = db.execute(f"SELECT gateway, {SUMS} FROM ledger_day GROUP BY gateway")  # noqa: S608 - constants
    return {gateway: DayAccount(*numbers) for gateway, *numbers in rows}
