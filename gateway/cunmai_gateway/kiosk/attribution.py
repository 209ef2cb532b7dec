"""Putting right for whom readings count: each correction once, also when the power fails in between.

Everything here runs on the spool's thread, so no reading can be appended between looking up the spool's
last number and appending the corrections: the number that a correction will get is known before it is
written, and is written down first. After a crash, the spool's memory of what it took (`once`) says which
of the intended corrections it holds, and the note says under which number.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cunmai_gateway.kiosk.store import Fresh, Intent, Kept, KioskStore, StoreFault, fresh_from_body
from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool
from cunmai_wire.readings import KINDS

MOST_AT_ONCE = 1_000
_CATCH_UP_BATCH = 1_000
_ANY_SEQ = 1


@dataclass(frozen=True, slots=True)
class Attributed:
    """What became of a request. `conflicting` ones count for somebody else by now: look again."""

    corrected: int
    already: int = 0
    conflicting: int = 0
    lost: int = 0
    """Corrected before, and this kiosk no longer knows for whom: left alone."""


def once_key(kept: Kept) -> str:
    """A reading is corrected at most once; a later correction corrects the correction."""
    return f"corrects:{kept.head_stream}:{kept.head_seq}"


def correction(kept: Kept, resident: str | None) -> Draft:
    """The reading that says: this measurement counts for `resident`."""
    fields = json.loads(kept.body)
    fields["seq"] = _ANY_SEQ
    fields["resident"] = resident
    fields["corrects"] = {"stream": kept.head_stream, "seq": kept.head_seq, "resident": kept.resident}
    reading = KINDS[kept.kind].model_validate_json(json.dumps(fields))
    body = reading.model_dump_json(exclude={"seq"}, exclude_none=True).encode()
    return Draft(kept.kind, kept.t_ms, body, (once_key(kept),))


def attribute(
    spool: Spool, store: KioskStore, chosen: Sequence[Kept], *, counts_for: str | None, resident: str | None
) -> Attributed:
    """Make the chosen measurements, which are thought to count for `counts_for`, count for `resident`.

    `chosen` was read after `recover`. Raises StoreFault, and what the spool raises; then nothing was done.
    """
    wanted = [kept for kept in chosen if kept.resident != resident]
    right = [kept for kept in wanted if kept.resident == counts_for]
    lost = [kept for kept in right if spool.has_once(once_key(kept))]
    store.drop([kept.id for kept in lost])
    to_do = [kept for kept in right if kept not in lost]
    corrected = _append(spool, store, [(kept, resident) for kept in to_do])
    return Attributed(corrected, len(chosen) - len(wanted), len(wanted) - len(right), len(lost))


def recover(spool: Spool, store: KioskStore) -> int:
    """Conclude what a crash or a full disk interrupted. How many."""
    begun = store.intents()
    if not begun:
        return 0
    done = [intent for intent in begun if spool.has_once(once_key(intent.kept))]
    store.conclude(done)
    _append(spool, store, [(one.kept, one.resident) for one in begun if one not in done])
    return len(begun)


def _append(spool: Spool, store: KioskStore, todo: Sequence[tuple[Kept, str | None]]) -> int:
    if not todo:
        return 0
    first = spool.measured() + 1
    intents = [
        Intent(kept, resident, spool.stream, first + index) for index, (kept, resident) in enumerate(todo)
    ]
    store.intend(intents)
    try:
        seqs = spool.append([correction(kept, resident) for kept, resident in todo])
    except BaseException:
        # Whoever asked is told that nothing was done: it must not be done later behind their back.
        with contextlib.suppress(StoreFault, sqlite3.Error):
            store.discard([one for one in intents if not spool.has_once(once_key(one.kept))])
        raise
    assert seqs == [intent.new_seq for intent in intents], "the spool numbers without gaps, on one thread"
    store.conclude(intents)
    return len(seqs)


# -- what the spool takes ---------------------------------------------------------------------------


def append_each(
    spool: Spool, drafts: Sequence[Draft], *, not_stored: Mapping[int, int] | None = None
) -> list[int | None]:
    """Append; the sequence number of each draft, None for those that the spool had taken before."""
    fresh: list[bool] = []
    taken: set[str] = set()
    for draft in drafts:
        first = draft.once_keys[0] if draft.once_keys else None
        fresh.append(first is None or not (first in taken or spool.has_once(first)))
        taken.update(draft.once_keys)
    seqs = iter(spool.append(drafts, not_stored=not_stored))
    return [next(seqs) if is_fresh else None for is_fresh in fresh]


def remember(
    spool: Spool, store: KioskStore, drafts: Iterable[Draft], seqs: Iterable[int | None]
) -> list[Fresh]:
    """Keep what was just appended, where it can be attributed; what was kept."""
    pairs = [(draft, seq) for draft, seq in zip(drafts, seqs, strict=True) if seq is not None]
    fresh = [one for draft, seq in pairs if (one := fresh_from_body(seq, draft.body)) is not None]
    store.keep(spool.stream, fresh, spool.measured())
    return fresh


def catch_up(spool: Spool, store: KioskStore) -> list[Fresh]:
    """Keep what the spool holds and this store has not seen: a fault came between the two. What was kept."""
    found: list[Fresh] = []
    after, up_to = store.seen(spool.stream), spool.measured()
    while after < up_to:
        held = spool.held(after, up_to, _CATCH_UP_BATCH)
        fresh = [one for reading in held if (one := fresh_from_body(reading.seq, reading.body)) is not None]
        after = held[-1].seq if len(held) == _CATCH_UP_BATCH else up_to
        store.keep(spool.stream, fresh, after)
        found += fresh
    return found
