"""What judging costs: events per CPU-second of the pure core, and memory per subject.

    ./dev run python bench/rules.py                  # all, about half a minute
    ./dev run python bench/rules.py --cpu-s 0.2      # each figure from less

"packs": the shipped packs, for someone of 70 in a village at 40 m, an oximeter each second: one in ten readings is
of a low spell. "N rules": N rules spread over every value of the contract, as a county's packs are;
"N rules on one value": the worst case, all of them read the value that comes. "out of order": every tenth
reading is exchanged with the next but one, so that the readings since a checkpoint are judged again.
"state": bytes of JSON as the journal keeps it, and of Python objects, for one subject after a visit.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Iterator

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.loader import build_rules, load_rules
from cunmai_rules.thresholds.memory import NOTHING_YET, Memory, dump_memory, key_of, load_memory
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.window import judge, reach
from cunmai_wire.codes import CODES

T0_MS = 1_767_323_045_000
SUBJECTS = 100
SOMEONE = Facts(age_years=70.5, pregnant=False, conditions=frozenset(), risk_colour="yellow", altitude_m=40)


def rules_on(values: list[tuple[str, str]], count: int) -> RuleSet:
    """`count` rules, spread over these values."""
    text = ["pack: bench\nversion: 1\ntitle: {zh: bench, en: bench}\nrules:\n"]
    packs: list[tuple[str, bytes]] = []
    for n in range(count):
        kind, field = values[n % len(values)]
        unit = CODES[kind, field].ucum
        # The lowest that the contract allows: no reading of this benchmark is there.
        limit = (-200 if field.endswith("_dbm") else 0) + n / 100_000
        text.append(
            f"  - {{id: rule-{n}, title: {{zh: bench, en: bench}}, grade: yellow, lane: review, source: bench,"
            f" when: {{reads: {kind}.{field}, unit: '{unit}', at_or_below: {limit:.5f}, for_s: 15}},"
            f" clear: {{at_or_above: {limit + 0.5:.5f}}}}}\n"
        )
        if n % 400 == 399 or n == count - 1:
            name = f"bench-{n}"
            packs.append((f"{name}.yaml", "".join(text).replace("pack: bench\n", f"pack: {name}\n").encode()))
            del text[1:]
    return build_rules(packs)


def readings(out_of_order: bool = False) -> Iterator[tuple[int, Observation]]:
    """Subject and reading, for ever: one a second of each, mostly normal."""
    seconds = 0
    while True:
        order = range(seconds, seconds + 10)
        swapped = [*order[:7], order[9], order[8], order[7]] if out_of_order else order
        for second in swapped:
            for subject in range(SUBJECTS):
                moment = second + subject
                spo2 = 91.0 if moment % 200 < 20 else 95.0 + moment // 7 % 5
                values = {"mode": "continuous", "spo2_pct": spo2, "pulse_bpm": 70.0 + moment // 3 % 15}
                yield (
                    subject,
                    Observation("s", second + 1, "oximetry", T0_MS + second * 1000, values, (), False),
                )
        seconds += 10


def events_per_cpu_s(rules: RuleSet, cpu_s: float, *, out_of_order: bool = False) -> float:
    """The core alone: no JSON, no disk. The past is kept as the journal would keep it."""
    memories: list[Memory] = [NOTHING_YET] * SUBJECTS
    pasts: list[dict[tuple[int, str, int], Observation]] = [{} for _ in range(SUBJECTS)]
    source = readings(out_of_order)
    count, started = 0, time.process_time()
    while (spent := time.process_time() - started) < cpu_s:
        for _ in range(500):
            subject, event = next(source)
            memory = memories[subject]
            after = reach(memory, [event])
            past = [] if after is None else [e for key, e in pasts[subject].items() if key > after]
            memories[subject] = judge(memory, [event], rules, SOMEONE, past).memory
            if out_of_order:
                pasts[subject][key_of(event)] = event
        count += 500
    return count / spent


def state_of(rules: RuleSet) -> tuple[int, int]:
    """Bytes of JSON, and of objects, of one subject after a visit of a minute."""
    memory = NOTHING_YET
    for second in range(60):
        values = {"spo2_pct": 97.0, "pulse_bpm": 80.0}
        event = Observation("s", second + 1, "oximetry", T0_MS + second * 1000, values, (), False)
        memory = judge(memory, [event], rules, SOMEONE).memory
    text, profile = dump_memory(memory), memory.rules.profile
    tracemalloc.start()
    kept = [load_memory(text, {profile.key: profile}.get) for _ in range(1000)]
    size = tracemalloc.get_traced_memory()[0] // len(kept)
    tracemalloc.stop()
    return len(text), size


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu-s", type=float, default=2.0, help="CPU seconds for each figure")
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100, 1000], help="how many rules")
    chosen = parser.parse_args()
    cpu_s: float = chosen.cpu_s
    packs = load_rules(packs_dir())
    base = events_per_cpu_s(packs, cpu_s)
    print(f"packs ({len(packs.by_id)} rules): {base:,.0f} events per CPU-second")
    shuffled = events_per_cpu_s(packs, cpu_s, out_of_order=True)
    print(f"packs, out of order: {shuffled:,.0f} events per CPU-second ({base / shuffled:.1f} x the cost)")
    everywhere = sorted(CODES)
    for name, values in (("rules", everywhere), ("rules on one value", [("oximetry", "spo2_pct")])):
        first = 0.0
        for count in chosen.rules:
            rate = events_per_cpu_s(rules_on(values, count), cpu_s)
            first = first or rate
            print(
                f"{count} {name}: {rate:,.0f} events per CPU-second ({first / rate:.1f} x the cost of the first)"
            )
    text, objects = state_of(packs)
    print(f"state of one subject: {text} bytes of JSON, {objects} bytes of objects")


if __name__ == "__main__":
    main()
