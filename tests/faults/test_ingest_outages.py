"""Ingest while its database and its broker come and go: nothing lost, nothing doubled, memory bounded.

Everything is real: mosquitto, ingest as a process of its own, Debian's InfluxDB behind the tests' front. What
is stored is read from InfluxDB itself, every value of every reading. Short by default; in full (ten minutes
without a database, fifty kills of each, about half an hour):

    CUNMAI_CAMPAIGN=full ./dev test tests/faults/test_ingest_outages.py -s
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.broker import Mosquitto
from support.influx import TOKEN, Influxd
from support.influx_front import InfluxFront
from support.load import Load, value_of
from support.messages import STREAM
from support.servers import need_program, wait_until
from support.system import Process

FULL = os.environ.get("CUNMAI_CAMPAIGN") == "full"
DOWN_S = 600.0 if FULL else 8.0
KILLS = 50 if FULL else 3
RATE_PER_S = 50
"""Messages of ten readings."""

MOST_GROWTH_MB = 150
"""Over what the process had when it began to work: the intake's 64 MiB, a batch, and room to breathe."""

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600 if FULL else 300)]

_DATABASE = "outages"


class Site:
    """Broker, database, front and ingest."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.broker = broker
        self.influxd = Influxd(folder / "influxd")
        self.influxd.start()
        self.influxd.query(f'CREATE DATABASE "{_DATABASE}"')
        self.front = InfluxFront(self.influxd.port)
        self.front.weather.token = TOKEN
        self.front.weather.keep_bodies = False
        self.front.start()
        config = folder / "ingest.yaml"
        config.write_text(
            f"mqtt: {{port: {broker.port}}}\n"
            f"data_dir: {folder}/ingest\n"
            f"store: {{kind: influxdb, url: '{self.front.url}', org: o, bucket: {_DATABASE}, token: {TOKEN}}}\n"
        )
        self.ingest = Process(["ingest", "run", "--config", str(config)], folder / "ingest.log")
        self.ingest.start()
        self.most_rss_mb = 0.0

    def close(self) -> None:
        self.ingest.stop()
        self.front.cut()
        self.influxd.stop()

    def rss_mb(self) -> float:
        """What ingest holds in memory now."""
        assert self.ingest.running is not None
        assert self.ingest.running.poll() is None, self.ingest.log.read_text()[-2000:]
        status = Path(f"/proc/{self.ingest.running.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        now = int(line.split()[1]) / 1024
        self.most_rss_mb = max(self.most_rss_mb, now)
        return now

    def pass_time(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.rss_mb()
            time.sleep(min(0.5, left))

    def stored(self) -> dict[int, list[float]]:
        """Every value of every number, from InfluxDB itself."""
        found: dict[int, list[float]] = {}
        for series in self.influxd.query("SELECT seq, spo2_pct, stream FROM oximetry", _DATABASE):
            for _, seq, value, stream in series["values"]:
                assert stream == STREAM
                found.setdefault(seq, []).append(value)
        return found


@pytest.fixture
def site(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    need_program("influxd")
    with closing(Site(tmp_path, mosquitto)) as made:
        yield made


@pytest.fixture
def load(site: Site) -> Iterator[Load]:
    with closing(Load(site.broker.port, rate_per_s=RATE_PER_S, resend_after_s=60 if FULL else 5)) as made:
        made.start()
        wait_until(lambda: made.receipts > 3, what="ingest works")
        yield made


def finish(site: Site, load: Load, what: str) -> None:
    """Let everything arrive, then compare every value with what was sent, and say what it took."""
    load.finish()
    began = time.monotonic()
    backlog = load.owed * load.size
    wait_until(
        lambda: (site.rss_mb() and load.owed) == 0, timeout_s=600 if FULL else 120, what="all receipted"
    )
    took_s = time.monotonic() - began
    stored = site.stored()
    total = load.sent * load.size
    assert {seq: values for seq, values in stored.items() if len(values) != 1} == {}, "doubled"
    assert sorted(stored) == list(range(1, total + 1)), "lost"
    assert {seq for seq, (value,) in stored.items() if value != value_of(seq)} == set(), "changed"
    sys.stdout.write(
        f"\n{what}: {total} readings stored once; ingest at most {site.most_rss_mb:.0f} MB;"
        f" backlog of {backlog} readings caught up at {backlog / max(took_s, 1e-9):.0f}/s\n"
    )


def test_the_database_is_down_for_long(site: Site, load: Load) -> None:
    before_mb = site.rss_mb()
    site.influxd.kill()
    site.pass_time(DOWN_S)
    assert load.owed * load.size >= DOWN_S * RATE_PER_S * load.size * 0.5, "nothing can have been receipted"
    site.influxd.start()
    finish(site, load, f"database down for {DOWN_S:.0f} s")
    assert site.most_rss_mb - before_mb < MOST_GROWTH_MB


def test_the_database_is_killed_in_the_middle_of_writes(site: Site, load: Load) -> None:
    before_mb = site.rss_mb()
    chance = random.Random(4)
    for _ in range(KILLS):
        receipts = load.receipts
        wait_until(lambda least=receipts: load.receipts > least, what="it writes again")  # type: ignore[misc]
        site.pass_time(chance.uniform(0, 0.4))
        site.influxd.kill()
        site.pass_time(chance.uniform(0, 0.5))
        site.influxd.start()
    finish(site, load, f"database killed {KILLS} times")
    assert site.most_rss_mb - before_mb < MOST_GROWTH_MB


def test_the_broker_is_killed_again_and_again(site: Site, load: Load) -> None:
    before_mb = site.rss_mb()
    chance = random.Random(5)
    for _ in range(KILLS):
        receipts = load.receipts
        wait_until(lambda least=receipts: load.receipts > least, timeout_s=60, what="it works again")  # type: ignore[misc]
        site.pass_time(chance.uniform(0, 1.5))
        site.broker.kill()
        site.pass_time(chance.uniform(0, 0.5))
        site.broker.start()
    finish(site, load, f"broker killed {KILLS} times")
    assert site.most_rss_mb - before_mb < MOST_GROWTH_MB
