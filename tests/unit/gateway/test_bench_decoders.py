"""The benchmark of the decoders runs and covers every format. What it measures is no matter of a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cunmai_gateway.decoders.registry import FRAME_TYPES

SCRIPT = Path(__file__).resolve().parents[3] / "bench" / "decoders.py"


def test_every_format_has_a_line_of_figures() -> None:
    run = subprocess.run(
        [sys.executable, SCRIPT, "--cpu-s", "0.0005"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert {line.split()[0] for line in lines[1:-1]} == set(FRAME_TYPES)
    for line in lines[1:-1]:
        _, size, unpack_us, decode_us, ratio, *others = line.split()
        assert int(size) >= 0
        assert min(float(unpack_us), float(decode_us), float(ratio), *map(float, others)) > 0
    assert f"of {len(FRAME_TYPES)} decoders under 10 us" in lines[-1]
