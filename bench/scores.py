"""What a rule on a score costs: CPU microseconds of the pure core for one oximeter reading, one a second.

    ./dev run python bench/scores.py                 # about ten seconds
    ./dev run python bench/scores.py --cpu-s 0.2     # each figure from less

"one limit": a rule on one value, for comparison. The others are one rule on NEWS2: "the same values" each second;
"wavering" as a person's do; "never the same twice", the worst case, in which nothing that was worked out before
helps; each with everything known, and with nobody's assessment, so that the score is a range.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.loader import build_rules
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import NOTHING_SEEN, SubjectState
from cunmai_rules.thresholds.step import step

T0_MS = 1_767_323_045_000

PACK = """\
pack: bench
version: 1
title: {{zh: bench, en: bench}}
rules:
  - id: rule
    title: {{zh: bench, en: bench}}
    grade: red
    when: {when}
    clear: {clear}
    applies: {{age_years: {{at_or_above: 16}}, pregnant: false}}
    lane: page
    source: bench
"""
LIMIT = ('{reads: oximetry.spo2_pct, unit: "%", at_or_below: 85}', "{at_or_above: 90}")
NEWS2 = ("{score: news2, at_or_above: 15, within_s: 2592000}", "{for_s: 60}")
KNOWN: tuple[tuple[str, dict[str, object]], ...] = (
    ("respiration", {"respiratory_rate_per_min": 18.0}),
    ("blood_pressure", {"systolic_mmhg": 120.0, "diastolic_mmhg": 70.0}),
    ("temperature", {"temperature_c": 36.8}),
    ("assessment", {"consciousness": "A", "on_oxygen": False}),
)
Values = Callable[[int], dict[str, object]]


def same(_second: int) -> dict[str, object]:
    return {"spo2_pct": 97.0, "pulse_bpm": 72.0}


def wavering(second: int) -> dict[str, object]:
    return {"spo2_pct": 95.0 + second * 7 % 4, "pulse_bpm": 68.0 + second * 13 % 11}


def never_twice(second: int) -> dict[str, object]:
    return {"spo2_pct": 95.0 + second / 1e7, "pulse_bpm": 70.0}


def known(rules: RuleSet, kinds: int) -> SubjectState:
    """A subject of whom the first so many of `KNOWN` were measured."""
    state = NOTHING_SEEN
    for seq, (kind, values) in enumerate(KNOWN[:kinds], 1):
        state = step(state, Observation("k", seq, kind, T0_MS, values, (), False), rules).state
    return state


def us_per_reading(pack: tuple[str, str], values: Values, kinds: int, cpu_s: float) -> float:
    when, clear = pack
    rules = build_rules([("bench.yaml", PACK.format(when=when, clear=clear).encode())])
    state = known(rules, kinds)
    count, started = 0, time.process_time()
    while (spent := time.process_time() - started) < cpu_s:
        for _ in range(100):
            count += 1
            event = Observation("s", count, "oximetry", T0_MS + count * 1000, values(count), (), False)
            state = step(state, event, rules).state
    return spent / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu-s", type=float, default=1.5, help="CPU seconds for each figure")
    cpu_s = parser.parse_args().cpu_s
    print(f"one limit: {us_per_reading(LIMIT, wavering, 0, cpu_s):.1f} us")
    for name, values in (
        ("the same values", same),
        ("wavering", wavering),
        ("never the same twice", never_twice),
    ):
        whole, part = (us_per_reading(NEWS2, values, kinds, cpu_s) for kinds in (4, 3))
        print(f"{name}: whole {whole:.1f} us, range {part:.1f} us")


if __name__ == "__main__":
    main()
