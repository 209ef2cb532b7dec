"""What a service with these settings knows of a subject, and whom it would ask, for tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.moments import read_moment
from cunmai_rules.registry.directory import Directory
from cunmai_rules.registry.facts import RegistryFacts
from cunmai_rules.settings import RulesSettings
from cunmai_rules.subjects import FactsOf, facts_of_sites
from cunmai_rules.thresholds.applies import NOTHING_KNOWN
from cunmai_runtime.errors import UserError

TeamOf = Callable[[Subject], str]


@dataclass(frozen=True)
class Known:
    """As things are now: the registry keeps no past."""

    facts_of: FactsOf
    team_of: TeamOf
    """The contacts, nearest first; the gateway where there is no configuration."""
    journal: Database | None


@contextmanager
def known(settings: RulesSettings | None, now_ms: int) -> Iterator[Known]:
    """By the registry where there is a journal, by rules.yaml where there is none yet. Raises UserError."""
    if settings is None:
        yield Known(lambda _: NOTHING_KNOWN, lambda subject: subject.gateway, None)
    elif settings.database is None and not settings.journal_path.exists():
        yield Known(
            facts_of_sites(settings), lambda subject: _listed(settings.contacts_of(subject.gateway)), None
        )
    else:
        with closing(existing_journal(settings)) as db:
            directory = Directory(db, settings)
            yield Known(
                RegistryFacts(db, settings, lambda: now_ms),
                lambda subject: _listed(directory.contacts(subject.resident, subject.gateway, now_ms)),
                db,
            )


def _listed(contacts: tuple[str, ...]) -> str:
    return " > ".join(contacts)


def moment_of(text: str, utc_offset_minutes: int) -> int:
    """Raises UserError where the text is no moment."""
    t_ms = read_moment(text, utc_offset_minutes)
    if t_ms is None:
        raise UserError(
            f"时间 {text!r} 读不懂, 例如 2026-11-01 或 2026-11-01T08:00 / "
            f"cannot read the time {text!r}: for example 2026-11-01 or 2026-11-01T08:00"
        )
    return t_ms
