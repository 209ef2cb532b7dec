"""Old lines of the audit into a file: what the database may let go is what a file on the disk holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.journal.database import Database
from cunmai_rules.registry import audit
from cunmai_runtime.errors import UserError
from cunmai_runtime.wholefile import sync_folder

LEAST_DAYS = 180
"""Logs of who looked are kept for six months at least."""
_AT_ONCE = 10_000
_COLUMNS = ("n", "t_ms", "who", "what", "kind", "id", "why")


@dataclass(frozen=True, slots=True)
class Archived:
    """`count` lines went; the file's `sha256` stands in the audit."""

    count: int
    sha256: str


def archive(db: Database, path: Path, who: str, now_ms: int, keep_days: int) -> Archived | None:
    """Write what is older than `keep_days` to a new file, then let it go; None where nothing is.

    Cut off before the end, some of it is in the database still, and in the next file again. Raises UserError.
    """
    before_ms = now_ms - max(keep_days, LEAST_DAYS) * 86_400_000
    last = _last_before(db, before_ms)
    if last is None:
        return None
    count, sha256 = _write(db, path, last)
    with db.transaction():
        db.execute("UPDATE registry_audit_archived SET n = ?", (last,))
        audit.note(
            db, [audit.Entry(now_ms, who, "archived", "audit", f"-{last}", f"{path.name} sha256:{sha256}")]
        )
    _let_go(db, last)
    return Archived(count, sha256)


def _let_go(db: Database, last: int) -> None:
    ((first,),) = db.execute("SELECT min(n) FROM registry_audit").fetchall()
    for up_to in range(first + _AT_ONCE - 1, last + _AT_ONCE, _AT_ONCE):
        with db.transaction():
            db.execute("DELETE FROM registry_audit WHERE n <= ?", (min(up_to, last),))


def _last_before(db: Database, before_ms: int) -> int | None:
    """The last line of those that are all older: one that a wrong clock wrote takes no newer one with it."""
    ((last,),) = db.execute(
        "SELECT max(n) FROM registry_audit WHERE n <"
        " coalesce((SELECT min(n) FROM registry_audit WHERE t_ms >= ?), (SELECT max(n) + 1 FROM registry_audit))",
        (before_ms,),
    ).fetchall()
    return None if last is None else int(last)


def _lines(db: Database, last: int) -> Iterator[bytes]:
    after = 0
    while True:
        rows = db.execute(
            "SELECT n, t_ms, who, what, kind, id, why FROM registry_audit WHERE n > ? AND n <= ? ORDER BY n LIMIT ?",
            (after, last, _AT_ONCE),
        ).fetchall()
        if not rows:
            return
        for row in rows:
            yield json.dumps(dict(zip(_COLUMNS, row, strict=True)), ensure_ascii=False).encode() + b"\n"
        after = rows[-1][0]


def _write(db: Database, path: Path, last: int) -> tuple[int, str]:
    digest, count, fresh = hashlib.sha256(), 0, path.with_name(f".{path.name}.new")
    if path.exists():
        raise UserError(f"{path} 已存在, 不覆盖 / {path} exists, and an archive is never written over")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for count, line in enumerate(_lines(db, last), 1):  # noqa: B007 - how many there were
                file.write(line)
                digest.update(line)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise UserError(
            f"{path} 写不进去({error.strerror}) / cannot write {path}: {error.strerror}"
        ) from None
    return count, digest.hexdigest()
