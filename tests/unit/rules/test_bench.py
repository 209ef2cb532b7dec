"""The benchmark runs: a short form of it, for its figures are never asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_benchmark_prints_every_figure() -> None:
    run = subprocess.run(
        [sys.executable, "bench/rules.py", "--cpu-s", "0.02", "--rules", "3"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    assert [line.split(":")[0].split(" (")[0] for line in lines] == [
        "packs",
        "packs, out of order",
        "packs, a clinic",
        "that clinic",
        "3 rules",
        "3 rules on one value",
        "state of one subject",
    ]


def test_the_benchmark_of_replays_prints_every_figure() -> None:
    run = subprocess.run(
        [sys.executable, "bench/replay.py", "--clinics", "2", "--days", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    assert lines[0].startswith("readings 600, residents ")
    assert [line.split(":")[0] for line in lines[1:]] == ["taped", "judged", "alarms old/new", "peak memory"]


def test_the_benchmark_of_all_residents_builds_their_journal_and_judges_beside_it() -> None:
    run = subprocess.run(
        [sys.executable, "bench/residents.py", "--residents", "2000", "--readings", "1000"],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    journal, start_up, spread = run.stdout.splitlines()
    assert journal.startswith("journal: 2,000 residents, ")
    assert start_up.startswith("start-up until the first reading was judged: ")
    assert spread.startswith("1,000 readings spread over all residents: ")


def test_the_benchmark_of_scores_prints_every_figure() -> None:
    run = subprocess.run(
        [sys.executable, "bench/scores.py", "--cpu-s", "0.02"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    named = ["one limit", "the same values", "wavering", "never the same twice"]
    assert [line.split(":")[0] for line in lines] == named
    assert all(line.endswith(" us") for line in lines)
