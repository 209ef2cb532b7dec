"""The scaled clock, and logs that repeat only what has changed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import structlog

from cunmai_runtime.clock import ScaledClock
from cunmai_runtime.logs import OnChange, configure_logging


def test_a_scaled_clock_runs_faster_from_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ScaledClock(20, origin_ms=1_000_000, anchor_monotonic_ns=5_000_000_000)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 5_000_000_000)
    assert clock() == 1_000_000
    monkeypatch.setattr(time, "monotonic_ns", lambda: 8_000_000_000)
    assert clock() == 1_060_000
    assert clock.real_ms(1000) == 50


def test_a_repeated_failure_is_told_once_until_it_changes_or_ends() -> None:
    changed = OnChange()
    assert [changed("store", text) for text in ("down", "down", "full", "full", "down")] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert changed.clear("store")
    assert not changed.clear("store")
    assert changed("store", "down")


def test_what_is_remembered_for_that_is_bounded() -> None:
    changed = OnChange(most_topics=2)
    assert [changed(topic, "down") for topic in ("a", "b", "c", "b", "c")] == [True, True, True, False, False]
    assert changed("a", "down"), "the oldest was forgotten, and is told again"


def test_logs_are_json_lines_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def listen(_logger: Any, _method: str, event: Any) -> Any:
        seen.append(event["event"])
        return event

    configure_logging(processors=(listen,))
    try:
        structlog.get_logger("x").info("a.happened", subject="R-1", why="上村")
        structlog.get_logger("x").debug("not.told")
    finally:
        structlog.reset_defaults()
    (line,) = capsys.readouterr().err.splitlines()
    assert {"event": "a.happened", "subject": "R-1", "why": "上村", "level": "info"}.items() <= json.loads(
        line
    ).items()
    assert seen == ["a.happened"]
