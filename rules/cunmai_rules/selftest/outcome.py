"""How the newest self-test ended, in the journal: any process can tell, and a restart forgets nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cunmai_rules.journal.agreed import agree, exchange, said
from cunmai_rules.journal.database import Database

_NAME = "self-test"
_DUE = "self-test due"
_SINCE = "self-test since"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`passed_ms`: when one last passed, if ever. `failed`: how far the newest came, where it did not pass."""

    passed_ms: int | None = None
    failed: str | None = None


def newest_outcome(db: Database) -> Outcome | None:
    """None where none has ended yet."""
    text = said(db, _NAME)
    return None if text is None else Outcome(**json.loads(text))


def record_outcome(db: Database, failed: str | None, now_ms: int) -> None:
    """One has ended."""
    before = newest_outcome(db) or Outcome()
    after = Outcome(now_ms) if failed is None else Outcome(before.passed_ms, failed)
    exchange(db, _NAME, json.dumps(asdict(after)))


def plan(db: Database, due_ms: int) -> None:
    """When the next one begins."""
    exchange(db, _DUE, str(due_ms))


def planned_ms(db: Database) -> int | None:
    """When the next one begins; None where no process has said so yet."""
    text = said(db, _DUE)
    return None if text is None else int(text)


def set_up(db: Database, now_ms: int) -> None:
    """There is to be one from now on, where there was to be none before."""
    agree(db, _SINCE, str(now_ms))


def set_up_ms(db: Database) -> int | None:
    """Since when there is to be one."""
    text = said(db, _SINCE)
    return None if text is None else int(text)
