"""The state of the kiosk as the page gets it: codes and numbers, no sentences. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cunmai_gateway.kiosk.advice import Advice, advise
from cunmai_gateway.kiosk.live import LiveView, Signal
from cunmai_gateway.kiosk.sessions import Ended, Session, SessionLimits
from cunmai_gateway.kiosk.stability import Settling

ENDED_SHOWN_MS = 60_000


class Step(StrEnum):
    """What the person at the kiosk does next."""

    WHO = "who"
    INSERT = "insert"
    MEASURING = "measuring"
    RESULT = "result"


class Delivery(StrEnum):
    """What became of what was measured, by the consumers' own receipts."""

    UNKNOWN = "unknown"
    """Not counted yet."""
    NONE = "none"
    """Nothing has been measured yet."""
    NOT_KEPT = "not_kept"
    SAVED = "saved"
    """On this machine's disk; the broker is not reached."""
    UPLOADING = "uploading"
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How delivery stands: readings that a consumer still owes a receipt for, all and of this session."""

    known: bool = True
    up: bool = False
    waiting: int = 0
    mine: int = 0
    mine_waiting: int = 0
    unattributed: int = 0
    """Episodes that count for nobody."""
    problem: str | None = None
    """Why readings are not being kept; None while they are."""


def delivery(backlog: Backlog, *, measured: bool, waiting: int) -> Delivery:
    """One word for a number of readings of which `waiting` are still held here."""
    if backlog.problem is not None:
        return Delivery.NOT_KEPT
    if not backlog.known:
        return Delivery.UNKNOWN
    if not measured:
        return Delivery.NONE
    if waiting == 0:
        return Delivery.UPLOADED
    return Delivery.UPLOADING if backlog.up else Delivery.SAVED


def step(session: Session | None, live: LiveView) -> Step:
    """Where in the visit we are."""
    if session is None:
        return Step.WHO
    settled = live.progress.reason is Settling.STABLE
    if live.signal is Signal.MEASURING and not settled and not _considered(live):
        return Step.MEASURING
    return Step.RESULT if live.results else Step.INSERT


def _considered(live: LiveView) -> bool:
    """The value on the screen is one considered value (a cuff's, a spot check's), not one of a series."""
    newest = max(live.results, key=lambda result: result.t_ms, default=None)
    return newest is not None and newest.device == live.device and live.progress.reason is Settling.NO_SIGNAL


def hint(live: LiveView) -> str:
    """What to tell about the device or the signal, as a code for the page's words."""
    if live.signal is Signal.NOT_CLINICAL:
        return f"not_clinical_{live.why}"
    if live.signal is not Signal.MEASURING:
        return live.signal.value
    if live.quality:
        return f"flag_{live.quality[0]}"
    return live.progress.reason.value


def snapshot(
    *,
    now_ms: int,
    session: Session | None,
    ended: Ended | None,
    limits: SessionLimits,
    live: LiveView,
    backlog: Backlog,
    altitude_m: float | None,
) -> dict[str, Any]:
    """JSON-able. Times as seconds from now, so that the page needs no clock of its own."""
    return {
        "step": step(session, live),
        "session": _session(session, limits, now_ms),
        "ended": _ended(ended, now_ms) if session is None else None,
        "signal": live.signal,
        "device": live.device,
        "hint": hint(live),
        "values": live.values,
        "sound": live.signal is Signal.MEASURING and not live.quality,
        "progress": {"share": round(live.progress.share, 3), "reason": live.progress.reason},
        "results": [_result(result.kind, result.values, altitude_m) for result in live.results],
        "mine": {
            "kept": backlog.mine,
            "waiting": backlog.mine_waiting,
            "delivery": delivery(backlog, measured=backlog.mine > 0, waiting=backlog.mine_waiting),
        },
        "all": {
            "waiting": backlog.waiting,
            "delivery": delivery(backlog, measured=True, waiting=backlog.waiting),
            "up": backlog.up,
            "problem": backlog.problem,
        },
        "unattributed": backlog.unattributed,
    }


def _session(session: Session | None, limits: SessionLimits, now_ms: int) -> dict[str, Any] | None:
    if session is None:
        return None
    end_ms, reason = session.deadline(limits)
    return {
        "resident": session.resident,
        "began_ms": session.began_ms,
        "ends_in_s": max(0, (end_ms - now_ms + 999) // 1000),
        "ends_because": reason,
    }


def _ended(ended: Ended | None, now_ms: int) -> dict[str, Any] | None:
    if ended is None or not 0 <= now_ms - ended.ended_ms <= ENDED_SHOWN_MS:
        return None
    return {"resident": ended.resident, "reason": ended.reason}


def _result(kind: str, values: dict[str, float], altitude_m: float | None) -> dict[str, Any]:
    advice = advise(values.get("spo2_pct"), altitude_m) if kind == "oximetry" else Advice.UNKNOWN
    return {"kind": kind, "values": values, "advice": advice}
