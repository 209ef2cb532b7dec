"""The benchmark of the runners runs and prints what it promises; its figures are looked at by people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.postgres import need_postgres

pytestmark = pytest.mark.server

_BENCH = Path(__file__).resolve().parents[2] / "bench" / "runners.py"


def test_it_runs_and_prints_both_runners() -> None:
    need_postgres()
    command = [sys.executable, str(_BENCH), "--events", "400", "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    assert [line.split(":")[0] for line in done.stdout.splitlines()[1:]] == [
        "SQLite, 1 worker",
        "PostgreSQL, 1 worker",
    ]
    assert "of SQLite), " in done.stdout
