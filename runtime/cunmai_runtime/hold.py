"""Holding on while something is down: the same step again, with growing pauses, until it works or we stop."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.logs import OnChange

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0

Result = TypeVar("Result")


class Stopped(Exception):
    """We were told to stop while a step was still failing. Nothing of it was receipted."""


def pause_s(attempt: int, *, first_s: float, longest_s: float, chance: float) -> float:
    """The pause after failed attempt number `attempt` (from 1): doubling, capped, and jittered.

    `chance` is from 0 to 1: the pause is between half and all of its length, so that several clients do
    not come back to a recovering server at the same moment.
    """
    whole_s = min(first_s * 2.0 ** min(attempt - 1, 30), longest_s)
    return whole_s * (0.5 + 0.5 * chance)


class Hold:
    """Runs a step until it succeeds. `wait(seconds)` sleeps, and says whether it is time to stop."""

    def __init__(
        self,
        service: str,
        wait: Callable[[float], bool],
        *,
        on_retry: Callable[[], None] = lambda: None,
        chance: Callable[[], float] = random.random,
        longest_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._service = service
        self._wait = wait
        self._on_retry = on_retry
        self._chance = chance
        self._longest_s = longest_s
        self._changed = OnChange()
        self._log = structlog.get_logger(service)

    def __call__(self, step: str, action: Callable[[], Result]) -> Result:
        """The result of `action`. Raises Stopped, and whatever `action` raises that is not Retryable."""
        attempt = 0
        while True:
            try:
                result = action()
            except Retryable as error:
                if self._changed(step, str(error)):
                    self._log.warning(f"{self._service}.held", step=step, why=str(error))
            else:
                if self._changed.clear(step):
                    self._log.info(f"{self._service}.resumed", step=step)
                return result
            attempt += 1
            self._on_retry()
            if self._wait(
                pause_s(attempt, first_s=FIRST_PAUSE_S, longest_s=self._longest_s, chance=self._chance())
            ):
                raise Stopped


@contextmanager
def disk_faults(what: str) -> Iterator[None]:
    """While writing SQLite: a full disk or a busy file becomes Retryable, a damaged file a UserError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Retryable(f"{what}: {error}") from error
    except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError):
        raise  # A fault of ours: the file is not to blame.
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"数据库文件已损坏, 请从备份恢复 / {what} is damaged, restore it from a backup: {error}"
        ) from error
