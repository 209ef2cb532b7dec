"""A little room on the disk that nobody else can take, so that a gateway can start though the disk is full.

SQLite needs some to open a file that it will then not be able to write. Without it, a kiosk whose disk is
full would show no live values after its next start.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog

from cunmai_gateway.spool import Spool

RESERVE_BYTES = 1 << 20


def open_with_reserve(path: Path, open_it: Callable[[], Spool]) -> Spool:
    """Open, giving up the reserve where that is what it takes. Raises what `open_it` raises without it."""
    reserve = path.with_name(f"{path.name}.reserve")
    try:
        spool = open_it()
    except sqlite3.OperationalError as error:
        if not reserve.exists():
            raise
        structlog.get_logger("spool").error("spool.reserve_given_up", why=str(error))
        reserve.unlink()
        return open_it()
    _keep(reserve)
    return spool


def _keep(reserve: Path) -> None:
    """Make it where it is missing; half of one is none."""
    if reserve.exists():
        return
    try:
        with reserve.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
    except OSError:
        reserve.unlink(missing_ok=True)
