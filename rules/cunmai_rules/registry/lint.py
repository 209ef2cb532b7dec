"""What is wrong with the registry as it stands: each finding with its code, what it is about, and what to do.

Findings name ids alone. Everything is asked of the database, so that two million residents are checked too.
"""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.journal.database import Database
from cunmai_rules.registry import lint_people, lint_places, lint_policies, lint_teams
from cunmai_rules.registry.finding import Finding, View

CHECKS = (*lint_places.CHECKS, *lint_people.CHECKS, *lint_teams.CHECKS, *lint_policies.CHECKS)


def findings(db: Database, view: View) -> Iterator[Finding]:
    """Every finding, those about places first; at most `view.most` of each sort."""
    for check in CHECKS:
        yield from check(db, view)
