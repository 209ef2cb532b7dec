"""A new stream in the same spool, because the numbers of the old one may have been given out before."""

from __future__ import annotations

import json
import sqlite3
import uuid

from cunmai_gateway.spool_tables import note_loss
from cunmai_wire.state import LossReason


def renew_stream(
    db: sqlite3.Connection, old: str, *, known_until_ms: int, known_up_to: int, now_ms: int
) -> str:
    """Begin a new stream, within a transaction; its id.

    Readings with seq <= known_up_to that were measured by `known_until_ms` keep their names: consumers that
    have them know them again. All others may bear a number that was given out before, and get a new one.
    That the old stream lost an unknown number is noted.
    """
    limits = {"old": old, "until": known_until_ms, "up_to": known_up_to}
    known = "t_ms <= :until AND seq <= :up_to"
    db.execute(
        f"INSERT OR IGNORE INTO salvaged SELECT :old, seq, t_ms, body, receipts FROM reading WHERE {known}",  # noqa: S608
        limits,
    )
    db.execute(f"DELETE FROM reading WHERE {known}", limits)  # noqa: S608
    rows = db.execute("SELECT seq, t_ms, kind, body FROM reading ORDER BY seq").fetchall()
    new = str(uuid.uuid4())
    db.execute("DELETE FROM reading")
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'reading'")
    numbers = {seq: place for place, (seq, _, _, _) in enumerate(rows, 1)}
    db.executemany(
        "INSERT INTO reading (t_ms, kind, body) VALUES (?, ?, ?)",
        [(t_ms, kind, _renamed(body, old, new, numbers)) for _, t_ms, kind, body in rows],
    )
    db.execute("UPDATE stream SET id = ?, created_ms = ?", (new, now_ms))
    db.execute("DELETE FROM day")
    note_loss(db, old, LossReason.DAMAGED, {now_ms: 0})
    return new


def _renamed(body: bytes, old: str, new: str, numbers: dict[int, int]) -> bytes:
    """A correction names the reading that it stands in for: by its new name, where that has one."""
    if b'"corrects":' not in body:
        return body
    fields = json.loads(body)
    corrects = fields["corrects"]
    if corrects["stream"] == old and corrects["seq"] in numbers:
        fields["corrects"] = corrects | {"stream": new, "seq": numbers[corrects["seq"]]}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
