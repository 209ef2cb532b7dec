"""The bench of sixteen oximeters runs, in a small form, and says what it must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_bench_counts_nothing_missing() -> None:
    ended = subprocess.run(
        [sys.executable, "bench/sixteen_oximeters.py", "--oximeters", "3", "--seconds", "20"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "sent 60, on the spool 60, distinct numbers 60" in ended.stdout
    assert "missing 0, doubled 0, in order True" in ended.stdout
    assert "readings per CPU second" in ended.stdout
