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
        row = self._db.execute("SELECT id FROM event_stream").fetchone()
        if row:
            return str(row[0])
        stream = str(uuid.uuid4())
        self._db.execute("INSERT INTO event_stream VALUES (?)", (stream,))
        return stream

    def add(self, gateway: str, t_ms: int, type_: str, **fields: object) -> None:
        """Queue one event about something at `gateway`. Raises ValidationError where it breaks the contract."""
        insert = "INSERT INTO event (topic, body) VALUES (?, '') RETURNING seq"
        ((seq,),) = self._db.execute(insert, (events_topic(gateway),))
        present = {name: value for name, value in fields.items() if value is not None}
        event = {"seq": seq, "t": t_ms, "gateway": gateway, "type": type_, **present}
        checked = event_adapter.validate_json(json.dumps(event))
        body = checked.model_dump_json(exclude_none=True)
        self._db.execute("UPDATE event SET body = ? WHERE seq = ?", (body, seq))

    def pending(self, sent_before_ms: int, now_ms: int) -> list[PendingEvents]:
        """Events not sent since `sent_before_ms`, oldest first, by topic; at most one batch in all.

        One that seems to have been sent after `now_ms` was sent before the clock was set back.
        """
        rows = self._db.execute(
            "SELECT topic, seq, body FROM event WHERE sent_ms < ? OR sent_ms > ? ORDER BY seq LIMIT ?",
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
