"""The benchmark runs: a short form of it, for its figures are never asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_the_benchmark_prints_every_figure() -> None:
    run = subprocess.run(
        [sys.executable, "bench/registry.py", "--residents", "50"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == [
        "import", "writing", "import again", "facts, cold", "facts, at hand", "contacts", "check", "rotate-key",
        "disk", "memory",
    ]  # fmt: skip
