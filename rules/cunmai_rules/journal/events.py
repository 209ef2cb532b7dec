"""Events waiting for ingest's receipt: a stream of their own, `(stream, seq)`, like a gateway's readings."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from cunmai_rules.journal.database import Database
from cunmai_wire.events import MAX_EVENTS, event_adapter
from cunmai_wire.ranges import Range
from cunmai_wire.topics import events_topic

BATCH_EVENTS = MAX_EVENTS // 2
_LOCK = "the numbers of events"


@dataclass(frozen=True, slots=True)
class PendingEvents:
    """Events of one topic, ready to go into one envelope."""

    topic: str
    seqs: tuple[int, ...]
    bodies: tuple[str, ...]


class Events:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def stream(self) -> str:
        """This journal's event stream, made with it."""
        query = "SELECT id FROM event_stream"
        row = self._db.execute(query).fetchone()
        if row:
            return str(row[0])
        self._db.lock((_LOCK,))
        row = self._db.execute(query).fetchone()
        if row:
            return str(row[0])
        stream = str(uuid.uuid4())
        self._db.execute(
            "INSERT INTO event_stream (id, last_seq) SELECT ?, coalesce(max(seq), 0) FROM event", (stream,)
        )
        return stream

    def add(self, gateway: str, t_ms: int, type_: str, **fields: object) -> None:
        """Queue one event about something at `gateway`. Raises ValidationError where it breaks the contract."""
        present = {name: value for name, value in fields.items() if value is not None}
        event = {"seq": 1, "t": t_ms, "gateway": gateway, "type": type_, **present}
        checked = event_adapter.validate_json(json.dumps(event))
        body = checked.model_dump_json(exclude_none=True, exclude={"seq"})
        self._db.execute("INSERT INTO event (topic, body) VALUES (?, ?)", (events_topic(gateway), body))

    def pending(self, sent_before_ms: int, now_ms: int) -> list[PendingEvents]:
        """Events not sent since `sent_before_ms`, oldest first, by topic; at most one batch in all.

        One that seems to have been sent after `now_ms` was sent before the clock was set back. Within a
        transaction: those that have no number yet get one.
        """
        self._number()
        rows = self._db.execute(
            "SELECT topic, seq, body FROM event WHERE seq IS NOT NULL AND (sent_ms < ? OR sent_ms > ?)"
            " ORDER BY seq LIMIT ?",
            (sent_before_ms, now_ms, BATCH_EVENTS),
        ).fetchall()
        topics = dict.fromkeys(row[0] for row in rows)
        return [
            PendingEvents(
                topic,
                tuple(row[1] for row in rows if row[0] == topic),
                tuple(row[2] for row in rows if row[0] == topic),
            )
            for topic in topics
        ]

    def _number(self) -> None:
        """Give the next numbers, without a gap, to what is committed and has none."""
        if self._db.execute("SELECT 1 FROM event WHERE seq IS NULL LIMIT 1").fetchone() is None:
            return
        self.stream()
        # Whoever else numbers waits here for our commit, and then finds other rows.
        self._db.lock((_LOCK,))
        new = self._db.execute(
            "SELECT n, body FROM event WHERE seq IS NULL ORDER BY n LIMIT ?", (BATCH_EVENTS,)
        ).fetchall()
        ((last,),) = self._db.execute(
            "UPDATE event_stream SET last_seq = last_seq + ? RETURNING last_seq", (len(new),)
        )
        self._db.executemany(
            "UPDATE event SET seq = ?, body = ? WHERE n = ?",
            [(seq, f'{{"seq":{seq},{body[1:]}', n) for seq, (n, body) in enumerate(new, last - len(new) + 1)],
        )

    def sent(self, events: PendingEvents, now_ms: int) -> None:
        self._db.executemany(
            "UPDATE event SET sent_ms = ? WHERE seq = ?", [(now_ms, seq) for seq in events.seqs]
        )

    def receipted(self, ranges: Sequence[Range]) -> None:
        """Ingest holds these: let them go."""
        self._db.executemany("DELETE FROM event WHERE seq BETWEEN ? AND ?", ranges)

    def waiting(self) -> int:
        ((count,),) = self._db.execute("SELECT count(*) FROM event")
        return int(count)
