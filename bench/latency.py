"""How long from a reading at the broker to the web hook that takes the message, beside a load of quiet readings.

    ./dev run python bench/latency.py                          # 10, 100 and 1,000 readings a second: about 4 minutes
    ./dev run python bench/latency.py --rates 100 --seconds 10 # one rate, shorter
    ./dev run python bench/latency.py --size 1                 # each reading in a message of its own
    ./dev run python bench/latency.py --postgres               # rules over PostgreSQL, two processes with a slot each

Broker (mosquitto as shipped), ingest (SQLite) and rules run as they are deployed, with all shipped packs and every
commit on the disk. Publisher, web hook and clock are in this process, all on loopback. The load is readings of
many residents who are well, in messages of `--size`; those that must page (SpO2 80, one reading, a resident and a
clinic of its own each) ride in messages of their own. "Reached" is what the rules had judged and receipted while
the load lasted; less than was asked for means that they did not keep up, and then the latency grows for as long
as the load lasts. The last column is the median over the median round trip of an empty message through the broker,
measured at the same time: compare that, not the milliseconds of two machines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_runtime.clock import system_clock
from cunmai_wire.topics import Channel, gateway_topic
from support.broker import Mosquitto
from support.postgres import Cluster
from support.servers import free_port
from support.sms_sink import SECRET
from support.system import Process

CLINICS = 200
RESIDENTS = 10
"""Of each clinic."""
PATIENCE_S = 60.0
PAUSE_S = 2.0
RESEND_S = 3.0
PING = "bench/ping"


@dataclass
class Sink:
    """The web hook: when each number was written to for the first time."""

    taken_s: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                sink.taken_s.setdefault(body["data"]["to"], time.perf_counter())
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/sms"
        finally:
            server.shutdown()
            server.server_close()


class Gateways:
    """All clinics in one MQTT client: publishes, counts the rules' receipts, and times the bare broker."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.pings_s: list[float] = []
        self._judged: set[tuple[str, int]] = set()
        self._unsure: list[tuple[int, int, bytes]] = []
        """Clinic, last number and message, of what is sent again until it is judged."""
        self._streams = [str(uuid.uuid4()) for _ in range(CLINICS)]
        self._seqs = [0] * CLINICS
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._connected
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(10), "the broker does not answer"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def judged(self) -> int:
        return len(self._judged)

    def publish(self, clinic: int, residents: list[str], spo2_pct: float, *, keep: bool = False) -> float:
        """One message of readings of now; when it was given to the broker. `keep`: for `again`."""
        now_ms = system_clock()
        readings = [self._reading(clinic, resident, spo2_pct, now_ms) for resident in residents]
        envelope = {
            "v": 1, "gateway": gateway(clinic), "stream": self._streams[clinic], "sent": now_ms, "clock": "trusted",
            "readings": readings,
        }  # fmt: skip
        body = json.dumps(envelope).encode()
        at_s = time.perf_counter()
        self._client.publish(gateway_topic(gateway(clinic), Channel.READINGS), body, qos=1)
        self.sent += len(readings)
        if keep:
            self._unsure.append((clinic, self._seqs[clinic], body))
        return at_s

    def again(self) -> None:
        """Send what was kept and is not judged: who is not connected yet has not heard it."""
        self._unsure = [one for one in self._unsure if (self._streams[one[0]], one[1]) not in self._judged]
        for clinic, _, body in self._unsure:
            self._client.publish(gateway_topic(gateway(clinic), Channel.READINGS), body, qos=1)

    def ping(self) -> None:
        self._client.publish(PING, repr(time.perf_counter()), qos=1)

    def _reading(self, clinic: int, resident: str, spo2_pct: float, now_ms: int) -> dict[str, Any]:
        self._seqs[clinic] += 1
        return {
            "seq": self._seqs[clinic], "t": now_ms, "clock": "trusted", "device": f"oxi-{resident[-1]}",
            "resident": resident, "quality": [], "kind": "oximetry", "mode": "continuous", "spo2_pct": spo2_pct,
            "pulse_bpm": 72.0, "perfusion_index_pct": 4.5,
        }  # fmt: skip

    def _connected(self, client: paho.Client, *_: object) -> None:
        client.subscribe([("cunmai/v1/+/+/receipts", 1), (PING, 1)])
        self._ready.set()

    def _heard(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic == PING:
            self.pings_s.append(time.perf_counter() - float(message.payload))
            return
        receipt = json.loads(message.payload)
        if receipt["consumer"] == "rules":
            self._judged.update(
                (receipt["stream"], seq)
                for first, last in receipt["ranges"]
                for seq in range(first, last + 1)
            )


def gateway(clinic: int) -> str:
    return f"cz-{clinic:03d}"


def number(clinic: int) -> str:
    return f"1380000{clinic:04d}"


def write_rules(folder: Path, broker: int, hook: str, database: str) -> Path:
    """rules.yaml of a process that knows every clinic, each with a doctor of its own."""
    folder.mkdir()
    contacts = "".join(f"  - {{id: d{n}, role: 村医, to: '{number(n)}'}}\n" for n in range(CLINICS))
    sites = "".join(
        f"  - {{gateway: {gateway(n)}, name: 上村, altitude_m: 40, contacts: [d{n}]}}\n"
        for n in range(CLINICS)
    )
    path = folder / "rules.yaml"
    path.write_text(
        f"data_dir: {folder}\nmqtt: {{port: {broker}}}\ncontacts:\n{contacts}sites:\n{sites}"
        f"fallback_contacts: [d0]\nwebhook: {{url: '{hook}', secret: {SECRET}}}\n"
        f"public_url: http://127.0.0.1:8087\nlisten: {{port: {free_port()}}}\n{database}"
    )
    return path


@contextlib.contextmanager
def deployed(folder: Path, hook: str, postgres: Cluster | None) -> Iterator[tuple[int, list[Process]]]:
    """Broker, ingest and rules; the broker's port, and the rules' processes."""
    broker = Mosquitto(folder)
    broker.start()
    database = f'database: "{postgres.schema().dsn}"\nworkers: 2\n' if postgres else ""
    processes = []
    for name in ("rules-0", "rules-1") if postgres else ("rules-0",):
        config = write_rules(folder / name, broker.port, hook, database)
        if name != "rules-0":
            shutil.copy(folder / "rules-0" / "link.key", folder / name / "link.key")
        else:
            (folder / name / "link.key").write_bytes(b"k" * 32)
        processes.append(Process(["rules", "run", "--config", str(config)], folder / f"{name}.log"))
    ingest = folder / "ingest.yaml"
    ingest.write_text(
        f"data_dir: {folder}/ingest\nstore: {{kind: sqlite, path: {folder}/store.sqlite}}\n"
        f"mqtt: {{port: {broker.port}}}\n"
    )
    processes.append(Process(["ingest", "run", "--config", str(ingest)], folder / "ingest.log"))
    try:
        for process in processes:
            process.start()
        yield broker.port, processes[:-1]
    finally:
        for process in processes:
            process.stop()
        broker.stop()


@dataclass(frozen=True)
class Result:
    """Of one rate. Latencies in order, of the pages that came."""

    asked_by_s: float
    sent_by_s: float
    judged_by_s: float
    judged_by_cpu_s: float
    """By CPU-second of the rules' processes."""
    pages: int
    took_s: list[float]
    ping_s: float

    def line(self) -> str:
        at = [percentile(self.took_s, percent) for percent in (50, 99, 100)]
        figures = "".join(f"{1000 * one:9,.0f}" for one in at)
        return (
            f"{self.asked_by_s:9,.0f}{self.sent_by_s:9,.0f}{self.judged_by_s:9,.0f}{self.judged_by_cpu_s:9,.0f}"
            f"{len(self.took_s):6,d}/{self.pages:<4,d}{figures}{1000 * self.ping_s:9.1f}{at[0] / self.ping_s:9,.0f}"
        )


HEAD = (
    f"{'asked/s':>9}{'sent/s':>9}{'reached':>9}{'/CPU-s':>9}{'pages':>11}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}"
    f"{'ping ms':>9}{'ratio':>9}"
)


def percentile(ordered: list[float], percent: float) -> float:
    """The nearest rank; not a number where nothing came."""
    return ordered[ceil(percent / 100 * len(ordered)) - 1] if ordered else float("nan")


def run(rate_by_s: float, seconds: float, size: int, pages: int, postgres: Cluster | None) -> Result:
    """One rate, from an empty journal."""
    sink = Sink()
    with (
        tempfile.TemporaryDirectory() as folder,
        sink.serving() as hook,
        deployed(Path(folder), hook, postgres) as (port, rules),
        contextlib.closing(Gateways(port)) as gateways,
    ):
        warm_up(gateways, size)
        before, began_s, spent_s = (gateways.sent, gateways.judged), time.perf_counter(), cpu_s(rules)
        paged_s = load(gateways, rate_by_s, seconds, size, pages)
        took_s = time.perf_counter() - began_s
        sent, judged = gateways.sent - before[0], gateways.judged - before[1]
        spent_s = cpu_s(rules) - spent_s
        wait_for(lambda: len(sink.taken_s) >= len(paged_s))
    latencies = sorted(
        sink.taken_s[number(clinic)] - at_s
        for clinic, at_s in paged_s.items()
        if number(clinic) in sink.taken_s
    )
    ping_s = percentile(sorted(gateways.pings_s), 50)
    rates = (rate_by_s, sent / took_s, judged / took_s)
    return Result(*rates, judged / spent_s, len(paged_s), latencies, ping_s)


def cpu_s(processes: list[Process]) -> float:
    """What they have used of the processors since they began."""
    ticks = 0
    for process in processes:
        assert process.running is not None
        fields = Path(f"/proc/{process.running.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def warm_up(gateways: Gateways, size: int) -> None:
    """Every resident once, judged: nobody's first reading is part of the load."""
    for clinic in range(CLINICS):
        who = residents(clinic)
        for start in range(0, RESIDENTS, size):
            gateways.publish(clinic, who[start : start + size], 98, keep=True)
    until_s = time.perf_counter() + 2 * PATIENCE_S
    while gateways.judged < gateways.sent:
        assert time.perf_counter() < until_s, "the rules did not start in time"
        time.sleep(RESEND_S)
        gateways.again()
    time.sleep(PAUSE_S)


def load(gateways: Gateways, rate_by_s: float, seconds: float, size: int, pages: int) -> dict[int, float]:
    """Quiet readings at a steady rate, and pages spread among them; when each page's reading was published."""
    paged_s: dict[int, float] = {}
    began_s, sent, turn, pinged = time.perf_counter(), 0, 0, 0
    while (now_s := time.perf_counter() - began_s) < seconds:
        while sent < rate_by_s * now_s:
            turn += 1
            who = residents(turn % CLINICS)
            first = turn // CLINICS * size % RESIDENTS
            gateways.publish(turn % CLINICS, [who[(first + n) % RESIDENTS] for n in range(size)], 98)
            sent += size
        if len(paged_s) < pages * now_s / seconds:
            clinic = len(paged_s)
            paged_s[clinic] = gateways.publish(clinic, [f"R-PAGE{clinic:03d}"], 80)
        if pinged < 5 * now_s:
            pinged += 1
            gateways.ping()
        time.sleep(0.001)
    return paged_s


def residents(clinic: int) -> list[str]:
    return [f"R-{clinic:03d}{n}" for n in range(RESIDENTS)]


def wait_for(condition: Any) -> None:
    until_s = time.perf_counter() + PATIENCE_S
    while not condition() and time.perf_counter() < until_s:
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rates", type=float, nargs="*", default=[10, 100, 1000], help="readings a second")
    parser.add_argument("--seconds", type=float, default=40, help="how long each rate lasts")
    parser.add_argument("--size", type=int, default=5, help="readings in one message")
    parser.add_argument("--pages", type=int, default=120, help=f"at most {CLINICS}, spread over the time")
    parser.add_argument("--postgres", action="store_true")
    chosen = parser.parse_args()
    postgres = Cluster() if chosen.postgres else None
    if postgres:
        postgres.start()
    try:
        print(f"{'PostgreSQL, 2 processes' if postgres else 'SQLite'}; messages of {chosen.size}")
        print(HEAD)
        for rate_by_s in chosen.rates:
            pages = min(chosen.pages, CLINICS)
            print(run(rate_by_s, chosen.seconds, chosen.size, pages, postgres).line(), flush=True)
    finally:
        if postgres:
            postgres.stop()


if __name__ == "__main__":
    main()
