"""Which of the two databases a journal is in, decided in one place."""

from __future__ import annotations

from cunmai_rules.journal.database import WHOLE, Database, JournalAt, PostgresAt, Share
from cunmai_rules.journal.sqlite import SqliteDatabase


def open_journal(at: JournalAt, share: Share = WHOLE) -> Database:
    """Open or create the journal. Raises UserError, Retryable."""
    if isinstance(at, PostgresAt):
        from cunmai_rules.journal.postgres import PostgresDatabase  # noqa: PLC0415 - an extra of its own

        return PostgresDatabase(at, share)
    return SqliteDatabase(at)
