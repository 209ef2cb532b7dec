"""The quarantine: bad input kept whole, with its reason, bounded. Tables of the book."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from cunmai_ingest.messages import Message
from cunmai_ingest.settings import QuarantineSettings
from cunmai_ingest.settle import Settled
from cunmai_wire.parsing import Refused

# A message is kept once, however many of its readings were refused and however often it came. A refusal's
# `key` is its (stream, seq) where it has one, else the message's digest: a reading that a gateway sends
# again in another envelope is counted again, not kept again.
TABLES = """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest BLOB NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        payload BLOB NOT NULL,
        bytes INTEGER NOT NULL
    );
    CREATE TABLE refusals (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        sender TEXT,
        stream TEXT,
        seq INTEGER,
        first_ms INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        times INTEGER NOT NULL
    );
    CREATE INDEX refusals_by_message ON refusals (message);
"""

SIZE = """
    CREATE TABLE quarantine_size (messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
    INSERT INTO quarantine_size SELECT count(*), coalesce(sum(bytes), 0) FROM messages;
    CREATE TRIGGER message_kept AFTER INSERT ON messages BEGIN
        UPDATE quarantine_size SET messages = messages + 1, bytes = bytes + new.bytes;
    END;
    CREATE TRIGGER message_dropped AFTER DELETE ON messages BEGIN
        UPDATE quarantine_size SET messages = messages - 1, bytes = bytes - old.bytes;
    END;
"""

_COLUMNS = "r.id, r.reason, r.detail, r.sender, r.stream, r.seq, m.topic, r.first_ms, r.last_ms, r.times"


@dataclass(frozen=True, slots=True)
class Entry:
    """One refusal in the quarantine. `sender`, `stream` and `seq` are None where they could not be read."""

    id: int
    reason: str
    detail: str
    sender: str | None
    stream: str | None
    seq: int | None
    topic: str
    first_ms: int
    """When it first arrived."""
    last_ms: int
    times: int
    """How often it came."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What setting messages aside changed."""

    added: dict[str, int]
    """New refusals, by reason."""
    dropped: int
    """Older refusals that had to go to stay within bounds."""
    share: float
    """How full it is, 0 to 1, by the bound that is nearer."""


def keep(
    db: sqlite3.Connection,
    refusals: Sequence[tuple[Message, Sequence[Refused]]],
    bounds: QuarantineSettings,
) -> Kept:
    """Set refusals aside, each with its whole message. Within a transaction."""
    added: dict[str, int] = {}
    for message, refused in refusals:
        for refusal in refused:
            if _keep_one(db, message, refusal):
                added[refusal.reason] = added.get(refusal.reason, 0) + 1
    dropped = _drop_oldest(db, bounds) if added else 0
    messages, size = _size(db)
    return Kept(added, dropped, max(messages / bounds.max_messages, size / bounds.max_bytes))


def _keep_one(db: sqlite3.Connection, message: Message, refusal: Refused) -> bool:
    digest = hashlib.sha256(message.topic.encode() + b"\0" + message.payload).digest()
    origin = message.origin
    known = origin is not None and refusal.seq is not None
    key = f"{origin.stream}/{refusal.seq}" if origin and known else f"{digest.hex()}/{refusal.detail}"
    again = db.execute(
        "UPDATE refusals SET times = times + 1, last_ms = ? WHERE key = ?", [message.arrived_ms, key]
    )
    if again.rowcount:
        return False
    db.execute(
        "INSERT OR IGNORE INTO messages (digest, topic, payload, bytes) VALUES (?, ?, ?, ?)",
        [digest, message.topic, message.payload, len(message.payload)],
    )
    db.execute(
        "INSERT INTO refusals (key, message, reason, detail, sender, stream, seq, first_ms, last_ms, times)"
        " VALUES (?, (SELECT id FROM messages WHERE digest = ?), ?, ?, ?, ?, ?, ?, ?, 1)",
        [
            key,
            digest,
            refusal.reason,
            refusal.detail,
            origin.sender if origin else None,
            origin.stream if origin else None,
            refusal.seq,
            message.arrived_ms,
            message.arrived_ms,
        ],
    )
    return True


def _size(db: sqlite3.Connection) -> tuple[int, int]:
    """Messages and bytes. Kept by triggers in one row: counting them all at every commit would be slow."""
    messages, size = db.execute("SELECT messages, bytes FROM quarantine_size").fetchone()
    return messages, size


def _drop_oldest(db: sqlite3.Connection, bounds: QuarantineSettings) -> int:
    """Delete the oldest messages until both bounds hold; how many refusals went with them."""
    messages, size = _size(db)
    dropped = 0
    while messages > bounds.max_messages or size > bounds.max_bytes:
        oldest, oldest_bytes = db.execute("SELECT id, bytes FROM messages ORDER BY id LIMIT 1").fetchone()
        dropped += db.execute("DELETE FROM refusals WHERE message = ?", [oldest]).rowcount
        db.execute("DELETE FROM messages WHERE id = ?", [oldest])
        messages, size = messages - 1, size - oldest_bytes
    return dropped


def entries(db: sqlite3.Connection, limit: int) -> list[Entry]:
    """The newest refusals, newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM refusals r JOIN messages m ON m.id = r.message"  # noqa: S608 - constant
        " ORDER BY r.id DESC LIMIT ?",
        [limit],
    )
    return [Entry(*row) for row in rows]


def find(db: sqlite3.Connection, entry_id: int) -> tuple[Entry, bytes] | None:
    """One refusal and its whole message, or None."""
    row = db.execute(
        f"SELECT {_COLUMNS}, m.payload FROM refusals r JOIN messages m ON m.id = r.message"  # noqa: S608 - constant
        " WHERE r.id = ?",
        [entry_id],
    ).fetchone()
    return (Entry(*row[:-1]), row[-1]) if row else None


@dataclass(frozen=True, slots=True)
class Whole:
    """One message in the quarantine, as it arrived."""

    id: int
    topic: str
    payload: bytes
    arrived_ms: int
    """When it first arrived."""


def messages(
    db: sqlite3.Connection, *, entry_ids: Sequence[int] = (), reason: str | None = None
) -> list[int]:
    """Ids of the messages behind these entries, behind this reason, or of all; oldest first."""
    where, values = "", []
    if entry_ids:
        where, values = f"WHERE id IN ({','.join('?' * len(entry_ids))})", list(map(str, entry_ids))
    elif reason is not None:
        where, values = "WHERE reason = ?", [reason]
    rows = db.execute(f"SELECT DISTINCT message FROM refusals {where} ORDER BY message", values)  # noqa: S608
    return [row[0] for row in rows]


def whole(db: sqlite3.Connection, message_id: int) -> Whole | None:
    """One message, or None where it has gone meanwhile."""
    row = db.execute(
        "SELECT m.id, m.topic, m.payload, min(r.first_ms) FROM messages m JOIN refusals r ON r.message = m.id"
        " WHERE m.id = ? GROUP BY m.id",
        [message_id],
    ).fetchone()
    return Whole(*row) if row else None


def settle_replayed(db: sqlite3.Connection, message_id: int, settled: Settled) -> int:
    """Let go of what is stored now, and say of the rest why it is not. Within a transaction.

    Returns how many refusals of the message are left.
    """
    for seq in settled.stored:
        db.execute("DELETE FROM refusals WHERE message = ? AND seq = ?", [message_id, seq])
    for refusal in settled.refused:
        db.execute(
            "UPDATE refusals SET reason = ?, detail = ? WHERE message = ? AND seq IS ?",
            [refusal.reason, refusal.detail, message_id, refusal.seq],
        )
    if not settled.message.waiting and not any(refusal.seq is None for refusal in settled.refused):
        db.execute("DELETE FROM refusals WHERE message = ? AND seq IS NULL", [message_id])
    (left,) = db.execute("SELECT count(*) FROM refusals WHERE message = ?", [message_id]).fetchone()
    if not left:
        db.execute("DELETE FROM messages WHERE id = ?", [message_id])
    return int(left)
