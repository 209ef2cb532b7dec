"""What the rules remember of one subject. Plain values that survive JSON unchanged, with a version."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

STATE_VERSION = 2

Phase = Literal["unknown", "clear", "pending", "raised"]
Told = Literal["nobody", "review", "page"]


Memory = dict[str, tuple[tuple[int, float | str | bool], ...]]
"""By `kind.field`: when measured and the value, oldest first."""


class RuleState(NamedTuple):
    """One rule's memory of one subject. Times are milliseconds; 0 means never.

    phase: unknown - no evidence yet, or none for too long; clear; pending - the condition was met, not yet
    for long enough; raised.
    """

    phase: Phase = "unknown"
    held: bool = False
    """An earlier alarm that no reading has cleared: its grade stays, and it can be raised anew."""
    grade: str = "grey"
    """The grade last told."""
    since_ms: int = 0
    """pending: the spell's first reading. raised: the reading that raised it."""
    stream: str = ""
    """pending: of the spell's first reading."""
    seq: int = 0
    met_ms: int = 0
    """pending: the last reading that met the limit."""
    evidence_ms: int = 0
    """The last reading that counted."""
    clearing_ms: int = 0
    """raised or held: since when the clearing condition has held."""
    told: Told = "nobody"
    """raised: what was asked of people; a review becomes a page when live readings confirm it."""
    doubt_ms: int = 0
    """The first of the dangerous readings that were no evidence, since the last that was."""
    doubt_last_ms: int = 0
    doubt_told_ms: int = 0
    """When a task to measure again was last made of them."""
    version: str = ""
    """Of the file that the rule came from."""
    digest: str = ""
    """Of the rule that this state was made under. Another digest: the rule has changed."""
    memory: Memory | None = None
    """The newest values of each input, of rules that look at more than one value."""


SubjectState = dict[str, RuleState]
"""By rule id."""


def dump_state(state: SubjectState) -> str:
    """As JSON."""
    return json.dumps({"v": STATE_VERSION, "rules": state}, separators=(",", ":"))


def load_state(text: str) -> SubjectState:
    """From JSON, migrated where an older version wrote it. Raises ValueError where a newer one did."""
    document = json.loads(text)
    if document["v"] == 1:
        return {rule: _from_1(*values) for rule, values in document["rules"].items()}
    if document["v"] != STATE_VERSION:
        raise ValueError(f"state version {document['v']} is not {STATE_VERSION}")
    return unpack_state(document["rules"])


def pack_state(state: SubjectState) -> dict[str, list[Any]]:
    """As plain values, without the defaults that a rule's memory ends in."""
    return {rule: _without_defaults(values) for rule, values in state.items()}


def _without_defaults(state: RuleState) -> list[Any]:
    length = len(state)
    while length and state[length - 1] == _DEFAULTS[length - 1]:
        length -= 1
    return list(state[:length])


_DEFAULTS = RuleState()


def unpack_state(packed: dict[str, list[Any]]) -> SubjectState:
    """The reverse of `pack_state`."""
    return {rule: _state(*values) for rule, values in packed.items()}


def _state(*values: Any) -> RuleState:
    state = RuleState(*values)
    if state.memory is None:
        return state
    memory = {key: tuple((t_ms, value) for t_ms, value in those) for key, those in state.memory.items()}
    return state._replace(memory=memory)


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
