"""What is kept of one subject, and its JSON. Plain values, with a version."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from cunmai_rules.thresholds.earlier import from_rules
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.packed import pack_state, unpack_state
from cunmai_rules.thresholds.state import NO_GROUPS, NOTHING_SEEN, Profile, RuleState, SubjectState

MEMORY_VERSION = 4

Key = tuple[int, str, int]
"""The order of readings: when measured, stream, number."""
START: Key = (-1, "", 0)


class Checkpoint(NamedTuple):
    """The state after every reading up to `key`."""

    key: Key
    rules: SubjectState


EMPTY = Checkpoint(START, NOTHING_SEEN)


class Memory(NamedTuple):
    """What is kept of one subject. Its readings are kept elsewhere, and handed in where they are needed."""

    rules: SubjectState
    """As of now."""
    newest: Key = START
    ticked_ms: int = 0
    """The last tick that changed anything."""
    base: Checkpoint = EMPTY
    mid: Checkpoint = EMPTY
    since_mid: int = 0
    """Readings judged since `mid` was made."""
    digest: str = ""
    """Of the rules that all this was judged by."""


NOTHING_YET = Memory(NOTHING_SEEN)


def key_of(event: Observation) -> Key:
    return event.t_ms, event.stream, event.seq


# -- as JSON ------------------------------------------------------------------------------------------------


def dump_memory(memory: Memory) -> str:
    """As JSON, with the key of its profile. A checkpoint equal to what follows it is not written twice."""
    base = None if memory.base.rules == memory.mid.rules else pack_state(memory.base.rules)
    mid = None if memory.mid.rules == memory.rules else pack_state(memory.mid.rules)
    document = {
        "v": MEMORY_VERSION,
        "profile": memory.rules.profile.key,
        "rules": pack_state(memory.rules),
        "newest": memory.newest,
        "ticked_ms": memory.ticked_ms,
        "base": [memory.base.key, base],
        "mid": [memory.mid.key, mid],
        "since_mid": memory.since_mid,
        "digest": memory.digest,
    }
    return json.dumps(document, separators=(",", ":"))


def load_memory(text: str, profiles: Callable[[str], Profile | None]) -> Memory:
    """From JSON, migrated where an older version wrote it. Raises ValueError where a newer one did.

    `profiles` finds a profile by its key. Without it, which rules were quiet is not known: they begin anew,
    and every rule with a state of its own keeps it.
    """
    document = json.loads(text)
    if document["v"] < MEMORY_VERSION:
        return _from_earlier(document)
    if document["v"] != MEMORY_VERSION:
        raise ValueError(f"state version {document['v']} is not {MEMORY_VERSION}")
    key = document["profile"]
    profile = NO_GROUPS if key == NO_GROUPS.key else profiles(key)
    rules = unpack_state(document["rules"], profile or NO_GROUPS)
    newest = _key(document["newest"])
    if profile is None:
        return _window_from(SubjectState(rules=_apart(rules)), newest)
    mid = _checkpoint(document["mid"], rules)
    base = _checkpoint(document["base"], mid.rules)
    return Memory(
        rules, newest, document["ticked_ms"], base, mid, document["since_mid"], document["digest"]
    )  # fmt: skip


def _apart(state: SubjectState) -> dict[str, RuleState]:
    return dict(state.rules) | {
        rule: one for group in state.groups.values() for rule, one in group.apart.items()
    }


def _from_earlier(document: dict[str, Any]) -> Memory:
    rules = from_rules(document["rules"], document["v"])
    if document["v"] == 3:
        newest = _key(document["newest"])
    else:
        newest = (max((state.evidence_ms for state in rules.rules.values()), default=-1), "", 0)
    return _window_from(rules, newest)


def _window_from(rules: SubjectState, newest: Key) -> Memory:
    """Without checkpoints the window begins with what was judged last."""
    here = Checkpoint(newest, rules)
    return Memory(rules, newest, 0, here, here)


def _checkpoint(packed: list[Any], same: SubjectState) -> Checkpoint:
    key, rules = packed
    return Checkpoint(_key(key), same if rules is None else unpack_state(rules, same.profile))


def _key(packed: list[Any]) -> Key:
    t_ms, stream, seq = packed
    return t_ms, stream, seq
