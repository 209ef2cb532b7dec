"""The journal of a service that may be running, for commands. It is not made where there is none."""

from __future__ import annotations

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.errors import Retryable, UserError


def existing_journal(settings: RulesSettings) -> Database:
    """Open it. Raises UserError."""
    if settings.database is None and not settings.journal_path.exists():
        raise UserError(
            f"没有 {settings.journal_path}, 先运行 cunmai rules run / no journal yet: run rules first"
        )
    try:
        return open_journal(settings.journal)
    except Retryable as error:
        raise UserError(f"数据库现在打不开, 请稍后再试 / the journal cannot be opened now: {error}") from None
