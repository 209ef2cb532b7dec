"""The journal in PostgreSQL (13 or newer), for more than one machine.

- READ COMMITTED, and a transaction begins with advisory locks on the subjects and streams that it is about:
  every later statement of it sees what the holder before has committed.
- The locks live in the same session as the transaction. A worker that has lost its session can commit
  nothing of what it began under them.
- A session that hangs (a stopped machine, a cut cable) is ended by the server, so that others can go on.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cunmai_rules.journal.database import (
    WHOLE,
    Parameters,
    PostgresAt,
    Rows,
    SessionLost,
    Share,
    StatementRefused,
)
from cunmai_rules.journal.dialect import to_postgres
from cunmai_rules.journal.migrations import POSTGRES
from cunmai_runtime.errors import Retryable, UserError

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.pq import TransactionStatus
    from psycopg.types.numeric import Int8Dumper
except ImportError as missing:
    raise UserError(
        "使用 PostgreSQL 需要先安装: pip install 'cunmai[postgres]' / "
        "PostgreSQL needs an extra: pip install 'cunmai[postgres]'"
    ) from missing

CONNECT_TIMEOUT_S = 5
_OLDEST_SERVER = 130000
_SESSION = """
    SET lock_timeout = '10s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '30s';
    SET tcp_keepalives_idle = 5;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
"""
"""A commit that returned is on the disk, whatever the server's default is."""
_LATER = ("40", "53", "55", "57", "58", "25006")
"""SQLSTATEs that may pass: conflicts, resources, locks, an operator's hand, the disk, read-only."""
_TO_BE_MENDED = ("42501", "XX001", "XX002", "3D000", "3F000")


class PostgresDatabase:
    """`Database` over one session."""

    def __init__(self, at: PostgresAt, share: Share = WHOLE) -> None:
        """Connect, and bring the tables to the newest version. Raises UserError, Retryable."""
        self.share = share
        self._connection = _connect(at)
        self._locked: set[int] = set()
        self._schema = ""
        self._parts: list[bool] = []
        """Savepoints that we are in, the innermost last: whether the server knows of it."""
        try:
            with _mapped(self._connection):
                self._connection.execute(_SESSION)
                self._migrate()
                ((self._schema,),) = self.execute("SELECT coalesce(current_schema(), '')")
        except BaseException as error:
            self._connection.close()
            if isinstance(error, SessionLost):
                raise Retryable(str(error)) from error
            raise

    # -- statements -------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Parameters = (), /) -> Rows:
        try:
            self._begin_parts()
            cursor = self._connection.execute(to_postgres(sql), parameters)
            return Rows(cursor.fetchall() if cursor.description else [], cursor.rowcount)
        except psycopg.Error as error:
            raise _own(error, self._connection) from error

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> None:
        rows = list(rows)
        if not rows:
            return
        try:
            self._begin_parts()
            self._connection.cursor().executemany(to_postgres(sql), rows)
        except psycopg.Error as error:
            raise _own(error, self._connection) from error

    # -- transactions -----------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _mapped(self._connection):
            self._connection.execute("BEGIN")
            try:
                yield
                done = self._connection.execute("COMMIT")
                if done.statusmessage != "COMMIT":
                    # A statement had failed and was passed over: the server takes nothing of it.
                    raise StatementRefused("the transaction had failed, and nothing of it was committed")
            except BaseException:
                self._undo("ROLLBACK")
                raise
            finally:
                self._locked.clear()
                self._parts.clear()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        before = set(self._locked)
        self._parts.append(False)
        with _mapped(self._connection):
            try:
                yield
                if self._parts[-1]:
                    self._connection.execute("RELEASE part")
            except BaseException:
                self._locked = before  # locks taken since are gone with it
                if self._parts and self._parts[-1]:
                    self._undo("ROLLBACK TO part")
                    self._undo("RELEASE part")
                raise
            finally:
                if self._parts:
                    self._parts.pop()

    def _begin_parts(self) -> None:
        """Most parts ask nothing of the server: it is told of one only before its first statement."""
        for number, known in enumerate(self._parts):
            if not known:
                self._connection.execute("SAVEPOINT part")
                self._parts[number] = True

    def _undo(self, statement: str) -> None:
        if self._connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            with suppress(psycopg.Error):  # the server undoes it by itself where the session is over
                self._connection.execute(statement)

    # -- locks ------------------------------------------------------------------------------------------

    def lock(self, names: Iterable[str], /) -> None:
        wanted = sorted({_number(name) for name in names} - self._locked)
        if wanted:
            self.execute("SELECT pg_advisory_xact_lock(one) FROM unnest(?::bigint[]) AS one", (wanted,))
            self._locked.update(wanted)

    def lock_free(self, names: Sequence[str], /) -> list[str]:
        by_number = {_number(name): name for name in names}
        rows = self.execute(
            "SELECT one FROM unnest(?::bigint[]) AS one WHERE pg_try_advisory_xact_lock(one)",
            (sorted(by_number),),
        )
        free = [number for (number,) in rows]
        self._locked.update(free)
        return [by_number[number] for number in free]

    def take_role(self, role: str, slot: int, /) -> bool:
        ((taken,),) = self.execute("SELECT pg_try_advisory_lock(?::int, ?::int)", (self._role(role), slot))
        return bool(taken)

    def leave_role(self, role: str, slot: int, /) -> None:
        self.execute("SELECT pg_advisory_unlock(?::int, ?::int)", (self._role(role), slot))

    def be_counted(self, role: str, /) -> None:
        self.execute("SELECT pg_advisory_lock_shared(?::int, -1)", (self._role(role),))

    def counted(self, role: str, /) -> int:
        ((count,),) = self.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = ?::bigint::oid"
            " AND objid = 4294967295::oid AND objsubid = 2 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (self._role(role) % (1 << 32),),
        )
        return int(count)

    def _role(self, role: str) -> int:
        """Two journals in two schemas of one database do not meet."""
        return zlib.crc32(f"{self._schema}/{role}".encode()) - (1 << 31)

    # -- within -----------------------------------------------------------------------------------------

    def _migrate(self) -> None:
        if self._version() == len(POSTGRES):
            return
        with self.transaction():
            self.lock(["the journal's tables"])
            self.execute("CREATE TABLE IF NOT EXISTS journal_version (version BIGINT NOT NULL)")
            version = self._version()
            if version > len(POSTGRES):
                raise UserError(
                    f"规则数据库的结构版本是 {version}, 本程序只认到 {len(POSTGRES)}: 请运行写它的版本或更新的版本 / "
                    f"the rules' database has schema version {version}, this program knows {len(POSTGRES)}: "
                    "run the version of Cunmai that wrote it, or a newer one"
                )
            for script in POSTGRES[version:]:
                self._connection.execute(script)
            self.execute("DELETE FROM journal_version")
            self.execute("INSERT INTO journal_version VALUES (?)", (len(POSTGRES),))

    def _version(self) -> int:
        exists = self.execute("SELECT to_regclass('journal_version') IS NOT NULL").fetchone()
        row = self.execute("SELECT version FROM journal_version").fetchone() if exists == (True,) else None
        return int(row[0]) if row else 0

    def close(self) -> None:
        self._connection.close()


def _connect(at: PostgresAt) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        given = conninfo_to_dict(at.dsn)
    except psycopg.Error:
        # What it says may hold the password.
        raise UserError(
            "database 不是可用的 PostgreSQL 地址, 例如 postgresql://cunmai@db.county.example/cunmai / "
            "`database` is not an address of PostgreSQL, such as postgresql://cunmai@db.county.example/cunmai"
        ) from None
    settings: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "cunmai rules",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
    }
    try:
        connection = psycopg.connect(**{**settings, **given}, autocommit=True)
    except psycopg.Error as error:
        raise Retryable(f"PostgreSQL: {_first_line(error)}") from None
    if connection.info.server_version < _OLDEST_SERVER:
        connection.close()
        raise UserError("需要 PostgreSQL 13 或更新版本 / PostgreSQL 13 or newer is needed")
    connection.adapters.register_dumper(int, Int8Dumper)  # one prepared statement, whatever the number
    return connection


@contextmanager
def _mapped(connection: psycopg.Connection[Any]) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise _own(error, connection) from error


def _own(error: psycopg.Error, connection: psycopg.Connection[Any]) -> Exception:
    """Only the first line of what the server says: the details quote rows."""
    text, state = f"PostgreSQL: {_first_line(error)}", error.sqlstate or ""
    if connection.closed or connection.broken:
        return SessionLost(text)
    if state in _TO_BE_MENDED:
        return UserError(f"数据库需要处理 / somebody has to mend the database: {text}")
    if state.startswith(_LATER):
        return Retryable(text)
    return StatementRefused(text)


def _first_line(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error)
    return said.strip().splitlines()[0] if said.strip() else type(error).__name__


def _number(name: str) -> int:
    """Of a lock: 64 bits, so that two names hardly ever share one. Where they do, one waits."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
