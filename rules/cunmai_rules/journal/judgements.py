"""Readings as judged, and what the rules remember of each subject."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from cunmai_rules.journal.database import Database, part_of
from cunmai_rules.journal.recent import RecentStates
from cunmai_rules.thresholds.catalogue import GATEWAY_STATUS
from cunmai_rules.thresholds.events import Decision, Observation
from cunmai_rules.thresholds.memory import NOTHING_YET, Key, Memory, dump_memory, key_of
from cunmai_rules.thresholds.packed import pack_profile, unpack_profile
from cunmai_rules.thresholds.state import Profile
from cunmai_runtime import held

PATTERNS_AT_ONCE = 50
MOST_PROFILES = 1000
"""Kept at hand; the journal has them all."""

JUDGED = "judged"
REFUSED = "refused"


SUBJECT_UPSERT = (
    "INSERT INTO subject (id, part, state, gateway, device, resident, due_ms)"
    " VALUES (:id, :part, :state, :gateway, :device, :resident, :due_ms)"
    " ON CONFLICT (id) DO UPDATE SET state = :state, gateway = :gateway, device = :device, due_ms = :due_ms"
)
OBSERVATION_INSERT = (
    "INSERT INTO observation (stream, seq, subject, kind, t_ms, arrived_ms, late, reading, decisions,"
    " digest, corrected, device) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a reading is about: a resident, or, while unattributed, one device of one gateway."""

    id: str
    gateway: str
    device: str
    resident: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One reading as it was judged, for trends and explanations."""

    stream: str
    seq: int
    t_ms: int
    kind: str
    late: bool
    values: dict[str, Any]
    quality: tuple[str, ...]
    decisions: dict[str, str]


def subject_of(gateway: str, device: str, resident: str | None) -> Subject:
    """The subject of a reading. Ids on the wire hold no '/' and no '?', so no resident can clash."""
    return Subject(resident or f"?{gateway}/{device}", gateway, device, resident)


class Judgements:
    """Reads and writes within the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._profiles: dict[str, Profile] = {}
        self._recent = RecentStates()

    # -- what was seen --------------------------------------------------------------------------------

    def take(self, stream: str, seq: int, what: str = JUDGED) -> bool:
        """Note that this reading has been judged (or refused); False where it had been before."""
        if self.seen(stream, seq):
            return False
        return held.add_range(self._db, stream, what, seq, seq) == 1

    def seen(self, stream: str, seq: int) -> bool:
        """Whether this reading was judged or refused before, ever."""
        return any(held.contains(self._db, stream, what, seq) for what in (JUDGED, REFUSED))

    def belongs_to(self, stream: str, gateway: str) -> bool:
        """Whether this stream is this gateway's: it is the first sender's, for ever. It is locked from here on."""
        self._db.lock((stream,))
        self._db.execute("INSERT INTO sender VALUES (?, ?) ON CONFLICT DO NOTHING", (stream, gateway))
        return self.sender(stream) == gateway

    def digest(self, stream: str, seq: int) -> str | None:
        """The digest of a reading's content, while the reading is kept."""
        row = self._db.execute(
            "SELECT digest FROM observation WHERE stream = ? AND seq = ?", (stream, seq)
        ).fetchone()
        return row[0] if row else None

    # -- state ----------------------------------------------------------------------------------------

    def memory(self, subject: str) -> Memory:
        """What the rules remember of a subject, which is locked from here on."""
        self._db.lock((subject,))
        row = self._db.execute("SELECT state FROM subject WHERE id = ?", (subject,)).fetchone()
        return self._recent.read(subject, row[0], self.profile) if row else NOTHING_YET

    def profile(self, key: str) -> Profile | None:
        """Which rules the state of a subject with this key means; None where nothing says it."""
        found = self._profiles.get(key)
        if found is None:
            row = self._db.execute("SELECT body FROM profile WHERE key = ?", (key,)).fetchone()
            found = None if row is None else self._at_hand(unpack_profile(row[0]))
        return found

    def _keep_profile(self, profile: Profile) -> None:
        if profile.groups:
            self._db.execute(
                "INSERT INTO profile VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                (profile.key, pack_profile(profile)),
            )

    def _at_hand(self, profile: Profile) -> Profile:
        if len(self._profiles) >= MOST_PROFILES:
            self._profiles.clear()
        self._profiles[profile.key] = profile
        return profile

    def save_memory(self, subject: Subject, memory: Memory, due_ms: int | None, before: Memory) -> None:
        """`before`: what `memory` said of it. A profile that it had is in the journal already."""
        if memory.rules.profile != before.rules.profile:
            self._keep_profile(memory.rules.profile)
        self._db.execute(SUBJECT_UPSERT, self._subject_row(subject, memory, due_ms))

    def _subject_row(self, subject: Subject, memory: Memory, due_ms: int | None) -> dict[str, Any]:
        """The parameters of `SUBJECT_UPSERT`."""
        state = dump_memory(memory)
        self._recent.keep(subject.id, state, memory)
        return {
            "id": subject.id,
            "part": part_of(subject.id),
            "state": state,
            "gateway": subject.gateway,
            "device": subject.device,
            "resident": subject.resident,
            "due_ms": due_ms,
        }

    def postpone(self, subject: str, due_ms: int) -> None:
        """Look at this subject again at `due_ms`, not before."""
        self._db.execute("UPDATE subject SET due_ms = ? WHERE id = ?", (due_ms, subject))

    def take_rules(self, rules: Collection[str]) -> list[str]:
        """Note which rules are in force. Subjects of our share that a removed rule graded fall due at once.

        Returns the removed rules. A worker that is new knows what any other one has seen.
        """
        share = self._db.share
        seen = {row[0] for row in self._db.execute("SELECT id FROM rule_seen WHERE slot = ?", (share.slot,))}
        before = seen or {row[0] for row in self._db.execute("SELECT DISTINCT id FROM rule_seen")}
        removed = sorted(before.difference(rules))
        for rule in removed:
            self._db.execute("DELETE FROM rule_seen WHERE slot = ? AND id = ?", (share.slot, rule))
        self._due_at_once(removed)
        added = [(share.slot, rule) for rule in sorted(set(rules) - seen)]
        self._db.executemany("INSERT INTO rule_seen VALUES (?, ?) ON CONFLICT DO NOTHING", added)
        return removed

    def _due_at_once(self, rules: Sequence[str]) -> None:
        """Whose state says something of these: by their names, or by a profile that has them. A look at all of
        them takes a while, so that it is taken once for many.
        """
        if not rules:
            return
        said = [f'%"{rule}":%' for rule in rules]
        for key, body in self._db.execute("SELECT key, body FROM profile"):
            if any(f'"{rule}"' in body for rule in rules):
                said.append(f'%"profile":"{key}"%')
        for start in range(0, len(said), PATTERNS_AT_ONCE):
            some = said[start : start + PATTERNS_AT_ONCE]
            either = " OR ".join(["state LIKE ?"] * len(some))
            self._db.execute(
                f"UPDATE subject SET due_ms = 0 WHERE part % ? = ? AND ({either})",  # noqa: S608 - a constant
                (self._db.share.workers, self._db.share.slot, *some),
            )

    def due_subjects(self, now_ms: int, limit: int) -> list[Subject]:
        """Subjects of our share for which the passing of time may change something, and locks them.

        Those that another worker is judging now are left for the next time.
        """
        share = self._db.share
        rows = self._db.execute(
            "SELECT id, gateway, device, resident FROM subject"
            " WHERE due_ms <= ? AND part % ? = ? ORDER BY due_ms LIMIT ?",
            (now_ms, share.workers, share.slot, limit),
        )
        due = [Subject(*row) for row in rows]
        free = set(self._db.lock_free([subject.id for subject in due]))
        return [subject for subject in due if subject.id in free]

    # -- readings -------------------------------------------------------------------------------------

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
        row = observation_row(subject, observation, arrived_ms, digest, decisions, corrected=corrected)
        self._db.execute(OBSERVATION_INSERT, row)

    def since(self, subject: str, after: Key) -> list[Observation]:
        """The readings that count for a subject, after this one in the order of time."""
        rows = self._db.execute(
            "SELECT stream, seq, kind, t_ms, late, reading FROM observation"
            " WHERE subject = ? AND t_ms >= ? AND corrected = 0",
            (subject, after[0]),
        )
        found = [_observation(*row) for row in rows]
        return [event for event in found if key_of(event) > after]

    # -- corrections ----------------------------------------------------------------------------------

    def newest_of(self, stream: str, digest: str) -> tuple[int, bool]:
        """The number of a stream's newest reading on record (0: none is), and whether one of this digest is."""
        ((last_seq, known),) = self._db.execute(
            "SELECT max(seq), max(CASE WHEN digest = ? THEN 1 ELSE 0 END) FROM observation WHERE stream = ?",
            (digest, stream),
        ).fetchall()
        return last_seq or 0, bool(known)

    def sender(self, stream: str) -> str | None:
        """The gateway that a stream belongs to, or None where nothing came of it yet."""
        row = self._db.execute("SELECT gateway FROM sender WHERE stream = ?", (stream,)).fetchone()
        return row[0] if row else None

    def is_corrected(self, stream: str, seq: int) -> bool:
        """Whether a correction stands in for this reading."""
        query = "SELECT 1 FROM correction WHERE stream = ? AND seq = ?"
        return self._db.execute(query, (stream, seq)).fetchone() is not None

    def counted(self, stream: str, seq: int) -> tuple[Subject, Key] | None:
        """For whom a reading counts, and its place in the order of time; None where it has not come."""
        row = self._db.execute(
            "SELECT subject.id, subject.gateway, subject.device, subject.resident, observation.t_ms"
            " FROM observation JOIN subject ON subject.id = observation.subject"
            " WHERE stream = ? AND seq = ? AND corrected = 0",
            (stream, seq),
        ).fetchone()
        return (Subject(*row[:4]), (row[4], stream, seq)) if row else None

    def correct(self, stream: str, seq: int) -> None:
        """This reading counts for nobody from now on, also where it has yet to come."""
        self._db.execute("INSERT INTO correction VALUES (?, ?) ON CONFLICT DO NOTHING", (stream, seq))
        self._db.execute("UPDATE observation SET corrected = 1 WHERE stream = ? AND seq = ?", (stream, seq))

    def around(self, subject: str, from_ms: int, to_ms: int, limit: int = 2000) -> list[Judged]:
        """Readings of one subject in a span of time, oldest first; the newest `limit` of them."""
        rows = self._db.execute(
            "SELECT stream, seq, t_ms, kind, late, reading, decisions FROM observation"
            " WHERE subject = ? AND t_ms BETWEEN ? AND ? AND corrected = 0 ORDER BY t_ms DESC, seq DESC LIMIT ?",
            (subject, from_ms, to_ms, limit),
        ).fetchall()
        return [_judged(*row) for row in reversed(rows)]

    def began_ms(self) -> int | None:
        """When the first of what is on record came; None where nothing has."""
        row = self._db.execute("SELECT min(arrived_ms) FROM observation").fetchone()
        return None if row is None else row[0]

    def forget_before(self, t_ms: int) -> int:
        """Drop readings that arrived before `t_ms`, but not what says that they were judged.

        A gateway's newest state message stays: the broker repeats it, and it is known again by its digest.
        """
        return self._db.execute(
            "DELETE FROM observation WHERE arrived_ms < ? AND (kind <> ? OR seq <"
            " (SELECT max(other.seq) FROM observation AS other WHERE other.stream = observation.stream))",
            (t_ms, GATEWAY_STATUS),
        ).rowcount


def observation_row(
    subject: Subject,
    observation: Observation,
    arrived_ms: int,
    digest: str,
    decisions: Sequence[Decision],
    *,
    corrected: bool,
) -> tuple[Any, ...]:
    """The parameters of `OBSERVATION_INSERT`."""
    return (
        observation.stream,
        observation.seq,
        subject.id,
        observation.kind,
        observation.t_ms,
        arrived_ms,
        int(observation.late),
        json.dumps({"values": observation.values, "quality": observation.quality}, ensure_ascii=False),
        json.dumps({decision.rule: decision.reason for decision in decisions}),
        digest,
        int(corrected),
        subject.device,
    )


def _observation(stream: str, seq: int, kind: str, t_ms: int, late: int, reading: str) -> Observation:
    body = json.loads(reading)
    return Observation(stream, seq, kind, t_ms, body["values"], tuple(body["quality"]), bool(late))


def _judged(stream: str, seq: int, t_ms: int, kind: str, late: int, reading: str, decisions: str) -> Judged:
    body = json.loads(reading)
    return Judged(
        stream, seq, t_ms, kind, bool(late), body["values"], tuple(body["quality"]), json.loads(decisions)
    )
