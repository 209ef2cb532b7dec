"""What the rules remember of one subject. Plain values that survive JSON unchanged, with a version."""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

STATE_VERSION = 1

Phase = Literal["unknown", "clear", "pending", "raised"]
Told = Literal["nobody", "review", "page"]


class RuleState(NamedTuple):
    """One rule's memory of one subject. Times are milliseconds; 0 means never.

    phase: unknown - no evidence yet, or none for too long; clear; pending - the condition holds, not yet
    for long enough; raised.
    """

    phase: Phase = "unknown"
    since_ms: int = 0
    """pending: the spell's first reading. raised: when it was raised."""
    evidence_ms: int = 0
    """The last reading that counted."""
    clearing_ms: int = 0
    """raised: since when the clearing condition has held."""
    told: Told = "nobody"
    """raised: what was asked of people; a review becomes a page when live readings confirm it."""
    version: str = ""
    """Of the rule that this state was made under."""


SubjectState = dict[str, RuleState]
"""By rule id."""


def dump_state(state: SubjectState) -> str:
    """As JSON."""
    return json.dumps({"v": STATE_VERSION, "rules": state}, separators=(",", ":"))


def load_state(text: str) -> SubjectState:
    """From JSON. Raises ValueError where a newer version wrote it."""
    document = json.loads(text)
    if document["v"] != STATE_VERSION:
        raise ValueError(f"state version {document['v']} is not {STATE_VERSION}")
    return {rule: RuleState(*values) for rule, values in document["rules"].items()}
