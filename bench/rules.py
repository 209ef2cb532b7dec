"""What judging costs: events per CPU-second of the pure core, and memory per subject.

    ./dev run python bench/rules.py                  # all, about half a minute
    ./dev run python bench/rules.py --cpu-s 0.2      # each figure from less

"packs": the shipped packs. "an oximeter": someone of 70 in a village at 40 m, one reading a second: one in ten is of
a low spell, and the others waver from 95 to 99. "a clinic": weekly visits of such people, see `visit_of`, and what
their kiosks tell of themselves meanwhile; its mix is printed. "N rules": N rules spread over every value of the
contract, as a county's packs are;
"N rules on one value": the worst case, all of them read the value that comes. "out of order": every tenth
reading is exchanged with the next but one, so that the readings since a checkpoint are judged again.
"at best": in the quickest twentieth of the run. On a machine that others use, a CPU-second does more or less work
from one moment to the next.
"state": bytes of JSON as the journal keeps it, and of Python objects, for one subject after a visit.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.loader import build_rules, load_rules
from cunmai_rules.thresholds.memory import NOTHING_YET, Key, Memory, dump_memory, key_of, load_memory
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.window import judge, reach
from cunmai_wire.codes import CODES

T0_MS = 1_767_323_045_000
SUBJECTS = 100
SOMEONE = Facts(age_years=70.5, pregnant=False, conditions=frozenset(), risk_colour="yellow", altitude_m=40)


SOMETHING = Facts(altitude_m=40)
"""Of a gateway, a device or a site no more is known."""


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
                moment = second + 2 * subject  # a low spell of somebody's begins every other second
                spo2 = 91.0 if moment % 200 < 20 else 95.0 + moment // 7 % 5
                values = {"mode": "continuous", "spo2_pct": spo2, "pulse_bpm": 70.0 + moment // 3 % 15}
                yield (
                    subject,
                    Observation("s", second + 1, "oximetry", T0_MS + second * 1000, values, (), False),
                )
        seconds += 10


Visit = list[tuple[int, str, dict[str, object]]]
"""Seconds since it began, kind, values."""
WEEK_S = 7 * 24 * 3600
VISIT_S = 120


def visit_of(person: int, week: int) -> Visit:
    """What is measured of somebody who comes once a week. One in ten is short of oxygen, one in ten hypertensive."""
    case = (person * 7 + week * 3) % 20
    found: Visit = [
        (0, "assessment", {"consciousness": "A", "on_oxygen": False}),
        (5, "temperature", {"temperature_c": 38.4 if case == 4 else 36.3 + case % 7 / 10}),
        (10, "blood_pressure", {"systolic_mmhg": 164.0 if case in (2, 3) else 112.0 + case, "diastolic_mmhg": 78.0}),
    ]  # fmt: skip
    for second in range(60):
        spo2 = 90.0 + second // 9 % 3 if case in (0, 1) else 95.0 + (case + second // 7) % 5
        found.append(
            (20 + second, "oximetry", {"spo2_pct": spo2, "pulse_bpm": 68.0 + (case + second // 3) % 15})
        )
    found.append((85, "respiration", {"respiratory_rate_per_min": 22.0 if case == 0 else 16.0}))
    found.append((90, "blood_pressure", {"systolic_mmhg": 118.0 + case, "diastolic_mmhg": 80.0}))
    if case % 3 == 0:
        found.append((100, "glucose", {"glucose_mmol_l": 5.1 + case / 10, "meal": "fasting"}))
    return [*found, (110, "weight", {"weight_kg": 60.0 + case})]


def around(kiosk: int, week: int) -> list[tuple[int, str, Visit]]:
    """What a kiosk tells of itself, of a device and of its site during a visit: each a subject of its own."""
    quiet = (kiosk + week) % 20
    gateway = {"clock": "trusted", "lost_count": week if quiet == 0 else 0, "configuration_refused": False}
    device = {"condition": "silent" if quiet == 1 else "ok", "battery_pct": 18.0 if quiet == 2 else 80.0}
    site = {"waiting_count": 12 if quiet == 3 else 4, "stock_days": {"a": 30.0, "b": 21.0}}
    return [
        (1, "gateway", [(2, "gateway_status", {**gateway}), (62, "gateway_status", {**gateway})]),
        (2, "device", [(15, "device_status", {**device}), (95, "device_status", {**device})]),
        (3, "site", [(30, "site_status", {**site})]),
    ]


def clinic() -> Iterator[tuple[int, Observation]]:
    """Subject and reading, for ever: at each of a hundred kiosks one visit after the other, all as they come."""
    numbers: Counter[int] = Counter()
    for week in count():
        events: list[tuple[int, int, str, dict[str, object]]] = []
        for kiosk in range(SUBJECTS):
            streams = [(0, "", visit_of(kiosk, week)), *around(kiosk, week)]
            for which, _, those in streams:
                events += [
                    (at_s + kiosk % VISIT_S, kiosk * 4 + which, kind, values) for at_s, kind, values in those
                ]
        for at_s, subject, kind, values in sorted(events, key=lambda one: one[:2]):
            numbers[subject] += 1
            t_ms = T0_MS + (week * WEEK_S + at_s) * 1000
            yield subject, Observation("s", numbers[subject], kind, t_ms, values, (), False)


def mix() -> str:
    """What the visits of twenty weeks are made of."""
    kinds = Counter(event.kind for _, event in islice(clinic(), 140_000))
    share = ", ".join(f"{kind} {number / kinds.total():.1%}" for kind, number in kinds.most_common())
    return f"{share}; one visit in ten with low oxygen, one in ten with high pressure, one in twenty feverish"


class Rate(NamedTuple):
    """Events per CPU-second."""

    all: float
    best: float
    """Of the quickest twentieth of the run."""

    def __str__(self) -> str:
        return f"{self.all:,.0f} events per CPU-second, {self.best:,.0f} at best"


def events_per_cpu_s(
    rules: RuleSet, cpu_s: float, source: Iterator[tuple[int, Observation]], *, out_of_order: bool = False
) -> Rate:
    """The core alone: no JSON, no disk. The past is kept as the journal would keep it."""
    memories: list[Memory] = [NOTHING_YET] * SUBJECTS * 4
    pasts: list[dict[Key, Observation]] = [{} for _ in memories]
    parts: list[tuple[int, float]] = []
    done, spent, all_spent = 0, 0.0, 0.0
    while all_spent < cpu_s:
        batch = list(islice(source, 500))  # making them is no part of judging them
        started = time.process_time()
        for subject, event in batch:
            memory = memories[subject]
            after = reach(memory, [event])
            past = [] if after is None else [e for key, e in pasts[subject].items() if key > after]
            memories[subject] = judge(memory, [event], rules, _facts(event), past).memory
            if out_of_order:
                pasts[subject][key_of(event)] = event
        took = time.process_time() - started
        done, spent, all_spent = done + len(batch), spent + took, all_spent + took
        if spent >= cpu_s / 20:
            parts.append((done, spent))
            done, spent = 0, 0.0
    total = sum(number for number, _ in parts)
    return Rate(
        total / sum(seconds for _, seconds in parts), max(number / seconds for number, seconds in parts)
    )


def _facts(event: Observation) -> Facts:
    return SOMETHING if event.kind.endswith("_status") else SOMEONE


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
    base = events_per_cpu_s(packs, cpu_s, readings())
    print(f"packs ({len(packs.by_id)} rules), an oximeter: {base}")
    shuffled = events_per_cpu_s(packs, cpu_s, readings(out_of_order=True), out_of_order=True)
    print(f"packs, out of order: {shuffled} ({base.all / shuffled.all:.1f} x the cost)")
    print(f"packs, a clinic: {events_per_cpu_s(packs, cpu_s, clinic())}")
    print(f"that clinic: {mix()}")
    everywhere = sorted(CODES)
    for name, values in (("rules", everywhere), ("rules on one value", [("oximetry", "spo2_pct")])):
        first = None
        for number in chosen.rules:
            rate = events_per_cpu_s(rules_on(values, number), cpu_s, readings())
            first = first or rate
            print(f"{number} {name}: {rate} ({first.all / rate.all:.1f} x the cost of the first)")
    text, objects = state_of(packs)
    print(f"state of one subject: {text} bytes of JSON, {objects} bytes of objects")


if __name__ == "__main__":
    main()
