"""kill -9 of ingest in the middle of a stream: whatever was receipted is stored, and nothing is doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cunmai_ingest.ledger.counts import StreamCount, stream_counts
from cunmai_ingest.settings import IngestSettings
from cunmai_runtime.yamlfile import load_model
from support.broker import Mosquitto
from support.gateway_peer import GatewayPeer
from support.influx import shared_influxd
from support.messages import READINGS_TOPIC, oximetry
from support.servers import end, wait_until

pytestmark = pytest.mark.server

READINGS = 1000
KILLS = 4
_PROGRAM = "from cunmai_ingest.cli import app; app()"


@contextmanager
def _ingest(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (config.parent / "ingest.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "run", "--config", str(config)], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        end(process)


@pytest.fixture(params=["sqlite", "influxdb"])
def config(request: pytest.FixtureRequest, tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Path]:
    path = tmp_path / "ingest.yaml"
    common = f"mqtt: {{port: {mosquitto.port}}}\ndata_dir: {tmp_path}\nbatch_messages: 20\n"
    if request.param == "sqlite":
        path.write_text(f"{common}store: {{kind: sqlite, path: {tmp_path}/store.sqlite}}\n")
        yield path
        return
    server = shared_influxd()
    front = server.front()
    store = f"{{kind: influxdb, url: '{front.url}', org: o, bucket: {server.new_database()}, token: t}}"
    path.write_text(f"{common}store: {store}\n")
    yield path
    front.cut()


def _count(config: Path) -> StreamCount:
    (count,) = stream_counts(load_model(config, IngestSettings))
    return count


def _kill_while_busy(config: Path, peer: GatewayPeer, readings: list[dict[str, Any]], delay_s: float) -> None:
    """Start ingest, send everything unreceipted, kill it a moment after the first receipt."""
    already = len(peer.receipted)
    with _ingest(config) as process, ThreadPoolExecutor(1) as pool:
        delivery = pool.submit(peer.deliver, READINGS_TOPIC, readings, size=10)
        wait_until(lambda: len(peer.receipted) > already, what="ingest works")
        time.sleep(delay_s)
        process.kill()
        process.wait(5)
        # What it was still to take is taken, and receipted, by the next one.
        with _ingest(config):
            delivery.result(60)


def test_kill_9_in_the_middle_of_a_stream(config: Path, mosquitto: Mosquitto) -> None:
    chance = random.Random(20)
    with closing(GatewayPeer(mosquitto.port)) as peer:
        for number in range(KILLS):
            first = number * READINGS + 1
            readings = [oximetry(seq) for seq in range(first, first + READINGS)]
            _kill_while_busy(config, peer, readings, chance.uniform(0, 0.1))
    stored = _count(config).stored
    assert (list(stored.seqs), stored.total) == ([(1, KILLS * READINGS)], KILLS * READINGS)


def test_whatever_was_receipted_before_a_kill_is_stored(config: Path, mosquitto: Mosquitto) -> None:
    readings = [oximetry(seq) for seq in range(1, 20_001)]
    with closing(GatewayPeer(mosquitto.port)) as peer, ThreadPoolExecutor(1) as pool:
        with _ingest(config) as process:
            peer.deliver(READINGS_TOPIC, readings[:1])
            pool.submit(peer.publish_readings, READINGS_TOPIC, readings, 10)
            wait_until(lambda: len(peer.receipted) > 1, what="ingest works")
            process.kill()
            process.wait(5)
        time.sleep(0.3)  # Receipts that the broker still has for us must hold too.
        receipted = peer.receipted
        stored = _count(config).stored
    assert 1 < len(receipted) < len(readings), "it was not in the middle of its work"
    assert {seq for seq in receipted if seq not in stored.seqs} == set()


def test_sigterm_ends_it_in_good_order(config: Path, mosquitto: Mosquitto) -> None:
    with closing(GatewayPeer(mosquitto.port)) as peer, _ingest(config) as process:
        peer.deliver(READINGS_TOPIC, [oximetry(1)])
        process.terminate()
        assert process.wait(20) == 0
