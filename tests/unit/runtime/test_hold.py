from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from cunmai_runtime.errors import Retryable
from cunmai_runtime.hold import Hold, Stopped


class Failing:
    """An action that fails with each of these texts in turn, then succeeds."""

    def __init__(self, *failures: str) -> None:
        self._failures = list(failures)

    def __call__(self) -> str:
        if self._failures:
            raise Retryable(self._failures.pop(0))
        return "done"


def _never_stop(pauses: list[float]) -> Callable[[float], bool]:
    def wait(pause_s: float) -> bool:
        pauses.append(pause_s)
        return False

    return wait


def test_a_step_that_works_is_done_once_and_nothing_is_said() -> None:
    pauses: list[float] = []
    with capture_logs() as logs:
        assert Hold("ingest", _never_stop(pauses))("store", Failing()) == "done"
    assert (pauses, logs) == ([], [])


def test_pauses_grow_to_a_cap_and_are_jittered() -> None:
    pauses: list[float] = []
    Hold("ingest", _never_stop(pauses), chance=lambda: 1.0)("store", Failing(*["down"] * 9))
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    pauses.clear()
    Hold("ingest", _never_stop(pauses), chance=lambda: 0.0)("store", Failing("down", "down"))
    assert pauses == [0.125, 0.25]


def test_a_failure_is_logged_when_its_text_changes_and_when_it_ends() -> None:
    hold = Hold("ingest", _never_stop([]))
    with capture_logs() as logs:
        hold("store", Failing("down", "down", "starting", "down"))
        hold("store", Failing())
    assert [(log["event"], log.get("why")) for log in logs] == [
        ("ingest.held", "down"),
        ("ingest.held", "starting"),
        ("ingest.held", "down"),
        ("ingest.resumed", None),
    ]


def test_every_retry_is_counted() -> None:
    retries: list[None] = []
    Hold("ingest", _never_stop([]), on_retry=lambda: retries.append(None))("store", Failing("a", "b", "c"))
    assert len(retries) == 3


def test_being_told_to_stop_ends_the_waiting() -> None:
    with pytest.raises(Stopped):
        Hold("ingest", lambda _: True)("store", Failing("down", "down"))


def test_what_is_not_retryable_is_not_retried() -> None:
    pauses: list[float] = []

    def broken() -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        Hold("ingest", _never_stop(pauses))("store", broken)
    assert pauses == []
