"""What is kept of one subject, and its JSON. Plain values, with a version."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.state import SubjectState, load_state, pack_state, unpack_state

MEMORY_VERSION = 3

Key = tuple[int, str, int]
"""The order of readings: when measured, stream, number."""
START: Key = (-1, "", 0)


class Checkpoint(NamedTuple):
    """The state after every reading up to `key`."""

    key: Key
    rules: SubjectState


EMPTY = Checkpoint(START, {})


class Memory(NamedTuple):
    """What is kept of one subject. Its readings are kept elsewhere, and handed in where they are needed."""

    rules: SubjectState
    """As of now, by rule id."""
    newest: Key = START
    ticked_ms: int = 0
    """The last tick that changed anything."""
    base: Checkpoint = EMPTY
    mid: Checkpoint = EMPTY
    since_mid: int = 0
    """Readings judged since `mid` was made."""
    digest: str = ""
    """Of the rules that all this was judged by."""


NOTHING_YET = Memory({})


def key_of(event: Observation) -> Key:
    return event.t_ms, event.stream, event.seq


# -- as JSON ------------------------------------------------------------------------------------------------


def dump_memory(memory: Memory) -> str:
    """As JSON. A checkpoint equal to what follows it is not written twice."""
    base = None if memory.base.rules == memory.mid.rules else pack_state(memory.base.rules)
    mid = None if memory.mid.rules == memory.rules else pack_state(memory.mid.rules)
    document = {
        "v": MEMORY_VERSION,
        "rules": pack_state(memory.rules),
        "newest": memory.newest,
        "ticked_ms": memory.ticked_ms,
        "base": [memory.base.key, base],
        "mid": [memory.mid.key, mid],
        "since_mid": memory.since_mid,
        "digest": memory.digest,
    }
    return json.dumps(document, separators=(",", ":"))


def load_memory(text: str) -> Memory:
    """From JSON, migrated where an older version wrote it. Raises ValueError where a newer one did."""
    document = json.loads(text)
    if document["v"] < MEMORY_VERSION:
        return _from_state(load_state(text))
    if document["v"] != MEMORY_VERSION:
        raise ValueError(f"state version {document['v']} is not {MEMORY_VERSION}")
    rules = unpack_state(document["rules"])
    mid = _checkpoint(document["mid"], rules)
    base = _checkpoint(document["base"], mid.rules)
    return Memory(
        rules, _key(document["newest"]), document["ticked_ms"], base, mid,
        document["since_mid"], document["digest"],
    )  # fmt: skip


def _from_state(rules: SubjectState) -> Memory:
    """Versions 1 and 2 kept no checkpoints: the window begins with what was judged last."""
    newest = (max((state.evidence_ms for state in rules.values()), default=-1), "", 0)
    here = Checkpoint(newest, rules)
    return Memory(rules, newest, 0, here, here)


def _checkpoint(packed: list[Any], same: SubjectState) -> Checkpoint:
    key, rules = packed
    return Checkpoint(_key(key), same if rules is None else unpack_state(rules))


def _key(packed: list[Any]) -> Key:
    t_ms, stream, seq = packed
    return t_ms, stream, seq
