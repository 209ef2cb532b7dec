"""A county's month of readings through old and new rules: how fast, and in how much memory.

    ./dev run python bench/replay.py                        # 200 clinics, 30 days, 60 visits a day each, 2 rule sets
    ./dev run python bench/replay.py --clinics 5 --days 2   # a few seconds, to see that it works

Each visit measures oximetry three times, blood pressure and temperature once; one visit in fifty is low. The
figures are readings judged for each CPU second (each counted once for each rule set), and the highest memory.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cunmai_rules.journal.judgements import Subject
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.loader import load_rules
from cunmai_rules.tools.replay.replaying import DAY_MS, Named, Setting, replay_tape
from cunmai_rules.tools.replay.tape import Heard, Tape

BEGINS_MS = 1_767_225_600_000


def county(clinics: int, days: int, visits: int, residents: int) -> Iterator[Heard]:
    """Readings in the order of time, clinic by clinic within a day."""
    chance = random.Random(1)
    seqs = [0] * clinics
    for day in range(days):
        for clinic in range(clinics):
            for visit in range(visits):
                seqs[clinic] += 1
                at_ms = BEGINS_MS + day * DAY_MS + 8 * 3_600_000 + visit * 600_000
                yield from visited(clinic, chance.randrange(residents), at_ms, chance, seqs)


def visited(
    clinic: int, resident: int, at_ms: int, chance: random.Random, seqs: list[int]
) -> Iterator[Heard]:
    gateway = f"cz-{clinic:03}"
    subject = Subject(f"R-{clinic:03}-{resident:05}", gateway, "kiosk", f"R-{clinic:03}-{resident:05}")
    spo2 = chance.choice((90, 91, 92)) if chance.random() < 0.02 else chance.choice((95, 96, 97, 98))
    measured: list[tuple[str, dict[str, object]]] = [
        *[("oximetry", {"mode": "continuous", "spo2_pct": spo2, "pulse_bpm": 72})] * 3,
        ("blood_pressure", {"systolic_mmhg": chance.gauss(138, 16), "diastolic_mmhg": 80}),
        ("temperature", {"temperature_c": 36.6}),
    ]
    for n, (kind, values) in enumerate(measured):
        seqs[clinic] += 1
        t_ms = at_ms + n * 10_000
        yield Heard(subject, Observation(gateway, seqs[clinic], kind, t_ms, values, (), False, t_ms), t_ms)


def changed(folder: Path) -> Path:
    """The shipped rules with another limit."""
    for path in packs_dir().glob("*.yaml"):
        (folder / path.name).write_text(path.read_text().replace("at_or_below: 93", "at_or_below: 91"))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clinics", type=int, default=200)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--visits", type=int, default=60, help="a day, at each clinic")
    parser.add_argument("--residents", type=int, default=2000, help="of each clinic")
    given = parser.parse_args()
    with Tape() as tape, tempfile.TemporaryDirectory() as folder:
        rule_sets = [
            Named(name, load_rules(path))
            for name, path in (("old", packs_dir()), ("new", changed(Path(folder))))
        ]
        before_s = time.process_time()
        tape.add(county(given.clinics, given.days, given.visits, given.residents))
        taped_s = time.process_time()
        span = tape.span()
        replayed = replay_tape(tape, rule_sets, Setting(), (span.first_ms, span.last_ms), lambda *_: None)
        judged_s = time.process_time()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"readings {span.readings}, residents {replayed.subjects}, rules {len(rule_sets[0].rules.by_id)}")
    print(f"taped: {span.readings / (taped_s - before_s):,.0f} readings/CPU-s (making them up included)")
    per_s = 2 * span.readings / (judged_s - taped_s)
    print(f"judged: {per_s:,.0f} readings/CPU-s, {judged_s - before_s:.1f} CPU-s in all")
    print(f"alarms old/new: {'/'.join(str(tally.alarm_count) for _, tally in replayed.tallies)}")
    print(f"peak memory: {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
