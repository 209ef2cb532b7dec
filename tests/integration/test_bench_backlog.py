"""The backlog benchmark in small: it runs, drains, and prints its figures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import need_program

pytestmark = pytest.mark.server

SCRIPT = Path(__file__).parents[2] / "bench" / "backlog.py"


def test_a_small_backlog_drains_beside_live_readings() -> None:
    need_program("mosquitto")
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--hours", "0.1", "--baseline-s", "1", "--backlog-per-s", "100"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    figures = run.stdout
    assert "backlog: 0.1 h, 456 readings" in figures  # 6 minutes: 360 of the one, 96 of the sixteen
    assert "paced to 100" in figures
    assert re.search(r"live meanwhile: p50 [\d.]+ s, p99 [\d.]+ s", figures)
    held = re.search(r"still held at the end: (\d+) of (\d+)", figures)
    assert held is not None
    assert int(held[2]) > 456, "live readings were measured too"
