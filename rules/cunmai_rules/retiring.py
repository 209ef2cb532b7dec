"""A gateway that was taken down: its silence is ended by a person's word, because it never ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import CloseReason, Status
from cunmai_rules.gateways import subject_of_gateway
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import Judgements, Subject
from cunmai_rules.thresholds.memory import Checkpoint, Memory
from cunmai_rules.thresholds.state import NOTHING_SEEN, rule_states
from cunmai_wire.events import Grade

REASON = "gateway_retired"


@dataclass(frozen=True, slots=True)
class Retired:
    """`open` are the ids of what is left: alarms about whoever was at its devices, which a person must answer.

    `subjects`: how much of it the rules forgot, 0 where it only sent residents' readings. `heard_of`: whether
    anything of it ever came.
    """

    subjects: int
    closed: tuple[str, ...]
    open: tuple[str, ...]
    heard_of: bool = True


def retire(db: Database, desk: Desk, gateway: str, by: str, now_ms: int) -> Retired:
    """Within the caller's transaction: forget what the rules know of a gateway and of its devices.

    What had a grade is grey from now on, and what was asked about the gateway itself is closed. Residents keep
    everything. A gateway that speaks again begins anew.
    """
    rows = db.execute(
        "SELECT id, gateway, device, resident FROM subject WHERE gateway = ? AND resident IS NULL", (gateway,)
    ).fetchall()
    itself, closed, left = subject_of_gateway(gateway).id, [], []
    for subject in (Subject(*row) for row in rows):
        _forget(db, desk, subject, now_ms)
        for one in desk.escalations.of_subject(subject.id):
            if one.status is Status.CLOSED:
                continue
            if subject.id == itself:
                desk.close(one.id, CloseReason.RETIRED, by, now_ms)
                closed.append(one.id)
            else:
                left.append(one.id)
    return Retired(len(rows), tuple(closed), tuple(left), bool(rows) or _sent_readings(db, gateway))


def _sent_readings(db: Database, gateway: str) -> bool:
    return db.execute("SELECT 1 FROM sender WHERE gateway = ? LIMIT 1", (gateway,)).fetchone() is not None


def _forget(db: Database, desk: Desk, subject: Subject, now_ms: int) -> None:
    judgements = Judgements(db)
    before = judgements.memory(subject.id)
    for rule, state in rule_states(before.rules).items():
        if state.grade != Grade.GREY:
            desk.events.add(
                subject.gateway, now_ms, "grade_changed", device=subject.device, rule=rule,
                rule_version=state.version, grade=Grade.GREY, previous=state.grade, reason=REASON,
                reading_t=state.evidence_ms,
            )  # fmt: skip
    # The window begins after what was judged: a gateway that comes back is not judged by what it said before.
    here = Checkpoint(before.newest, NOTHING_SEEN)
    after = Memory(NOTHING_SEEN, before.newest, before.ticked_ms, here, here, digest=before.digest)
    judgements.save_memory(subject, after, None, before)
