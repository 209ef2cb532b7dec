"""States that earlier versions of the program wrote, as this one keeps them. Pure.

Version 1 and 2 were a state alone, version 3 with checkpoints. All of them gave every rule a state of its
own. The first step under the rules in force puts the quiet ones together.
"""

from __future__ import annotations

from typing import Any

from cunmai_rules.thresholds.packed import unpack_rules
from cunmai_rules.thresholds.state import Phase, RuleState, SubjectState, Told


def from_rules(packed: dict[str, list[Any]], version: int) -> SubjectState:
    """From each rule's packed state."""
    if version == 1:
        return SubjectState(rules={rule: _from_1(*values) for rule, values in packed.items()})
    return SubjectState(rules=unpack_rules(packed))


def _from_1(
    phase: Phase, since_ms: int, evidence_ms: int, clearing_ms: int, told: Told, version: str, *_: Any
) -> RuleState:
    """Version 1 knew neither the rule's digest nor the grade: the rule counts as changed, alarms as red."""
    grade = {"raised": "red", "clear": "green"}.get(phase, "grey")
    return RuleState(
        phase,
        grade=grade,
        since_ms=since_ms,
        met_ms=evidence_ms,
        evidence_ms=evidence_ms,
        clearing_ms=clearing_ms,
        told=told,
        version=version,
    )
