"""What the rules' two runners judge by second: SQLite with one worker, PostgreSQL with one, two and four.

    ./dev run python bench/runners.py                       # about two minutes
    ./dev run python bench/runners.py --events 2000 --workers 1   # shorter

Each worker is a process of its own with its own clinics, and takes messages of `--size` readings in batches,
as from the broker: parsed, judged by the shipped packs, committed (fsync on, on both sides), receipts made.
No broker takes part. "CPU": of all workers together; PostgreSQL's own processes are not in it. Figures of one
run on one machine: compare ratios, not runs. More workers than processors show that they do not wait for one
another, and no more.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import structlog

from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.database import JournalAt, Share
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import packs_dir
from cunmai_rules.slots import BATCH_MESSAGES
from cunmai_rules.thresholds.loader import load_rules
from cunmai_runtime.clock import system_clock
from cunmai_runtime.intake import Delivery
from cunmai_wire.topics import Channel, gateway_topic
from support.clinics import Clinics
from support.postgres import Cluster
from support.sms_sink import SECRET


@dataclass(frozen=True)
class Job:
    """What one worker does. Its clinics are its own."""

    at: JournalAt
    slot: int
    workers: int
    events: int
    size: int
    batch: int
    folder: Path


def deliveries(job: Job) -> Iterator[list[Delivery]]:
    """Batches of messages, as from the broker; readings of a minute ago."""
    clinics = Clinics(gateways=8, residents=25, readings=job.events)
    renamed = {id_: f"{id_}-{job.slot}" for id_ in clinics.ids}
    waiting: list[Delivery] = []
    longest = max(map(len, clinics.by_gateway.values()))
    for start in range(0, longest, job.size):
        for id_, readings in clinics.by_gateway.items():
            part = readings[start : start + job.size]
            if part:
                waiting.append(message(renamed[id_], clinics.streams[id_], part, job.slot))
        while len(waiting) >= job.batch:
            yield waiting[: job.batch]
            del waiting[: job.batch]
    if waiting:
        yield waiting


def message(gateway: str, stream: str, readings: Sequence[dict[str, Any]], slot: int) -> Delivery:
    mine = [{**one, "resident": f"{one['resident']}-{slot}"} for one in readings]
    now_ms = system_clock()
    envelope = {
        "v": 1, "gateway": gateway, "stream": f"{stream[:-2]}{slot:02d}", "sent": now_ms, "clock": "trusted",
        "readings": mine,
    }  # fmt: skip
    return Delivery(gateway_topic(gateway, Channel.READINGS), json.dumps(envelope).encode(), now_ms, 1, 1)


def settings(folder: Path) -> RulesSettings:
    return RulesSettings.model_validate(
        {
            "data_dir": folder,
            "contacts": [{"id": "village", "role": "村医", "to": "test"}],
            "fallback_contacts": ["village"],
            "webhook": {"url": "http://127.0.0.1:1/", "secret": SECRET},
            "public_url": "http://127.0.0.1:8087",
            "late_after_s": 86_400,
        }
    )


def work(job: Job, ready: Any, begin: Any, done: Any) -> None:
    """One worker's process."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    batches = list(deliveries(job))
    rules = load_rules(packs_dir())
    chosen = settings(job.folder)
    with closing(open_journal(job.at, Share(job.slot, job.workers))) as db:
        engine = Engine(db, Desk(db, chosen, b"k" * 32), chosen, system_clock, rules)
        engine.tick()
        ready.put(job.slot)
        begin.wait()
        cpu_s = time.process_time()
        receipts = sum(len(engine.take(batch)) for batch in batches)
        done.put((time.process_time() - cpu_s, receipts))


def run(at: JournalAt, workers: int, events: int, size: int, batch: int) -> tuple[float, float]:
    """Events by second, and by CPU-second of the workers."""
    context = multiprocessing.get_context("spawn")
    ready, begin, done = context.Queue(), context.Event(), context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            Job(at, slot, workers, events // workers, size, batch, Path(folder)) for slot in range(workers)
        ]
        processes = [context.Process(target=work, args=(job, ready, begin, done)) for job in jobs]
        for process in processes:
            process.start()
        for _ in processes:
            ready.get(timeout=120)
        started = time.perf_counter()
        begin.set()
        spent = [done.get(timeout=600) for _ in processes]
        took_s = time.perf_counter() - started
        for process in processes:
            process.join(30)
    judged = events // workers * workers
    return judged / took_s, judged / sum(cpu_s for cpu_s, _ in spent)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--size", type=int, default=5, help="readings in one message")
    parser.add_argument("--batch", type=int, default=BATCH_MESSAGES, help="messages in one batch, at most")
    chosen = parser.parse_args()
    print(f"{chosen.events:,} events, {chosen.size} in a message, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        base, by_cpu = run(Path(folder) / "rules.sqlite", 1, chosen.events, chosen.size, chosen.batch)
    print(f"SQLite, 1 worker: {base:,.0f} events/s, {by_cpu:,.0f} per CPU-second")
    cluster = Cluster()
    cluster.start()
    try:
        for workers in chosen.workers:
            rate, by_cpu = run(cluster.schema(), workers, chosen.events, chosen.size, chosen.batch)
            print(
                f"PostgreSQL, {workers} worker{'s' * (workers > 1)}: {rate:,.0f} events/s"
                f" ({rate / base:.2f} of SQLite), {by_cpu:,.0f} per CPU-second"
            )
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
