"""Tokens of the read API: made once, shown once, kept as digests; and the record of who looked at whom.

A token is `cunmai_<id>_<secret>`. The secret has 256 bits of chance, so one plain digest is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cunmai_ingest.query.sites import Sites
from cunmai_ingest.sqlitefile import open_file
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.hold import disk_faults
from cunmai_runtime.sqlite import transaction

KEEP_LOOKS_MS = 3 * 366 * 86_400_000
"""Three years."""

_PREFIX = "cunmai"
_NOBODY = hashlib.sha256(b"no such token").digest()

_MIGRATIONS = (
    """
    CREATE TABLE token (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        digest BLOB NOT NULL,
        sites TEXT NOT NULL,
        rights TEXT NOT NULL,
        made_ms INTEGER NOT NULL,
        expires_ms INTEGER,
        revoked_ms INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE look (
        id INTEGER PRIMARY KEY,
        t_ms INTEGER NOT NULL,
        token TEXT NOT NULL,
        name TEXT NOT NULL,
        resident TEXT NOT NULL,
        what TEXT NOT NULL
    );
    CREATE INDEX look_by_resident ON look (resident, t_ms);
    CREATE INDEX look_by_time ON look (t_ms);
    """,
)


class Right(StrEnum):
    """What a token may see, at its sites."""

    RESIDENTS = "residents"
    LEDGER = "ledger"
    """Counts, gateways and devices: nobody's measurements."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: str
    name: str
    sites: Sites
    rights: frozenset[Right]
    made_ms: int
    expires_ms: int | None
    revoked_ms: int | None

    def live(self, now_ms: int) -> bool:
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)


@dataclass(frozen=True, slots=True)
class Look:
    """Someone looked at a resident: who, when, at what kind of thing. Never what they saw."""

    t_ms: int
    token: str
    name: str
    resident: str
    what: str


class Tokens:
    """The file of tokens and looks. Any thread may use it: each call opens it anew."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Raises UserError where it cannot be opened, Retryable where it is busy or the disk is full."""
        with (
            disk_faults("the tokens' file"),
            closing(open_file("the tokens' file", self._path, _MIGRATIONS)) as db,
        ):
            yield db

    # -- tokens -----------------------------------------------------------------------------------------

    def make(self, name: str, sites: Sites, rights: Sequence[Right], expires_ms: int | None = None) -> str:
        """A new token; the only time that its secret is known."""
        id_, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        row = (id_, name, _digest(secret), json.dumps(sites.patterns), json.dumps(sorted(set(rights))),
               self._clock(), expires_ms)  # fmt: skip
        with self._opened() as db, transaction(db):
            db.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
        return f"{_PREFIX}_{id_}_{secret}"

    def all(self) -> list[Token]:
        with self._opened() as db:
            rows = db.execute("SELECT * FROM token ORDER BY made_ms, id").fetchall()
        return [_token(row) for row in rows]

    def revoke(self, id_: str) -> None:
        """From now on it opens nothing. Raises UserError where there is no such token."""
        with self._opened() as db, transaction(db):
            changed = db.execute(
                "UPDATE token SET revoked_ms = coalesce(revoked_ms, ?) WHERE id = ?", [self._clock(), id_]
            ).rowcount
        if not changed:
            raise UserError(
                f"没有编号为 {id_} 的令牌 / there is no token {id_}: see `cunmai ingest token list`"
            )

    def admit(self, presented: str) -> Token | None:
        """The token that was presented, where it is ours and live."""
        prefix, _, rest = presented.partition("_")
        id_, _, secret = rest.partition("_")
        with self._opened() as db:
            row = db.execute("SELECT * FROM token WHERE id = ?", [id_]).fetchone() if id_.isascii() else None
        kept = bytes(row[2]) if row else _NOBODY
        matches = hmac.compare_digest(kept, _digest(secret))
        if row is None or not matches or prefix != _PREFIX:
            return None
        token = _token(row)
        return token if token.live(self._clock()) else None

    # -- looks ------------------------------------------------------------------------------------------

    def note(self, token: Token, residents: Sequence[str], what: str) -> None:
        """Write down that these residents are looked at, before anything of them is shown."""
        now_ms = self._clock()
        try:
            with self._opened() as db, transaction(db):
                db.execute("DELETE FROM look WHERE t_ms < ?", [now_ms - KEEP_LOOKS_MS])
                db.executemany(
                    "INSERT INTO look (t_ms, token, name, resident, what) VALUES (?, ?, ?, ?, ?)",
                    [(now_ms, token.id, token.name, resident, what) for resident in residents],
                )
        except UserError as error:
            raise Retryable(str(error)) from error

    def looks(self, resident: str | None = None, limit: int = 1000) -> list[Look]:
        """The newest first."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT t_ms, token, name, resident, what FROM look WHERE ?1 IS NULL OR resident = ?1"
                " ORDER BY t_ms DESC, id DESC LIMIT ?2",
                [resident, limit],
            ).fetchall()
        return [Look(*row) for row in rows]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def _token(row: Sequence[object]) -> Token:
    id_, name, _, sites, rights, made_ms, expires_ms, revoked_ms = row
    return Token(
        id=str(id_),
        name=str(name),
        sites=Sites(tuple(json.loads(str(sites)))),
        rights=frozenset(map(Right, json.loads(str(rights)))),
        made_ms=int(str(made_ms)),
        expires_ms=None if expires_ms is None else int(str(expires_ms)),
        revoked_ms=None if revoked_ms is None else int(str(revoked_ms)),
    )
