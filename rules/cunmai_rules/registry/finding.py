"""A finding of the registry's lint, and what the checks have to know besides the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cunmai_rules.escalation.policies import Policies
from cunmai_rules.journal.database import Database
from cunmai_rules.moments import CHINA_MINUTES, day_of, local_time

Weight = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: somebody may not be asked, or be judged wrongly. `warning`: somebody should look."""

    code: str
    weight: Weight
    kind: str
    id: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class View:
    """`rules`: the ids of the rules in force; `contacts`: the contact ids of rules.yaml; empty: not known."""

    now_ms: int
    utc_offset_minutes: int = CHINA_MINUTES
    most: int = 1000
    roster_days: int = 14
    rules: frozenset[str] = field(default_factory=frozenset)
    contacts: frozenset[str] = field(default_factory=frozenset)
    policies: Policies | None = None
    """Those of the policy file that rules.yaml names."""
    takes_limits: Callable[[str, float, float], bool] | None = None
    """Whether a rule can go by these limits of a resident's own: where it raises, and where it clears."""

    @property
    def today(self) -> str:
        return day_of(self.now_ms, self.utc_offset_minutes)

    @property
    def month(self) -> str:
        return self.today[:7]

    def local(self, t_ms: int) -> str:
        """Local time, to the minute."""
        return f"{local_time(t_ms, self.utc_offset_minutes):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of finding: what every finding of it says. `{0}` is the id, `{1}` … what else the query gave."""

    code: str
    weight: Weight
    kind: str
    zh: str
    en: str

    def about(self, *values: object) -> Finding:
        return Finding(
            self.code,
            self.weight,
            self.kind,
            str(values[0]),
            self.zh.format(*values),
            self.en.format(*values),
        )

    def ask(self, db: Database, sql: str, values: Sequence[object], view: View) -> Iterator[Finding]:
        """One finding for each row, whose first column is the id."""
        for row in db.execute(f"{sql} LIMIT ?", [*values, view.most]):
            yield self.about(*row)
