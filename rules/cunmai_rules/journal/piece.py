"""One transaction's worth of messages: what it needs is read at once, and what it changes is written at once.

A message of five readings takes some sixty statements when each is asked for by itself, and on PostgreSQL each
is a journey to the server and back. Within `piece` a few for the whole piece do: streams, states and
corrections are read at its beginning; ranges, states and readings are written at its end, or before somebody
asks the database about them. Outside of `piece` this is `Judgements`, statement by statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import (
    JUDGED,
    OBSERVATION_INSERT,
    REFUSED,
    SUBJECT_UPSERT,
    Judged,
    Judgements,
    Subject,
    observation_row,
)
from cunmai_rules.thresholds.events import Decision, Observation
from cunmai_rules.thresholds.memory import NOTHING_YET, Key, Memory
from cunmai_rules.thresholds.state import Profile
from cunmai_wire.ranges import SeqRanges

_AT_ONCE = 512
"""Names in one question."""
_MOST_ROWS = 5000
"""Ranges or corrections of the streams of a piece. Where there are more, it goes statement by statement."""

Name = tuple[str, int]
"""Stream and number of a reading."""
Written = tuple[Subject, Memory, int | None]
"""Whose state, the state, and when it is due."""


@dataclass
class _Kept:
    """What a piece has read, and what it has yet to write."""

    streams: set[str]
    ranges: dict[tuple[str, str], SeqRanges]
    """By stream and what, as the database has them."""
    corrected: frozenset[Name]
    memories: dict[str, Memory]
    senders: dict[str, str]
    new: list[tuple[str, str, int]] = field(default_factory=list)
    """Stream, what and number."""
    taken: set[Name] = field(default_factory=set)
    states: dict[str, Written] = field(default_factory=dict)
    observations: list[tuple[Any, ...]] = field(default_factory=list)
    digests: dict[Name, str] = field(default_factory=dict)
    profiles: frozenset[str] = frozenset()

    def has(self, stream: str, seq: int) -> bool:
        if (stream, seq) in self.taken:
            return True
        return any(seq in self.ranges[stream, what] for what in (JUDGED, REFUSED))


@dataclass(frozen=True)
class _Mark:
    """Where a part began, to go back to."""

    new: int
    observations: list[tuple[Any, ...]]
    count: int
    states: dict[str, Written]
    memories: dict[str, Memory]
    senders: dict[str, str]
    corrected: frozenset[Name]
    profiles: frozenset[str]


class PieceJudgements(Judgements):
    """`Judgements` that keeps what belongs to one piece at hand."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._kept: _Kept | None = None

    @contextmanager
    def piece(self, streams: Collection[str], subjects: Collection[str]) -> Iterator[None]:
        """Within a transaction that has locked these: what the block changes is written when it ends."""
        self._kept = self._read(streams, subjects)
        try:
            yield
            self._write_out()
            self._write_ranges()
        finally:
            self._kept = None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail by itself, with what is kept of it."""
        kept = self._kept
        mark = None if kept is None else _marked(kept)
        try:
            with self._db.savepoint():
                yield
        except BaseException:
            if kept is not None and mark is not None:
                _go_back(kept, mark)
            raise

    # -- what was seen --------------------------------------------------------------------------------

    def take(self, stream: str, seq: int, what: str = JUDGED) -> bool:
        kept = self._of(stream)
        if kept is None:
            return super().take(stream, seq, what)
        if kept.has(stream, seq):
            return False
        kept.new.append((stream, what, seq))
        kept.taken.add((stream, seq))
        return True

    def seen(self, stream: str, seq: int) -> bool:
        kept = self._of(stream)
        return super().seen(stream, seq) if kept is None else kept.has(stream, seq)

    def belongs_to(self, stream: str, gateway: str) -> bool:
        kept = self._of(stream)
        if kept is None or stream not in kept.senders:
            own = super().belongs_to(stream, gateway)
            if kept is not None and own:
                kept.senders[stream] = gateway
            return own
        return kept.senders[stream] == gateway

    def sender(self, stream: str) -> str | None:
        kept = self._of(stream)
        if kept is None or stream not in kept.senders:
            return super().sender(stream)
        return kept.senders[stream]

    def digest(self, stream: str, seq: int) -> str | None:
        here = None if self._kept is None else self._kept.digests.get((stream, seq))
        return super().digest(stream, seq) if here is None else here

    def is_corrected(self, stream: str, seq: int) -> bool:
        kept = self._of(stream)
        return super().is_corrected(stream, seq) if kept is None else (stream, seq) in kept.corrected

    def correct(self, stream: str, seq: int) -> None:
        self._write_out()
        super().correct(stream, seq)
        if self._kept is not None:
            self._kept.corrected |= {(stream, seq)}

    # -- states and readings --------------------------------------------------------------------------

    def memory(self, subject: str) -> Memory:
        kept = self._kept
        if kept is None:
            return super().memory(subject)
        if subject not in kept.memories:
            kept.memories[subject] = super().memory(subject)
        return kept.memories[subject]

    def save_memory(self, subject: Subject, memory: Memory, due_ms: int | None, before: Memory) -> None:
        kept = self._kept
        if kept is None:
            super().save_memory(subject, memory, due_ms, before)
            return
        if memory.rules.profile != before.rules.profile:
            self._keep_profile(memory.rules.profile)
        kept.memories[subject.id] = memory
        kept.states[subject.id] = (subject, memory, due_ms)

    def _keep_profile(self, profile: Profile) -> None:
        kept = self._kept
        if kept is None or profile.key not in kept.profiles:
            super()._keep_profile(profile)
        if kept is not None:
            kept.profiles |= {profile.key}

    def postpone(self, subject: str, due_ms: int) -> None:
        self._write_out()
        super().postpone(subject, due_ms)

    def record(
        self,
        subject: Subject,
        observation: Observation,
        arrived_ms: int,
        digest: str,
        decisions: Sequence[Decision],
        *,
        corrected: bool = False,
    ) -> None:
        kept = self._kept
        if kept is None:
            super().record(subject, observation, arrived_ms, digest, decisions, corrected=corrected)
            return
        row = observation_row(subject, observation, arrived_ms, digest, decisions, corrected=corrected)
        kept.observations.append(row)
        kept.digests[observation.stream, observation.seq] = digest

    def since(self, subject: str, after: Key) -> list[Observation]:
        self._write_out()
        return super().since(subject, after)

    def newest_of(self, stream: str, digest: str) -> tuple[int, bool]:
        self._write_out()
        return super().newest_of(stream, digest)

    def counted(self, stream: str, seq: int) -> tuple[Subject, Key] | None:
        self._write_out()
        return super().counted(stream, seq)

    def around(self, subject: str, from_ms: int, to_ms: int, limit: int = 2000) -> list[Judged]:
        self._write_out()
        return super().around(subject, from_ms, to_ms, limit)

    # -- within ---------------------------------------------------------------------------------------

    def _of(self, stream: str) -> _Kept | None:
        return self._kept if self._kept is not None and stream in self._kept.streams else None

    def _read(self, streams: Collection[str], subjects: Collection[str]) -> _Kept | None:
        held = self._rows("SELECT stream, what, first, last FROM held WHERE stream IN", streams, _MOST_ROWS)
        corrected = self._rows("SELECT stream, seq FROM correction WHERE stream IN", streams, _MOST_ROWS)
        if len(held) > _MOST_ROWS or len(corrected) > _MOST_ROWS:
            return None
        ranges = {(stream, what): SeqRanges() for stream in streams for what in (JUDGED, REFUSED)}
        for stream, what, first, last in held:
            ranges[stream, what].add(first, last)
        memories = dict.fromkeys(subjects, NOTHING_YET)
        for id_, state in self._rows("SELECT id, state FROM subject WHERE id IN", subjects, len(subjects)):
            memories[id_] = self._recent.read(id_, state, self.profile)
        senders = dict(
            self._rows("SELECT stream, gateway FROM sender WHERE stream IN", streams, len(streams))
        )
        return _Kept(set(streams), ranges, frozenset((one, seq) for one, seq in corrected), memories, senders)

    def _rows(self, sql: str, names: Collection[str], most: int) -> list[tuple[Any, ...]]:
        """All rows of these names; one more than `most` where there are more."""
        rows: list[tuple[Any, ...]] = []
        wanted = sorted(names)
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            # In few lengths, so that the server prepares few statements.
            part += [part[-1]] * ((1 << (len(part) - 1).bit_length()) - len(part))
            rows += self._db.execute(f"{sql} ({', '.join('?' * len(part))}) LIMIT ?", [*part, most + 1])
        return rows[: most + 1]

    def _write_out(self) -> None:
        """Readings and states, so that the database can be asked about them."""
        kept = self._kept
        if kept is None:
            return
        observations, kept.observations = kept.observations, []
        states, kept.states = kept.states, {}
        if states:
            rows = [self._subject_row(*written) for _, written in sorted(states.items())]
            self._db.executemany(SUBJECT_UPSERT, rows)
        if observations:
            self._db.executemany(OBSERVATION_INSERT, observations)

    def _write_ranges(self) -> None:
        kept = self._kept
        if kept is None or not kept.new:
            return
        changed = {(stream, what) for stream, what, _ in kept.new}
        before = {key: set(kept.ranges[key]) for key in changed}
        for stream, what, seq in kept.new:
            kept.ranges[stream, what].add(seq)
        after = {key: set(kept.ranges[key]) for key in changed}
        gone = [(*key, first) for key in sorted(changed) for first, _ in before[key] - after[key]]
        fresh = [(*key, first, last) for key in sorted(changed) for first, last in after[key] - before[key]]
        self._db.executemany("DELETE FROM held WHERE stream = ? AND what = ? AND first = ?", gone)
        self._db.executemany("INSERT INTO held (stream, what, first, last) VALUES (?, ?, ?, ?)", fresh)


def _marked(kept: _Kept) -> _Mark:
    return _Mark(
        len(kept.new), kept.observations, len(kept.observations), dict(kept.states), dict(kept.memories),
        dict(kept.senders), kept.corrected, kept.profiles,
    )  # fmt: skip


def _go_back(kept: _Kept, mark: _Mark) -> None:
    """As at the mark. What was written out since is not there any more, and is owed again."""
    for stream, _, seq in kept.new[mark.new :]:
        kept.taken.discard((stream, seq))
    del kept.new[mark.new :]
    kept.observations = mark.observations[: mark.count]
    kept.states, kept.memories, kept.senders = mark.states, mark.memories, mark.senders
    kept.corrected, kept.profiles = mark.corrected, mark.profiles
