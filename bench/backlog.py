"""A backlog drains while live readings keep flowing: how fast, and what the live ones notice of it.

    ./dev run python bench/backlog.py                          # 72 hours, at the pace that gateways ship with
    ./dev run python bench/backlog.py --backlog-per-s 2000     # as fast as a better link allows
    ./dev run python bench/backlog.py --hours 0.1              # a few seconds, to see that it works

The spool is filled with what 16 devices at one reading a minute and one at one a second leave in that time
(72 hours: 328,320 readings). Then the real gateway is started as a process of its own, 17 live readings a
second are put into it, and a consumer receipts everything, through a real mosquitto on loopback. Latency is
from the measurement to its arrival at the consumer, with the backlog and, measured first, without one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cunmai_gateway.cli import until_signal
from cunmai_gateway.devices import Heard
from cunmai_gateway.gateway import Gateway
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.radio import Radio
from cunmai_gateway.readings import Draft
from cunmai_gateway.settings import DeviceSettings, GatewaySettings, UplinkSettings
from cunmai_gateway.spool import Spool
from cunmai_runtime.clock import system_clock
from cunmai_runtime.intake import Intake
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import ClockTrust
from cunmai_wire.ranges import SeqRanges
from cunmai_wire.readings import OximetryMode
from cunmai_wire.receipts import REQUIRED_CONSUMERS, make_receipts
from cunmai_wire.topics import Channel, all_gateways_filter, gateway_topic

GATEWAY = "bench-01"
DEVICES = 16
LIVE_PER_S = 17
BASELINE_S = 20.0
AT_LEAST_S = 3.0
_BODY = (
    '{"t":%d,"clock":"trusted","device":"oxi-%d","resident":"R-7F3K","quality":[],'
    '"kind":"oximetry","mode":"continuous","spo2_pct":97.0,"pulse_bpm":72.0,"perfusion_index_pct":2.1}'
)


# -- the gateway, in a process of its own -----------------------------------------------------------------


async def gateway_process(folder: Path, port: int, backlog_per_s: float) -> None:
    settings = GatewaySettings(
        gateway=GATEWAY,
        data_dir=folder,
        mqtt=MqttSettings(port=port),
        uplink=UplinkSettings(backlog_readings_per_s=backlog_per_s),
    )
    gateway = Gateway(settings, Radio())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.run())
        tasks.create_task(measure(gateway))


async def measure(gateway: Gateway) -> None:
    """What the devices say from now on."""
    device = DeviceSettings(id="oxi-0", driver="plx", address="F0:0D:00:00:18:22")
    values = {"mode": OximetryMode.CONTINUOUS, "spo2_pct": 97.0, "pulse_bpm": 72.0}
    due_s = time.monotonic()
    while True:
        heard = Heard(device, Measurement("oximetry", values), system_clock())
        gateway.recorder.hear(heard, ClockTrust.TRUSTED)
        due_s += 1 / LIVE_PER_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


@contextmanager
def running_gateway(folder: Path, port: int, backlog_per_s: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, __file__, "--gateway", str(folder), str(port), str(backlog_per_s)]
    with (folder.parent / "gateway.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


# -- around it --------------------------------------------------------------------------------------------


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A broker of our own; its port."""
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        sys.exit("mosquitto is not installed: apt install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\n"
        "max_inflight_messages 1000\nmax_queued_messages 100000\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Consumers:
    """Both required consumers: receipts what arrives, and notes when each reading first came."""

    def __init__(self, port: int) -> None:
        self._intake = Intake(
            MqttSettings(port=port), "bench", [all_gateways_filter(Channel.READINGS)], system_clock
        )
        self._intake.start()
        self.arrivals = 0
        self.first_ms: dict[tuple[str, int], tuple[int, int]] = {}
        """Measured and arrived, by stream and seq."""

        self._held: dict[str, SeqRanges] = {}

    def close(self) -> None:
        self._intake.stop()

    def highest_without_gap(self, stream: str) -> int:
        """All numbers of the stream from 1 to this one have come."""
        return next((last for first, last in self._held.get(stream, SeqRanges()) if first == 1), 0)

    def serve(self) -> None:
        batch = self._intake.take(200, 0.05)
        seqs: dict[str, set[int]] = {}
        for delivery in batch:
            envelope: dict[str, Any] = json.loads(delivery.payload)
            numbers = seqs.setdefault(envelope["stream"], set())
            for reading in envelope["readings"]:
                self.arrivals += 1
                numbers.add(reading["seq"])
                self._held.setdefault(envelope["stream"], SeqRanges()).add(reading["seq"])
                self.first_ms.setdefault(
                    (envelope["stream"], reading["seq"]), (reading["t"], delivery.arrived_ms)
                )
        topic = gateway_topic(GATEWAY, Channel.RECEIPTS)
        for stream, numbers in seqs.items():
            for consumer in REQUIRED_CONSUMERS:
                for receipt in make_receipts(consumer, stream, numbers):
                    self._intake.publish(topic, receipt.model_dump_json().encode())
        self._intake.ack(batch)


def fill(path: Path, hours: float) -> tuple[str, int]:
    """What that many hours leave in a spool that nobody empties: its stream, and how many readings."""
    seconds = int(hours * 3600)
    began_ms = system_clock() - seconds * 1000
    total = 0
    with closing(Spool(path, created_ms=began_ms)) as spool:
        for minute in range(0, seconds, 60):
            moments = [(minute + second, DEVICES) for second in range(min(60, seconds - minute))]
            moments += [(minute, device) for device in range(DEVICES)]
            drafts = []
            for second, device in sorted(moments):
                t_ms = began_ms + second * 1000
                drafts.append(Draft("oximetry", t_ms, (_BODY % (t_ms, device)).encode()))
            total += len(spool.append(drafts))
        return spool.stream, total


def latencies(consumers: Consumers, since_ms: int, until_ms: int) -> tuple[float, float]:
    """Median and 99th percentile of readings measured in this time, in seconds."""
    spans = sorted(
        arrived - measured
        for measured, arrived in consumers.first_ms.values()
        if since_ms <= measured <= until_ms
    )
    if not spans:
        raise SystemExit("nothing live was measured meanwhile: give it more --hours, or a slower pace")
    return spans[len(spans) // 2] / 1000, spans[len(spans) * 99 // 100] / 1000


def usage(pid: int) -> tuple[float, float]:
    """CPU seconds so far, and the most memory that was ever resident, in MB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return cpu_s, int(peak.split()[1]) / 1024


# -- the runs ---------------------------------------------------------------------------------------------


def without_backlog(folder: Path, port: int, backlog_per_s: float, for_s: float) -> None:
    (folder / "empty").mkdir()
    with (
        closing(Consumers(port)) as consumers,
        running_gateway(folder / "empty", port, backlog_per_s) as process,
    ):
        while not consumers.first_ms:
            consumers.serve()
        since_ms, until_s = system_clock() + 1000, time.monotonic() + 1 + for_s
        while time.monotonic() < until_s:
            consumers.serve()
        p50_s, p99_s = latencies(consumers, since_ms, system_clock() - 500)
        _, memory_mb = usage(process.pid)
    print(f"without a backlog: live p50 {p50_s:.3f} s, p99 {p99_s:.3f} s; gateway {memory_mb:.0f} MB")


def with_backlog(folder: Path, port: int, backlog_per_s: float, hours: float) -> None:
    data = folder / "full"
    data.mkdir()
    stream, backlog = fill(data / "spool.sqlite", hours)
    size_mb = (data / "spool.sqlite").stat().st_size / (1 << 20)
    print(f"backlog: {hours:g} h, {backlog} readings, {size_mb:.1f} MB", flush=True)
    with closing(Consumers(port)) as consumers, running_gateway(data, port, backlog_per_s) as process:
        while not consumers.first_ms:
            consumers.serve()
        began_s, since_ms = time.monotonic(), system_clock()
        cpu_before_s, _ = usage(process.pid)
        while consumers.highest_without_gap(stream) < backlog:
            consumers.serve()
        drained_s, until_ms = time.monotonic() - began_s, system_clock()
        cpu_s, memory_mb = usage(process.pid)
        if drained_s < AT_LEAST_S:  # a small one is gone before anything live was measured
            _settle(consumers, AT_LEAST_S - drained_s)
            until_ms = system_clock()
        spent_us = (cpu_s - cpu_before_s) * 1e6 / len(consumers.first_ms)
        p50_s, p99_s = latencies(consumers, since_ms, until_ms - 500)
        _settle(consumers)
    again = consumers.arrivals - len(consumers.first_ms)
    print(f"drained in {drained_s:.0f} s: {backlog / drained_s:.0f} readings/s, paced to {backlog_per_s:.0f}")
    print(f"live meanwhile: p50 {p50_s:.3f} s, p99 {p99_s:.3f} s, at {LIVE_PER_S} readings/s")
    print(f"gateway: {memory_mb:.0f} MB at most, {spent_us:.0f} us of CPU per reading")
    with closing(Spool(data / "spool.sqlite", created_ms=0)) as spool:
        print(f"sent again: {again}; still held at the end: {spool.pending()} of {spool.measured()}")


def _settle(consumers: Consumers, for_s: float = 2.0) -> None:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        consumers.serve()


def main() -> None:
    if sys.argv[1:2] == ["--gateway"]:
        configure_logging(level="WARNING")
        folder, port, backlog_per_s = Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
        asyncio.run(until_signal(lambda: gateway_process(folder, port, backlog_per_s)))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=72)
    parser.add_argument("--backlog-per-s", type=float, default=UplinkSettings().backlog_readings_per_s)
    parser.add_argument("--baseline-s", type=float, default=BASELINE_S)
    arguments = parser.parse_args()
    configure_logging(level="ERROR")
    with tempfile.TemporaryDirectory(prefix="cunmai-bench-") as name, mosquitto(Path(name)) as port:
        without_backlog(Path(name), port, arguments.backlog_per_s, arguments.baseline_s)
        with_backlog(Path(name), port, arguments.backlog_per_s, arguments.hours)


if __name__ == "__main__":
    main()
