"""States of subjects and profiles as plain values for JSON, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cunmai_rules.thresholds.state import (
    GroupState,
    Member,
    Profile,
    RuleState,
    SubjectState,
    profile_of,
)

DEFAULTS = RuleState()


def pack_state(state: SubjectState) -> list[Any]:
    """As plain values, without the profile and without the defaults that a rule's memory ends in."""
    groups = {
        key: [int(group.clear), group.evidence_ms, *([_pack_rules(group.apart)] if group.apart else [])]
        for key, group in state.groups.items()
    }
    return [groups, _pack_rules(state.rules)]


def _pack_rules(rules: Mapping[str, RuleState]) -> dict[str, list[Any]]:
    return {rule: _without_defaults(values) for rule, values in rules.items()}


def _without_defaults(state: RuleState) -> list[Any]:
    length = len(state)
    while length and state[length - 1] == DEFAULTS[length - 1]:
        length -= 1
    return list(state[:length])


def unpack_state(packed: list[Any], profile: Profile) -> SubjectState:
    """The reverse of `pack_state`."""
    groups, rules = packed
    return SubjectState(
        {key: _unpack_group(*values) for key, values in groups.items()}, unpack_rules(rules), profile
    )


def _unpack_group(clear: int, evidence_ms: int, apart: dict[str, list[Any]] | None = None) -> GroupState:
    return GroupState(bool(clear), evidence_ms, unpack_rules(apart) if apart else {})


def unpack_rules(packed: dict[str, list[Any]]) -> dict[str, RuleState]:
    """Rules' own states."""
    return {rule: _rule_state(*values) for rule, values in packed.items()}


def _rule_state(*values: Any) -> RuleState:
    state = RuleState(*values)
    if state.memory is None:
        return state
    memory = {key: tuple((t_ms, value) for t_ms, value in those) for key, those in state.memory.items()}
    return state._replace(memory=memory)


def pack_profile(profile: Profile) -> str:
    """As JSON."""
    return json.dumps(profile.groups, separators=(",", ":"))


def unpack_profile(text: str) -> Profile:
    """The reverse."""
    return profile_of({key: tuple(Member(*one) for one in those) for key, those in json.loads(text).items()})
