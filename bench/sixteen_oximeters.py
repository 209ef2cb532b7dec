"""Sixteen oximeters at once at 1 Hz: is every reading on the spool, and what does the gateway's process cost?

    ./dev run python bench/sixteen_oximeters.py                # ten simulated minutes, as fast as it goes
    ./dev run python bench/sixteen_oximeters.py --real-time --seconds 60

The oximeters are in this process, the gateway is another (`cunmai sim gateway`) that reaches them through
HCI over loopback; its figures therefore include a Bluetooth host stack in Python, which BlueZ would be in
the field, and no uplink, as there is no broker. Every frame has values that no other frame of its oximeter
has, so that what is missing, doubled or out of order shows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cunmai_sim.air import Air
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample

MOST_AHEAD = 4000
"""Frames that may be sent and not on the spool yet: less than the gateway keeps in memory."""
PATIENCE_S = 120.0
_DISTINCT = 6000


@dataclass(frozen=True)
class Cost:
    """Of the gateway's process."""

    cpu_s: float
    resident_mb: float


def sample(number: int) -> Sample:
    """The values of a frame, told apart from those of 5999 others: SpO2 81 to 100, pulse 40 to 339."""
    number %= _DISTINCT
    return Sample(number, 81 + number % 20, 40 + number // 20, 1.5)


def address(index: int) -> str:
    return f"F0:0D:00:16:00:{index:02X}"


def configuration(folder: Path, oximeters: int) -> Path:
    with socket.socket() as probe:  # a port that nobody listens on: no broker
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = folder / "gateway.yaml"
    devices = "".join(
        f'  - {{id: oxi-{index:02d}, driver: plx, address: "{address(index)}"}}\n'
        for index in range(oximeters)
    )
    path.write_text(f"gateway: bench-01\ndata_dir: {folder}\nmqtt: {{port: {port}}}\ndevices:\n{devices}")
    return path


def on_spool(folder: Path) -> list[tuple[int, str, float, float]]:
    """(seq, device, SpO2, pulse) of every oximetry reading, in order of seq."""
    with closing(sqlite3.connect(f"file:{folder}/spool.sqlite?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT seq, body FROM reading WHERE kind = 'oximetry' ORDER BY seq").fetchall()
    bodies = [(seq, json.loads(body)) for seq, body in rows]
    return [(seq, body["device"], body["spo2_pct"], body["pulse_bpm"]) for seq, body in bodies]


def count_on_spool(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder}/spool.sqlite?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM reading WHERE kind = 'oximetry'").fetchone()[0])


def cost_of(pid: int) -> Cost:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Cost(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


async def send_all(oximeters: Sequence[Oximeter], seconds: int, folder: Path, *, real_time: bool) -> None:
    """One frame of each for every simulated second."""
    began_s = time.monotonic()
    for second in range(seconds):
        for oximeter in oximeters:
            if not await oximeter.send_continuous(sample(second)):
                raise SystemExit(f"{oximeter.name} is not listened to any more")
        if real_time:
            await asyncio.sleep(max(0.0, began_s + second + 1 - time.monotonic()))
        elif second % 20 == 19:
            await _wait_for_the_gateway(oximeters, folder)


async def _wait_for_the_gateway(oximeters: Sequence[Oximeter], folder: Path) -> None:
    sent = sum(oximeter.counts.continuous_sent for oximeter in oximeters)
    for _ in range(int(PATIENCE_S / 0.05)):
        if sent - count_on_spool(folder) <= MOST_AHEAD:
            return
        await asyncio.sleep(0.05)
    raise SystemExit("the gateway stores nothing any more")


async def until_all_stored(folder: Path, expected: int) -> None:
    """Until nothing is missing, or nothing more has come for a while."""
    last, since_s = -1, time.monotonic()
    while (now := count_on_spool(folder)) < expected and time.monotonic() - since_s < PATIENCE_S / 4:
        if now != last:
            last, since_s = now, time.monotonic()
        await asyncio.sleep(0.1)


def compare(
    stored: list[tuple[int, str, float, float]], oximeters: int, seconds: int
) -> tuple[int, int, bool]:
    """Missing, doubled, and whether each device's readings are in the order in which they were sent."""
    missing = doubled = 0
    in_order = True
    sent = [(float(each.spo2_pct or 0), float(each.pulse_bpm or 0)) for each in map(sample, range(seconds))]
    for index in range(oximeters):
        came = [(spo2, pulse) for _, device, spo2, pulse in stored if device == f"oxi-{index:02d}"]
        missing += len(set(sent) - set(came))
        doubled += len(came) - len(set(came))
        in_order &= came == sent
    return missing, doubled, in_order


async def run(oximeters: int, seconds: int, folder: Path, *, real_time: bool) -> bool:
    """Measure and print; whether nothing was lost or doubled."""
    logging.getLogger("bumble").setLevel(logging.ERROR)
    async with Air() as air:
        ward = [Oximeter(air, address=address(index), name=f"SIM-{index:02d}") for index in range(oximeters)]
        for oximeter in ward:
            await oximeter.start()
        server = await air.serve("tcp-server:127.0.0.1:0")
        command = [sys.executable, "-m", "cunmai", "sim", "gateway", "--radio", server.client_transport]
        with (folder / "gateway.log").open("wb") as log:
            gateway = await asyncio.create_subprocess_exec(
                *command, "--config", str(configuration(folder, oximeters)), stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(PATIENCE_S):
                for oximeter in ward:
                    await oximeter.until_subscribed(oximeter.continuous, oximeter.spot_check)
            before, began_s = cost_of(gateway.pid), time.monotonic()
            await send_all(ward, seconds, folder, real_time=real_time)
            await until_all_stored(folder, oximeters * seconds)
            after, took_s = cost_of(gateway.pid), time.monotonic() - began_s
        finally:
            gateway.terminate()
            await gateway.wait()
    sent = sum(oximeter.counts.continuous_sent for oximeter in ward)
    return report(sent, on_spool(folder), (oximeters, seconds), (before, after), took_s)


def report(
    sent: int,
    stored: list[tuple[int, str, float, float]],
    size: tuple[int, int],
    costs: tuple[Cost, Cost],
    took_s: float,
) -> bool:
    oximeters, seconds = size
    missing, doubled, in_order = compare(stored, oximeters, seconds)
    cpu_s = costs[1].cpu_s - costs[0].cpu_s
    print(f"{oximeters} oximeters, {seconds} simulated seconds in {took_s:.1f} s ({seconds / took_s:.1f} x)")
    print(f"sent {sent}, on the spool {len(stored)}, distinct numbers {len({row[0] for row in stored})}")
    print(f"missing {missing}, doubled {doubled}, in order {in_order}")
    print(
        f"gateway process: {cpu_s:.2f} CPU s, {sent / max(cpu_s, 0.01):.0f} readings per CPU second, "
        f"{100 * cpu_s / seconds:.1f} % of one core at 1 Hz"
    )
    print(
        f"gateway process: {costs[0].resident_mb:.0f} MB resident before, {costs[1].resident_mb:.0f} MB after"
    )
    return not missing and not doubled and in_order and len(stored) == sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--oximeters", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=600, help="simulated, at most 6000")
    parser.add_argument("--real-time", action="store_true", help="one frame a second, as in the field")
    arguments = parser.parse_args()
    if not 1 <= arguments.seconds <= _DISTINCT:
        parser.error(f"--seconds must be within 1 and {_DISTINCT}")
    with tempfile.TemporaryDirectory() as folder:
        good = asyncio.run(
            run(arguments.oximeters, arguments.seconds, Path(folder), real_time=arguments.real_time)
        )
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
