"""The rules in force, as the step reads them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from cunmai_rules.thresholds.pack import Rule


@dataclass(frozen=True, slots=True)
class VersionedRule:
    """A rule, and the exact file that it came from."""

    rule: Rule
    version: str
    """`<version of the pack>-<first 8 hex digits of the file's SHA-256>`: what every SMS carries."""
    field: str
    """The value that it reads, a field of its kind."""
    digest: str
    """Of what the rule does: a new title, source or comment leaves it as it was."""


@dataclass(frozen=True)
class RuleSet:
    """All rules in force, indexed by the kind of reading that they read."""

    by_kind: dict[str, tuple[VersionedRule, ...]] = field(default_factory=dict)
    by_id: dict[str, VersionedRule] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """Pack to version."""
