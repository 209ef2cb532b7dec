"""The self-test's view of the desk: how far its alarm came, and its end."""

from __future__ import annotations

from collections.abc import Callable

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import CloseReason, Status
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import subject_of
from cunmai_rules.selftest.names import DEVICE, NOBODY
from cunmai_rules.selftest.outcome import record_outcome
from cunmai_rules.selftest.selftest import Came, Path
from cunmai_runtime.clock import Clock
from cunmai_wire.events import Lane, NoticeState

_TAKEN = (NoticeState.ACCEPTED, NoticeState.DELIVERED)


def path_over(
    db: Database, desk: Desk, gateway: str, publish: Callable[[str, bytes], bool], clock: Clock
) -> Path:
    """Everything of the service that the self-test uses."""
    subject = subject_of(gateway, DEVICE, NOBODY).id

    def came(since_ms: int) -> Came:
        pages = [
            one
            for one in desk.escalations.of_subject(subject)
            if one.found_ms >= since_ms and one.lane is Lane.PAGE
        ]
        notices = [notice for one in pages for notice in desk.escalations.notices(one.id)]
        if any(notice.state in _TAKEN and notice.queued_ms >= since_ms for notice in notices):
            return Came.TAKEN
        return Came.OPENED if pages else Came.NOTHING

    def end() -> None:
        with db.transaction():
            for one in desk.escalations.of_subject(subject):
                if one.status is not Status.CLOSED:
                    desk.close(one.id, CloseReason.TEST, "self-test", clock())

    def record(failed: Came | None, now_ms: int) -> None:
        record_outcome(db, failed, now_ms)

    return Path(publish, came, end, record)
