"""What ingest costs: parse and encode by CPU-second, and the whole way beside the bare limits of the same run.

    ./dev run python bench/ingest.py                    # about two minutes
    ./dev run python bench/ingest.py --messages 2000    # shorter

The limits: Debian's mosquitto_sub, a C program, draining the same backlog from the same broker; and the same
line protocol posted straight to the same InfluxDB. Figures of one run on one machine: compare ratios, not runs.
Needs mosquitto and influxdb (`./dev test` installs them where it may), and the environment of the tests.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from cunmai_ingest.assembly import understand
from cunmai_ingest.service import Ingest
from cunmai_ingest.settings import InfluxSettings, IngestSettings, SqliteSettings, StoreSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.envelope import parse_envelope
from cunmai_wire.topics import Channel, gateway_topic
from support.broker import Mosquitto
from support.influx import Influxd
from support.influx_front import InfluxFront
from support.messages import envelope, oximetry

GATEWAYS = 20
LINES_IN_BODY = 5000


def messages(count: int, size: int, now_ms: int) -> list[tuple[str, bytes]]:
    """`count` messages of `size` readings from twenty gateways, each with three devices and residents."""
    made = []
    for number in range(count):
        gateway = number % GATEWAYS
        first = number // GATEWAYS * size + 1
        readings = [
            oximetry(
                seq,
                now_ms - 3_600_000 + seq,
                device=f"plx-{seq % 3}",
                resident=f"r-{gateway}-{seq % 3}",
                spo2_pct=88 + seq * 7 % 110 / 10,
                pulse_bpm=float(55 + seq * 13 % 60),
                perfusion_index_pct=seq * 37 % 1000 / 100,
            )
            for seq in range(first, first + size)
        ]
        name, stream = f"bench-{gateway:02d}", f"11111111-2222-3333-4444-{gateway:012d}"
        payload = envelope(readings, gateway=name, stream=stream, sent=now_ms)
        made.append(
            (gateway_topic(name, Channel.READINGS), payload.replace(b", ", b",").replace(b": ", b":"))
        )
    return made


def cpu_s(work: Callable[[], object], runs: int) -> float:
    """The least CPU time of several runs: the one that was disturbed least."""
    least = float("inf")
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least


def bench_encode(runs: int) -> None:
    print("parse + encode, thousand readings per CPU-second (best of", runs, "runs)")
    print(f"{'N':>4} {'parse':>8} {'+ points':>9} {'+ encode':>9}   share of parse alone")
    now_ms = system_clock()
    for size in (1, 10, 60):
        batch = messages(6000 // size, size, now_ms)
        count = len(batch) * size
        steps: list[Callable[[], object]] = [
            lambda: [parse_envelope(topic, payload) for topic, payload in batch],  # noqa: B023
            lambda: [understand(topic, payload, now_ms) for topic, payload in batch],  # noqa: B023
            lambda: body_of(batch, now_ms),  # noqa: B023
        ]
        rates = [count / cpu_s(step, runs) / 1000 for step in steps]
        print(f"{size:>4} {rates[0]:>8.0f} {rates[1]:>9.0f} {rates[2]:>9.0f}   {rates[2] / rates[0]:.2f}")


def body_of(batch: list[tuple[str, bytes]], now_ms: int) -> bytes:
    """Messages to one body of line protocol, as the store makes it."""
    lines = [p.line() for topic, payload in batch for p in understand(topic, payload, now_ms).points]
    return "\n".join(lines).encode()


# -- the whole way ---------------------------------------------------------------------------------------


@dataclass
class Rig:
    """Real servers, and a backlog to drain."""

    broker: Mosquitto
    influxd: Influxd
    folder: Path
    batch: list[tuple[str, bytes]]
    size: int

    @property
    def readings(self) -> int:
        return len(self.batch) * self.size

    def publish(self) -> None:
        """The backlog, by Debian's mosquitto_pub: one message a line, a topic at a time."""
        by_topic: dict[str, list[bytes]] = {}
        for topic, payload in self.batch:
            by_topic.setdefault(topic, []).append(payload)
        for topic, payloads in by_topic.items():
            command = ["mosquitto_pub", "-p", str(self.broker.port), "-q", "1", "-t", topic, "-l"]
            subprocess.run(command, input=b"\n".join(payloads) + b"\n", check=True)

    def drain_by_c(self) -> float:
        """Seconds that mosquitto_sub takes for the backlog of a session of its own."""
        command = ["mosquitto_sub", "-p", str(self.broker.port), "-q", "1", "-c", "-i", "bench-c", "-V", "5"]
        command += ["-x", "3600", "-t", "cunmai/v1/+/+/readings"]
        subprocess.run([*command, "-E"], check=True)
        self.publish()
        began = time.monotonic()
        count = str(len(self.batch))
        subprocess.run([*command, "-C", count], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - began

    def ingest(self, name: str, store: StoreSettings) -> tuple[float, float]:
        """Seconds, and CPU seconds of this process, from start to the last acknowledgement."""
        folder = self.folder / name
        settings = IngestSettings(
            id=f"bench-{name}", mqtt=MqttSettings(port=self.broker.port), data_dir=folder, store=store
        )
        with _running(settings) as ingest:
            _wait(lambda: ingest.up)
        self.publish()
        cpu, began = time.process_time(), time.monotonic()
        with _running(settings) as ingest:
            _wait(lambda: _stored(ingest) >= self.readings)
            took = time.monotonic() - began, time.process_time() - cpu
        counts = ingest.counts()
        assert sum(count.stored.total for count in counts) == self.readings
        assert sum(count.stored.doubled for count in counts) == 0
        return took

    def post_straight(self, database: str) -> float:
        """Seconds for the same lines, in bodies of the same size, straight to InfluxDB's own path."""
        now_ms = system_clock()
        per_body = max(1, LINES_IN_BODY // self.size)
        parts = [self.batch[start : start + per_body] for start in range(0, len(self.batch), per_body)]
        bodies = [body_of(part, now_ms) for part in parts]
        connection = http.client.HTTPConnection("127.0.0.1", self.influxd.port, timeout=60)
        began = time.monotonic()
        for body in bodies:
            connection.request("POST", f"/write?db={database}&precision=n", body)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
        return time.monotonic() - began


def _stored(ingest: Ingest) -> float:
    return ingest.metrics.registry.get_sample_value("cunmai_ingest_stored_total") or 0


def _wait(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.01)


@contextmanager
def _running(settings: IngestSettings) -> Iterator[Ingest]:
    ingest = Ingest(settings)
    stop = threading.Event()
    thread = threading.Thread(target=ingest.run, args=(stop,))
    thread.start()
    try:
        yield ingest
    finally:
        stop.set()
        thread.join()


def _serve_front(upstream_port: int, told: Any) -> None:
    """In a process of its own: its CPU is not ingest's."""
    front = InfluxFront(upstream_port)
    front.weather.keep_bodies = False
    front.start()
    told.put(front.url)
    threading.Event().wait()


@contextmanager
def _front(upstream_port: int) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    process = context.Process(target=_serve_front, args=(upstream_port, told), daemon=True)
    process.start()
    try:
        yield told.get(timeout=30)
    finally:
        process.terminate()
        process.join()


def bench_whole_way(count: int, size: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cunmai-bench-")))
        broker, influxd = Mosquitto(folder / "mosquitto"), Influxd(folder / "influxd")
        broker.start()
        stack.callback(broker.stop)
        influxd.start()
        stack.callback(influxd.stop)
        rig = Rig(broker, influxd, folder, messages(count, size, system_clock()), size)
        by_c = rig.drain_by_c()
        straight = rig.post_straight(influxd.new_database())
        url = stack.enter_context(_front(influxd.port))
        influx = InfluxSettings(
            kind="influxdb",
            url=url,
            org="o",
            bucket=influxd.new_database(),
            token="t",  # type: ignore[arg-type]
        )
        to_influx, influx_cpu = rig.ingest("influxdb", influx)
        embedded = SqliteSettings(kind="sqlite", path=folder / "store.sqlite")
        to_sqlite, sqlite_cpu = rig.ingest("embedded", embedded)
        print(f"\nthe whole way: {count} messages of {size} readings, from the broker's backlog")
        _row("bare: mosquitto_sub, a C subscriber", rig, by_c, by_c)
        _row("bare: the same lines straight to InfluxDB", rig, straight, by_c)
        _row("broker -> ingest -> InfluxDB", rig, to_influx, by_c, straight, influx_cpu)
        _row("broker -> ingest -> embedded store", rig, to_sqlite, by_c, straight, sqlite_cpu)


def _row(
    what: str, rig: Rig, took_s: float, by_c: float, straight: float | None = None, cpu: float | None = None
) -> None:
    text = f"{what:<44} {rig.readings / took_s:>9.0f} readings/s {len(rig.batch) / took_s:>8.0f} messages/s"
    if straight is not None and cpu is not None:
        text += f"   {by_c / took_s:.2f} of the C subscriber, {straight / took_s:.2f} of the bare writes"
        text += f", {rig.readings / cpu / 1000:.0f}k readings per CPU-second"
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=8000, help="of each size, for the whole way")
    parser.add_argument("--runs", type=int, default=9, help="of parse and encode")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 10, 60], help="readings in a message")
    arguments = parser.parse_args()
    configure_logging(level="WARNING")
    bench_encode(arguments.runs)
    missing = [name for name in ("mosquitto", "mosquitto_sub", "influxd") if not _found(name)]
    if missing:
        print(f"the whole way needs {', '.join(missing)}: left out")
        return
    for size in arguments.sizes:
        bench_whole_way(max(20, arguments.messages), size)


def _found(name: str) -> str | None:
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


if __name__ == "__main__":
    main()
