"""The policies in force: what holds for each grade and priority, and for every person."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.policy_file import PolicyFile
from cunmai_runtime.yamlfile import parse_document, read_document, validate
from cunmai_wire.events import Grade, Priority


@dataclass(frozen=True)
class Policies:
    """The policy of every grade and priority."""

    by_case: dict[tuple[Grade, Priority], Policy]
    version: str
    """`<name>/<version>`: what an escalation's history says it was asked by."""
    folding: Folding = field(default_factory=Folding)
    """When messages to one person become a summary."""

    def of(self, grade: Grade, priority: Priority) -> Policy:
        """What holds for an escalation of this grade and priority."""
        return self.by_case.get((grade, priority)) or self.by_case[Grade.RED, Priority.HIGH]

    @property
    def longest_wait_s(self) -> int:
        """No deadline is further ahead than this, unless the clock was set back."""
        return max(policy.longest_wait_s for policy in self.by_case.values())

    @property
    def named_contacts(self) -> set[str]:
        """Who is named as the last resort."""
        return {contact for policy in self.by_case.values() for contact in policy.last_resort}

    def after(self, before: Policies) -> Policies:
        """The same in the place of others: a deadline that those have set is not one of a clock set back."""
        known_s = before.longest_wait_s
        by_case = {case: replace(policy, known_wait_s=known_s) for case, policy in self.by_case.items()}
        return replace(self, by_case=by_case)


def one_policy(policy: Policy) -> Policies:
    """The same for everything: what rules.yaml says by itself."""
    cases = product((Grade.RED, Grade.YELLOW), Priority)
    return Policies(dict.fromkeys(cases, policy), "rules.yaml")


def load_policies(path: Path, last_resort: tuple[str, ...], utc_offset_minutes: int) -> Policies:
    """Read and check a policy file. Raises FileProblems."""
    file = validate(read_document(path), PolicyFile)
    return policies_of(file, last_resort, utc_offset_minutes)


def parse_policies(raw: bytes, name: str, last_resort: tuple[str, ...], utc_offset_minutes: int) -> Policies:
    """The same, of text that was read from `name`. Raises FileProblems."""
    return policies_of(validate(parse_document(raw, name), PolicyFile), last_resort, utc_offset_minutes)


def policies_of(file: PolicyFile, last_resort: tuple[str, ...], utc_offset_minutes: int) -> Policies:
    """What a checked file says. The first plan that fits holds."""
    by_case: dict[tuple[Grade, Priority], Policy] = {}
    for plan in file.plans:
        for case in plan.covers():
            by_case.setdefault(case, plan.policy(last_resort, utc_offset_minutes))
    return Policies(by_case, f"{file.policy}/{file.version}", file.folding)
