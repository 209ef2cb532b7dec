"""The demo's report, as JSON for a machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cunmai.demo.ledger import Account, total
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.ledger import Told, judged_of_kind, told
from cunmai_runtime.clock import ScaledClock


def make_report(accounts: Sequence[Account], journal: JournalAt, clock: ScaledClock) -> dict[str, Any]:
    """Everything in it is read from the parts' own stores. Latencies are real; times are the clock's."""
    sums = total(accounts)
    escalations = list(told(journal))
    return {
        "measured": sums.measured,
        "stored": sums.stored,
        "judged": sums.judged,
        "lost": sums.lost,
        "duplicated": sums.duplicated,
        "quarantined": sums.quarantined,
        "exams": judged_of_kind(journal, "ultrasound_exam"),
        "escalations": [_escalation(one) for one in escalations],
        "latency_ms": _latency_ms(escalations, clock.real_ms),
        "speed": clock.speed,
        "times": "real" if clock.speed == 1 else "simulated",
    }


def _escalation(one: Told) -> dict[str, Any]:
    escalation = one.escalation
    return {
        "resident": escalation.resident,
        "rule": escalation.rule,
        "rule_version": escalation.version,
        "grade": escalation.grade,
        "lane": escalation.lane,
        "opened": _iso(escalation.opened_ms),
        "status": escalation.status,
        "answers": [
            {"contact": given.contact, "answer": given.answer, "at": _iso(given.t_ms)}
            for given in one.answers
        ],
        "sms": [{"to": notice.contact, "state": notice.state} for notice in one.notices],
    }


def _iso(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat()


def _latency_ms(escalations: Sequence[Told], real_ms: Callable[[float], float]) -> dict[str, float | None]:
    """From the radio's indication of the reading that raised it to the acceptance of its first SMS."""
    spans = sorted(
        real_ms(first.accepted_ms - one.escalation.reading_t_ms)
        for one in escalations
        if one.notices and (first := one.notices[0]).accepted_ms is not None
    )
    return {"p50": _percentile(spans, 50), "p99": _percentile(spans, 99)}


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Nearest rank."""
    if not ordered:
        return None
    rank = max(1, -(-len(ordered) * percent // 100))
    return round(ordered[rank - 1], 1)


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write it for whoever asked."""
    path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
