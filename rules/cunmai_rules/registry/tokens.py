"""Tokens of the registry's API: made once, shown once, kept as digests, each with its scope, rights and purposes.

A token is `cunmaireg_<id>_<secret>`. The secret has 256 bits of chance, so one plain digest is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.scope import Scope
from cunmai_runtime.errors import UserError

_PREFIX = "cunmaireg"
_NOBODY = hashlib.sha256(b"no such token").hexdigest()


class Right(StrEnum):
    """What a token may do, within its scope."""

    READ = "read"
    """Records without names and numbers."""
    NAMES = "names"
    """Names and numbers too, for a purpose of the token's."""
    SIGN = "sign"
    HANDOVER = "handover"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: str
    name: str
    scope: Scope
    rights: frozenset[Right]
    purposes: frozenset[Purpose]
    made_ms: int
    expires_ms: int | None
    revoked_ms: int | None

    @property
    def who(self) -> str:
        """For the audit."""
        return f"token:{self.id} {self.name}"

    def live(self, now_ms: int) -> bool:
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)


class Tokens:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def make(
        self, name: str, scope: Scope, rights: Iterable[Right], purposes: Iterable[Purpose],
        now_ms: int, expires_ms: int | None = None,
    ) -> str:  # fmt: skip
        """A new token; the only time that its secret is known."""
        id_, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        self._db.execute(
            "INSERT INTO registry_token (id, name, digest, sites, teams, rights, purposes, made_ms, expires_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                id_, name, _digest(secret), json.dumps(scope.sites), json.dumps(scope.teams),
                json.dumps(sorted(set(rights))), json.dumps(sorted(set(purposes))), now_ms, expires_ms,
            ],
        )  # fmt: skip
        return f"{_PREFIX}_{id_}_{secret}"

    def all(self) -> list[Token]:
        rows = self._db.execute(f"{_SELECT} ORDER BY made_ms, id LIMIT 10000")
        return [_token(row[1:]) for row in rows]

    def revoke(self, id_: str, now_ms: int) -> None:
        """From now on it opens nothing. Raises UserError where there is no such token."""
        changed = self._db.execute(
            "UPDATE registry_token SET revoked_ms = coalesce(revoked_ms, ?) WHERE id = ?", [now_ms, id_]
        ).rowcount
        if not changed:
            raise UserError(
                f"没有编号为 {id_} 的令牌 / there is no token {id_}: see `cunmai registry token list`"
            )

    def admit(self, presented: str, now_ms: int) -> Token | None:
        """The token that was presented, where it is ours and live."""
        prefix, _, rest = presented.partition("_")
        id_, _, secret = rest.partition("_")
        row = None
        if id_.isascii() and id_.isalnum():
            row = self._db.execute(f"{_SELECT} WHERE id = ?", [id_]).fetchone()
        matches = hmac.compare_digest(str(row[0]) if row else _NOBODY, _digest(secret))
        if row is None or not matches or prefix != _PREFIX:
            return None
        token = _token(row[1:])
        return token if token.live(now_ms) else None


_SELECT = "SELECT digest, id, name, sites, teams, rights, purposes, made_ms, expires_ms, revoked_ms FROM registry_token"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _token(row: Sequence[object]) -> Token:
    id_, name, sites, teams, rights, purposes, made_ms, expires_ms, revoked_ms = row
    return Token(
        str(id_), str(name), Scope(tuple(json.loads(str(sites))), tuple(json.loads(str(teams)))),
        frozenset(map(Right, json.loads(str(rights)))), frozenset(map(Purpose, json.loads(str(purposes)))),
        int(str(made_ms)),
        None if expires_ms is None else int(str(expires_ms)),
        None if revoked_ms is None else int(str(revoked_ms)),
    )  # fmt: skip
