"""What people enter by hand: each press of a button one reading, once, for whoever is checked in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from cunmai_gateway.kiosk.around import Surroundings
from cunmai_gateway.kiosk.attribution import append_each
from cunmai_gateway.kiosk.entering import EntryFault, exam_report
from cunmai_gateway.kiosk.exams import Exam, exams
from cunmai_gateway.kiosk.memory import Memory
from cunmai_gateway.kiosk.sessions import Sessions
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.readings import Draft, to_reading
from cunmai_gateway.spool import Spool
from cunmai_wire.readings import ReportStatus

KIOSK_DEVICE = "kiosk"
"""The device of what people enter by hand."""
LISTED_EXAM_READINGS = 5_000
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Entered:
    """One entry of this visit, for the page to list."""

    kind: str
    values: dict[str, Any]
    t_ms: int

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "values": self.values, "t_ms": self.t_ms}


class Entries:
    """Belongs to the event loop. `entered` is told of each new reading: its kind and whom it counts for."""

    def __init__(
        self,
        memory: Memory,
        sessions: Sessions,
        around: Surroundings,
        entered: Callable[[str, str | None, int], None],
    ) -> None:
        self._memory = memory
        self._sessions = sessions
        self._around = around
        self._entered = entered
        self._listed: deque[Entered] = deque(maxlen=_MOST_LISTED)
        self._log = structlog.get_logger("kiosk")

    def begin(self) -> None:
        """A new session: nothing of it has been entered yet."""
        self._listed.clear()

    def listed(self) -> list[dict[str, Any]]:
        """What was entered in this session, the oldest first."""
        return [one.as_json() for one in self._listed]

    async def site(self, values: dict[str, object], key: str) -> bool:
        """The clinic's own status; whether it is new. Raises NotInContract, Retryable."""
        draft = self._draft(
            Measurement("site_status", values, once_keys=(f"site:{key}",)), KIOSK_DEVICE, None
        )
        seqs, highest = await self._around.spool.use(
            lambda spool: (append_each(spool, [draft]), (spool.stream, spool.measured()))
        )
        self._around.appended(*highest)
        return seqs[0] is not None

    async def observe(self, measurement: Measurement, *, key: str, began_ms: int) -> bool | EntryFault:
        """Something of the resident whose visit began at `began_ms`; whether it is new. Raises Retryable.

        What the spool holds already is held, whoever is checked in by now: the answer may have been lost.
        """
        once = f"entry:{key}"
        if await self._around.spool.use(lambda spool: spool.has_once(once)):
            return False
        now_ms = self._around.clock()
        session = self._sessions.current(now_ms)
        if session is None:
            return EntryFault.CHECK_IN_FIRST
        if session.began_ms != began_ms:
            return EntryFault.SOMEBODY_ELSE
        self._sessions.stay(now_ms)
        new = await self._append(replace(measurement, once_keys=(once,)), KIOSK_DEVICE, session.resident)
        now = self._sessions.current(self._around.clock())
        if new and now is not None and now.began_ms == began_ms:
            self._listed.append(Entered(measurement.kind, dict(measurement.values), now_ms))
        return new

    async def exams(self) -> list[Exam]:
        """The clinic's recent exams, the newest first. Raises Retryable."""
        return await self._around.spool.use(
            lambda spool: exams(self._memory.of_kinds(spool, _EXAM_KINDS, LISTED_EXAM_READINGS))
        )

    async def report(self, study_uid: str, status: ReportStatus, *, key: str) -> bool | EntryFault:
        """An exam of this clinic has been read; whether that is new. Raises Retryable.

        Of the exam's own device, and for whom the exam counts: so that the two meet also while nobody knows
        whose it is.
        """
        exam = next((one for one in await self.exams() if one.study_uid == study_uid), None)
        if exam is None:
            return EntryFault.NO_SUCH_EXAM
        measurement = replace(exam_report(study_uid, status), once_keys=(f"entry:{key}",))
        return await self._append(measurement, exam.device, exam.resident)

    async def _append(self, measurement: Measurement, device: str, resident: str | None) -> bool:
        draft = self._draft(measurement, device, resident)

        def append(spool: Spool) -> tuple[bool, str, int]:
            (seq,) = self._memory.append(spool, [draft], not_stored={})
            return seq is not None, spool.stream, spool.measured()

        new, stream, measured = await self._around.spool.use(append)
        self._around.appended(stream, measured)
        if new:
            self._log.info("kiosk.entered", kind=draft.kind, resident=resident)
            self._entered(draft.kind, resident, draft.t_ms)
        return new

    def _draft(self, measurement: Measurement, device: str, resident: str | None) -> Draft:
        return to_reading(
            measurement,
            device=device,
            resident=resident,
            t_ms=self._around.clock(),
            clock=self._around.trust(),
        )


_EXAM_KINDS = ("ultrasound_exam", "ultrasound_report")
