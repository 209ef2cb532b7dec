"""Lint of the policy file beside the registry: whom it names must be there."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.finding import Finding, View
from cunmai_rules.registry.levels import unheld_levels


def levels(db: Database, view: View) -> Iterator[Finding]:
    if view.policies is None:
        return
    for one in unheld_levels(db, view.policies, view.now_ms, view.today):
        yield Finding(
            "policy-level-unheld", "error", "policies", f"{view.policies.version} {one.key}", *one.sentence
        )


CHECKS = (levels,)
