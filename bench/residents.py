"""The rules' engine beside 2,060,000 residents: start-up, memory, and readings spread over all of them.

    ./dev run python bench/residents.py                    # Tianjin's over-65s; a quarter of an hour, 20 GB of disk
    ./dev run python bench/residents.py --residents 2000   # a quick look

The journal is built first, in a folder that is removed at the end: a thousand visits (a few readings of two or
three kinds; some low, some raised, some an hour ago and most long gone) are judged by the rules themselves, and
each resident gets one of the states that come of it, as the engine packs it, under a name of their own. Of the
visits of the last thirty days the readings are kept as well. Inserts are in bulk, without a disk sync.

Then a new process starts as the service does, with `--packs` loaded, and is watched until it has judged and
committed its first reading; after that `--readings` come from 2,000 gateways, each for a resident at random, 50
to a message and 20 messages to a batch, every batch synced to disk. The file is warm in the system's cache.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.database import part_of
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.loader import load_rules
from cunmai_rules.thresholds.memory import NOTHING_YET, dump_memory, key_of
from cunmai_rules.thresholds.packed import pack_profile
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import Profile
from cunmai_rules.thresholds.step import due_ms
from cunmai_rules.thresholds.watch import RulesInForce
from cunmai_rules.thresholds.window import judge, tick
from cunmai_runtime.intake import Delivery
from cunmai_wire.topics import Channel, gateway_topic

T0_MS = 1_767_323_045_000
DAY_MS = 86_400_000
GATEWAYS = 2000
KEEP_DAYS = 30
VISITS = 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--residents", type=int, default=2_060_000)
    parser.add_argument("--readings", type=int, default=20_000)
    parser.add_argument("--packs", type=Path, default=None, help="default: the shipped packs")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        serve(chosen.serve, chosen.residents, chosen.readings, chosen.packs)
        return
    with tempfile.TemporaryDirectory(prefix="cunmai-residents-") as folder:
        started = time.monotonic()
        path = Path(folder) / "rules.sqlite"
        rows = build(path, chosen.residents, chosen.packs)
        size = path.stat().st_size
        print(
            f"journal: {chosen.residents:,} residents, {rows:,} readings, {size / 1e6:,.0f} MB"
            f" ({size / chosen.residents:,.0f} bytes each), built in {time.monotonic() - started:.0f} s"
        )
        sys.stdout.flush()
        again = [sys.executable, __file__, "--serve", folder, "--residents", str(chosen.residents)]
        again += ["--readings", str(chosen.readings)]
        again += ["--packs", str(chosen.packs)] if chosen.packs else []
        subprocess.run(again, check=True)


# -- the journal ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Visit:
    """What the engine keeps of one visit."""

    state: str
    due_ms: int | None
    readings: tuple[tuple[str, int, dict[str, Any], tuple[str, ...], str], ...]
    """Kind, time, values, quality, decisions."""


def visits(rules: RuleSet) -> tuple[list[Visit], dict[str, Profile]]:
    """Judged by the core, in the order of time, and ticked to now."""
    facts = Facts(altitude_m=40)
    found: list[Visit] = []
    profiles: dict[str, Profile] = {}
    chance = random.Random(1)
    for _ in range(VISITS):
        memory, kept = NOTHING_YET, []
        for seq, (kind, t_ms, values, quality) in enumerate(_visit(chance), start=1):
            event = Observation("0" * 36, seq, kind, t_ms, values, quality, False, t_ms)
            outcome = judge(memory, [event], rules, facts)
            memory = outcome.memory
            said = {one.rule: one.reason for one in outcome.decisions[key_of(event)]}
            kept.append((kind, t_ms, values, quality, json.dumps(said)))
        memory = tick(memory, T0_MS, rules, facts).memory
        profiles[memory.rules.profile.key] = memory.rules.profile
        found.append(Visit(dump_memory(memory), due_ms(memory.rules, rules, facts), tuple(kept)))
    return found, profiles


def _visit(chance: random.Random) -> Iterator[tuple[str, int, dict[str, Any], tuple[str, ...]]]:
    """A quarter's check: blood pressure, the finger in for a while, perhaps sugar and temperature."""
    began_ms = T0_MS - int(chance.random() * 90 * DAY_MS)
    low = chance.random() < 0.03
    yield (
        "blood_pressure",
        began_ms,
        {"systolic_mmhg": 100 + chance.random() * 80, "diastolic_mmhg": 80.0},
        (),
    )
    for second in range(chance.choice([1, 5, 20])):
        spo2 = float(chance.randint(88, 93) if low else chance.randint(95, 99))
        quality = ("low_perfusion",) if chance.random() < 0.05 else ()
        values = {"mode": "spot", "spo2_pct": spo2, "pulse_bpm": float(chance.randint(55, 100))}
        yield "oximetry", began_ms + 60_000 + second * 1000, values, quality
    if chance.random() < 0.5:
        yield "glucose", began_ms + 120_000, {"glucose_mmol_l": round(4 + chance.random() * 8, 1)}, ()
    if chance.random() < 0.5:
        yield "temperature", began_ms + 150_000, {"temperature_c": round(36 + chance.random(), 1)}, ()


def _rules(packs: Path | None) -> RuleSet:
    return load_rules(packs or packs_dir())


def build(path: Path, residents: int, packs: Path | None) -> int:
    """The journal; how many readings it keeps."""
    rules = _rules(packs)
    found, profiles = visits(rules)
    open_journal(path).close()
    db = sqlite3.connect(path)
    db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    db.executemany(
        "INSERT INTO profile VALUES (?, ?)", ((key, pack_profile(one)) for key, one in profiles.items())
    )
    db.executemany("INSERT INTO rule_seen VALUES (0, ?)", ((rule,) for rule in rules.by_id))
    db.executemany(
        "INSERT INTO subject (id, state, gateway, device, resident, due_ms, part) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (name, visit.state, f"gw-{n % GATEWAYS}", "oxi-1", name, visit.due_ms, part_of(name))
            for n, name, visit in ((n, name_of(n), found[n % VISITS]) for n in range(residents))
        ),
    )
    count = _insert_readings(db, found, residents)
    db.commit()
    db.executescript("PRAGMA optimize; PRAGMA journal_mode = WAL;")
    db.close()
    return count


def name_of(n: int) -> str:
    """An opaque id, in no order."""
    return f"R-{n * 2_654_435_761 % 2**32:08X}"


def _insert_readings(db: sqlite3.Connection, found: list[Visit], residents: int) -> int:
    since_ms = T0_MS - KEEP_DAYS * DAY_MS
    seqs = [0] * GATEWAYS

    def rows() -> Iterator[tuple[Any, ...]]:
        for n in range(residents):
            gateway = n % GATEWAYS
            for kind, t_ms, values, quality, said in found[n % VISITS].readings:
                if t_ms < since_ms:
                    continue
                seqs[gateway] += 1
                body = json.dumps({"values": values, "quality": quality})
                yield (
                    _stream(gateway),
                    seqs[gateway],
                    name_of(n),
                    kind,
                    t_ms,
                    t_ms,
                    0,
                    body,
                    said,
                    f"{n:016x}",
                )

    db.executemany(
        "INSERT INTO observation (stream, seq, subject, kind, t_ms, arrived_ms, late, reading, decisions, digest)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )
    db.executemany(
        "INSERT INTO held VALUES (?, 'judged', 1, ?)",
        ((_stream(gateway), seq) for gateway, seq in enumerate(seqs) if seq),
    )
    db.executemany("INSERT INTO sender VALUES (?, ?)", ((_stream(n), f"gw-{n}") for n in range(GATEWAYS)))
    return sum(seqs)


def _stream(gateway: int) -> str:
    return f"00000000-0000-4000-8000-{gateway:012d}"


# -- the service ---------------------------------------------------------------------------------------------


def serve(folder: Path, residents: int, readings: int, packs: Path | None) -> None:
    """In a process of its own: start, judge one reading, then all the others."""
    log = (folder / "log.txt").open("w")
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.WriteLoggerFactory(log)
    )
    settings = _settings(folder, packs or packs_dir())
    in_force = RulesInForce(settings.packs, folder / "in-force.json")
    now_ms = T0_MS
    db = open_journal(folder / "rules.sqlite")
    engine = Engine(db, Desk(db, settings, b"k" * 32), settings, lambda: now_ms, in_force.rules)
    engine.tick()
    numbers = [1_000_000] * GATEWAYS
    chance = random.Random(2)
    assert engine.take([_message(chance, numbers, residents, 1, now_ms)]), "a receipt"
    print(
        f"start-up until the first reading was judged: {time.monotonic() - _process_began():.1f} s"
        f" ({time.process_time():.1f} s of CPU), {_rss_mb():.0f} MB"
    )
    wall, cpu, done = time.monotonic(), time.process_time(), 0
    while done < readings:
        now_ms += 1000
        batch = [_message(chance, numbers, residents, 50, now_ms) for _ in range(20)]
        engine.take(batch)
        done += 1000
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(
        f"{done:,} readings spread over all residents: {done / wall:,.0f} a second,"
        f" {done / cpu:,.0f} per CPU-second; {_rss_mb():.0f} MB"
    )
    db.close()
    log.close()


def _settings(folder: Path, packs: Path) -> RulesSettings:
    return RulesSettings.model_validate(
        {
            "data_dir": folder,
            "packs": packs,
            "contacts": [{"id": "duty", "role": "值班", "to": "0"}],
            "sites": [
                {"gateway": f"gw-{n}", "name": f"村卫生室 {n}", "altitude_m": 40, "contacts": ["duty"]}
                for n in range(GATEWAYS)
            ],
            "fallback_contacts": ["duty"],
            "webhook": {"url": "http://127.0.0.1:9/", "secret": "whsec_" + "a2s" * 12},
            "public_url": "http://127.0.0.1:8087",
        }
    )


def _message(chance: random.Random, numbers: list[int], residents: int, count: int, now_ms: int) -> Delivery:
    gateway = chance.randrange(GATEWAYS)
    readings = []
    for _ in range(count):
        numbers[gateway] += 1
        readings.append(
            {
                "seq": numbers[gateway], "t": now_ms, "clock": "trusted", "device": "oxi-1", "kind": "oximetry",
                "resident": name_of(chance.randrange(residents)), "mode": "spot",
                "spo2_pct": chance.randint(92, 99), "pulse_bpm": chance.randint(55, 100),
            }
        )  # fmt: skip
    envelope = {
        "v": 1, "gateway": f"gw-{gateway}", "stream": _stream(gateway), "sent": now_ms, "clock": "trusted",
        "readings": readings,
    }  # fmt: skip
    topic = gateway_topic(f"gw-{gateway}", Channel.READINGS)
    return Delivery(topic, json.dumps(envelope).encode(), now_ms, mid=1, epoch=1)


def _process_began() -> float:
    """When this process was started, on the monotonic clock."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / 100


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
