"""Messages as gateways and rules send them, made by hand as plain JSON: not by the code under test."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

GATEWAY = "clinic-01"
"""crc32(b"clinic-01") mod 64 is 12."""
STREAM = "11111111-2222-3333-4444-555555555555"
EVENT_STREAM = "99999999-8888-7777-6666-555555555555"
READINGS_TOPIC = "cunmai/v1/12/clinic-01/readings"
STATE_TOPIC = "cunmai/v1/12/clinic-01/state"
RECEIPTS_TOPIC = "cunmai/v1/12/clinic-01/receipts"
EVENTS_TOPIC = "cunmai/v1/12/events"
T0_MS = 1_700_000_000_000
"""2023-11-14T22:13:20Z."""


def oximetry(seq: int, t_ms: int | None = None, **changes: Any) -> dict[str, Any]:
    """One continuous reading; by default one second after the one before."""
    reading = {
        "seq": seq,
        "t": T0_MS + 1000 * seq if t_ms is None else t_ms,
        "clock": "trusted",
        "device": "plx-1",
        "resident": "r-1001",
        "quality": [],
        "kind": "oximetry",
        "mode": "continuous",
        "spo2_pct": 97.0,
        "pulse_bpm": 72.0,
        "perfusion_index_pct": 4.5,
    }
    return {**reading, **changes}


def envelope(readings: Iterable[dict[str, Any]], **changes: Any) -> bytes:
    """One readings message."""
    document = {
        "v": 1,
        "gateway": GATEWAY,
        "stream": STREAM,
        "sent": T0_MS,
        "clock": "trusted",
        "readings": list(readings),
    }
    return json.dumps({**document, **changes}, ensure_ascii=False).encode()


def opened(seq: int, **changes: Any) -> dict[str, Any]:
    """One escalation_opened event."""
    event = {
        "type": "escalation_opened",
        "seq": seq,
        "t": T0_MS + 1000 * seq,
        "gateway": GATEWAY,
        "device": "plx-1",
        "resident": "r-1001",
        "escalation": "esc-1",
        "rule": "spo2-severe",
        "rule_version": "1.2",
        "grade": "red",
        "lane": "page",
        "reason": "at_or_below_limit",
        "reading_t": T0_MS,
    }
    return {**event, **changes}


def events(items: Iterable[dict[str, Any]], **changes: Any) -> bytes:
    """One events message."""
    document = {"v": 1, "source": "rules", "stream": EVENT_STREAM, "sent": T0_MS, "events": list(items)}
    return json.dumps({**document, **changes}, ensure_ascii=False).encode()


def state(measured: int, **changes: Any) -> bytes:
    """One state message."""
    document = {
        "v": 1,
        "gateway": GATEWAY,
        "presence": "online",
        "at": T0_MS,
        "clock": "trusted",
        "stream": STREAM,
        "measured": measured,
        "software": "0.1.0",
    }
    return json.dumps({**document, **changes}).encode()
