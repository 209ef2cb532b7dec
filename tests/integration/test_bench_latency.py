"""The benchmark of latency runs and prints what it promises; its figures are looked at by people."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import need_program

pytestmark = pytest.mark.server

_BENCH = Path(__file__).resolve().parents[2] / "bench" / "latency.py"


def test_it_runs_and_prints_a_line_for_each_rate() -> None:
    need_program("mosquitto")
    command = [sys.executable, str(_BENCH), "--rates", "50", "--seconds", "3", "--pages", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=True)
    about, head, line = done.stdout.splitlines()
    assert about == "SQLite; messages of 5"
    assert head.split()[:6] == ["asked/s", "sent/s", "reached", "/CPU-s", "pages", "p50"]
    asked, _, reached, _, pages, *figures = line.split()
    assert (asked, pages) == ("50", "4/4"), "every page came"
    assert float(reached) > 0
    assert len(figures) == 5
    assert not re.search("nan", line)
