"""Campaigns against the spool: kill -9 of the gateway under load, and power cuts that tear its files.

Whatever happens, every reading whose append returned reaches the consumers, under one number, once:
counted by `(stream, seq)` where they arrive. In short form by default; in full:

    CUNMAI_KILLS=200 CUNMAI_CUTS=50 ./dev run pytest tests/faults/test_spool_campaign.py -s
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_damage import open_spool
from support import loaded_gateway
from support.broker import Mosquitto
from support.consumer_peer import ConsumerPeer
from support.loaded_gateway import GATEWAY
from support.powercut import Files, cut, wal_path

KILLS = int(os.environ.get("CUNMAI_KILLS", "10"))
CUTS = int(os.environ.get("CUNMAI_CUTS", "50"))
READINGS_PER_S = 150

Name = tuple[str, int]
"""Stream and seq."""


class Consumers:
    """Both consumers at once: what has arrived, by name, and what of it contradicts itself."""

    def __init__(self) -> None:
        self.held: dict[Name, int] = {}
        """The measurement, by name: its time, which no other has."""
        self.arrivals: Counter[Name] = Counter()
        self.contradictions: list[tuple[Name, int]] = []

    def take(self, stream: str, seq: int, t_ms: int) -> None:
        name = (stream, seq)
        self.arrivals[name] += 1
        if self.held.setdefault(name, t_ms) != t_ms:
            self.contradictions.append((name, t_ms))

    def check(self, said: dict[Name, int]) -> None:
        assert self.contradictions == [], "one name for two measurements"
        lost = [name for name, t_ms in said.items() if self.held.get(name) != t_ms]
        assert lost == [], f"{len(lost)} of {len(said)} lost"
        doubled = [t_ms for t_ms, times in Counter(self.held.values()).items() if times > 1]
        assert doubled == [], "one measurement under two names"
        for stream in {stream for stream, _ in self.held}:
            seqs = sorted(seq for of, seq in self.held if of == stream)
            assert seqs == list(range(1, seqs[-1] + 1)), "a number is missing"


# -- kill -9 ------------------------------------------------------------------------------------------


class Nursery:
    """Gateways, one after the other, on one spool; and what they said they had stored."""

    def __init__(self, folder: Path, port: int) -> None:
        self.said: dict[Name, int] = {}
        self._log = (folder / "gateway.log").open("ab")
        folder.mkdir(exist_ok=True)
        self._output = folder / "said.txt"
        self._output.touch()
        self._read = 0
        with self._output.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, loaded_gateway.__file__, str(folder / "data"), str(port)],
                stdin=subprocess.PIPE, stdout=out, stderr=self._log,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            )  # fmt: skip
        self.child = 0

    def start(self, readings_per_s: int) -> None:
        assert self.process.stdin is not None
        before = self.child
        self.process.stdin.write(b"%d\n" % readings_per_s)
        self.process.stdin.flush()
        deadline_s = time.monotonic() + 60
        while self.child == before:
            assert time.monotonic() < deadline_s, "no gateway was started"
            assert self.process.poll() is None, "the nursery has ended"
            time.sleep(0.01)
            self.listen()

    def listen(self) -> None:
        """Take up what has been said since."""
        with self._output.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            word, *rest = line.split()
            if word == "child":
                self.child = int(rest[0])
            else:
                self.said[word, int(rest[0])] = int(rest[1])

    def kill(self) -> None:
        os.kill(self.child, signal.SIGKILL)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)
        self._log.close()
        self.listen()


def serve(peer: ConsumerPeer, consumers: Consumers, for_s: float) -> None:
    """Receive and receipt for a while; a receipt may be lost with the gateway, and is repeated."""
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        peer.collect()
        for envelope in peer.envelopes:
            for reading in envelope["readings"]:
                consumers.take(envelope["stream"], reading["seq"], reading["t"])
        if peer.envelopes:
            peer.receipt(GATEWAY, "ingest", "rules")
        peer.envelopes.clear()
        peer.states.clear()


@pytest.mark.server
def test_kill_9_of_the_gateway_under_load(tmp_path: Path, mosquitto: Mosquitto) -> None:
    chance = random.Random(20260921)
    consumers, peer = Consumers(), ConsumerPeer(mosquitto.port)
    peer.start()
    (tmp_path / "gw").mkdir()
    nursery = Nursery(tmp_path / "gw", mosquitto.port)
    began_s = time.monotonic()
    try:
        for _ in range(KILLS):
            nursery.start(READINGS_PER_S)
            serve(peer, consumers, chance.uniform(0.05, 1.5))
            nursery.kill()
        nursery.start(0)
        while nursery.said.keys() - consumers.held.keys():
            serve(peer, consumers, 0.5)
            nursery.listen()
            assert time.monotonic() - began_s < 60 + 20 * KILLS, "it never drained"
    finally:
        nursery.close()
        peer.stop()
    consumers.check(nursery.said)
    assert len(nursery.said) > KILLS, "the load was stored"
    again = consumers.arrivals.total() - len(consumers.held)
    streams = len({stream for stream, _ in consumers.held})
    print(  # noqa: T201 - the figures of the campaign
        f"\n{KILLS} kills in {time.monotonic() - began_s:.0f} s: {len(nursery.said)} appended, "
        f"{len(consumers.held)} at the consumers, 0 lost, 0 doubled; {again} sent again, {streams} stream(s)"
    )


# -- power cuts ---------------------------------------------------------------------------------------


def test_power_cuts_that_tear_the_spools_files(tmp_path: Path) -> None:
    """Each cut goes on from what the one before has left, so that no loss can hide."""
    chance = random.Random(20260921)
    consumers, said = Consumers(), dict[Name, int]()
    kept = in_flight = torn = 0
    files = None
    last_t_ms = 0
    for number in range(CUTS):
        path = tmp_path / str(number) / "spool.sqlite"
        if files is not None:
            files.put(path)
        path.parent.mkdir(exist_ok=True)
        with closing(open_spool(path, created_ms=1)) as spool:
            spool._db.execute("PRAGMA wal_autocheckpoint = 25")
            assert list(path.parent.glob("*.damaged*")) == [], "a torn file is not a damaged one"
            for reading in spool.held(0, 10**9, 10**6):
                consumers.take(spool.stream, reading.seq, int(reading.body[5:-1]))
            kept += in_flight > 0 and spool.measured() == in_flight
            before = after = Files.of(path)
            for _ in range(chance.randint(1, 12)):
                before = Files.of(path)
                group = [last_t_ms + n for n in range(1, chance.randint(2, 40))]
                last_t_ms = group[-1]
                seqs = spool.append([Draft("oximetry", t_ms, b'{"t":%d}' % t_ms) for t_ms in group])
                after = Files.of(path)
                added = {(spool.stream, seq): t_ms for seq, t_ms in zip(seqs, group, strict=True)}
                said |= added
                if chance.random() < 0.2:
                    _receipt(spool, consumers, chance)
                    before = after = Files.of(path)
                    added = {}
            # The last append had not returned when the power went.
            said = {name: t_ms for name, t_ms in said.items() if name not in added}
            in_flight = spool.measured() if added else 0
            files = cut(before, after, chance)
            torn += files not in (before, after)
    path = tmp_path / "last" / "spool.sqlite"
    assert files is not None
    files.put(path)
    with closing(open_spool(path, created_ms=1)) as spool:
        for reading in spool.held(0, 10**9, 10**6):
            consumers.take(spool.stream, reading.seq, int(reading.body[5:-1]))
    consumers.check(said)
    assert len({stream for stream, _ in consumers.held}) == 1
    assert torn > CUTS // 4, "most cuts left a state of their own"
    print(  # noqa: T201
        f"\n{CUTS} power cuts, {torn} of them torn: {len(said)} appended, {len(consumers.held)} at the consumers, "
        f"0 lost, 0 doubled; {kept} appends that had not returned were there all the same"
    )


def _receipt(spool: Spool, consumers: Consumers, chance: random.Random) -> None:
    """The consumers take what is held, and receipt a part of it."""
    held = spool.held(0, 10**9, 10**6)
    for reading in held:
        consumers.take(spool.stream, reading.seq, int(reading.body[5:-1]))
    last = held[chance.randrange(len(held))].seq if held else 0
    for consumer in ("ingest", "rules"):
        spool.receipt(consumer, [(1, last)] if last else [])


def test_the_cuts_do_tear_frames_and_leave_all_kinds_of_states(tmp_path: Path) -> None:
    """A campaign whose cuts were all harmless would prove nothing."""
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path, created_ms=1)) as spool:
        spool.append([Draft("oximetry", 1, b'{"t":1}')] * 50)
        before = Files.of(path)
        spool.append([Draft("oximetry", 1, b'{"t":1}')] * 50)
        after = Files.of(path)
        assert wal_path(path).exists()
    chance = random.Random(1)
    states = [cut(before, after, chance) for _ in range(200)]
    frame = 24 + 4096
    inside = sum((len(state.wal) - 32) % frame != 0 for state in states)
    assert inside > 50, "cuts inside a frame"
    assert sum(len(state.wal) == len(after.wal) and state.wal != after.wal for state in states) > 10
    assert any(state.wal == before.wal for state in states)
