"""The benchmark runs and prints what it promises; its figures are looked at by people, not asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import need_program

pytestmark = pytest.mark.server

_BENCH = Path(__file__).resolve().parents[2] / "bench" / "ingest.py"


def test_it_runs_and_prints_ratios() -> None:
    for program in ("mosquitto", "mosquitto_sub", "influxd"):
        need_program(program)
    command = [sys.executable, str(_BENCH), "--messages", "40", "--runs", "1", "--sizes", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()[2:5]] == ["1", "10", "60"]
    for row in ("mosquitto_sub", "straight to InfluxDB", "-> InfluxDB", "-> embedded store"):
        assert row in done.stdout
    assert done.stdout.count("of the C subscriber") == 2
