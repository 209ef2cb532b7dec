"""kill -9 of each process in the middle of a replay, then restart: nothing lost, nothing doubled.

Everything is real but the radio: mosquitto, gateway, ingest and rules are processes of their own. What was
measured is counted by the spool, what was stored and judged by the stores, compared by (stream, seq).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.broker import Mosquitto
from support.system import System, running_system

pytestmark = pytest.mark.server

SPEED = "40"
RECORDED = 481
"""Samples of the recording: 12 s at this speed."""


@pytest.fixture
def system(tmp_path: Path, mosquitto: Mosquitto, data_dir: Path) -> Iterator[System]:
    recording = data_dir / "bidmc" / "bidmc_22_Numerics.csv"
    with running_system(
        tmp_path, mosquitto, "--replay", str(recording), "--speed", SPEED, "--ultrasound"
    ) as system:
        yield system


def in_the_middle(system: System) -> None:
    system.wait(lambda: system.measured() >= RECORDED // 4, "a quarter of the recording is measured")


def drained(system: System) -> None:
    system.wait(lambda: system.sim_event("played"), "the recording is played")
    system.wait(lambda: system.held() == 0, "every reading is receipted by both consumers")


def check_ledger(system: System, at_least: int) -> None:
    account = system.account()
    assert account.measured >= at_least
    assert (account.stored, account.judged) == (account.measured, account.measured)
    assert (account.lost, account.duplicated, account.quarantined) == (0, 0, 0)


def check_one_alarm(system: System) -> None:
    """One escalation, one message accepted, and no message under two ids."""
    system.wait(lambda: system.sink.taken, "the SMS is accepted")
    assert system.query_journal("SELECT count(*) FROM escalation") == [(1,)]
    assert system.query_journal("SELECT count(*) FROM notice") == [(1,)]
    assert len(system.sink.taken) == 1


def test_without_a_kill_everything_arrives_once(system: System) -> None:
    drained(system)
    check_ledger(system, at_least=RECORDED)
    check_one_alarm(system)
    kinds = dict(system.query_journal("SELECT kind, count(*) FROM observation GROUP BY kind"))
    assert kinds["oximetry"] == RECORDED
    assert kinds["ultrasound_exam"] == 1


@pytest.mark.parametrize("victim", ["ingest", "rules"])
def test_kill_of_a_consumer(system: System, victim: str) -> None:
    in_the_middle(system)
    system.processes[victim].kill()
    time.sleep(1)
    system.processes[victim].start()
    drained(system)
    check_ledger(system, at_least=RECORDED)
    check_one_alarm(system)


def test_kill_of_the_broker(system: System) -> None:
    in_the_middle(system)
    system.broker.kill()
    time.sleep(1)
    system.broker.start()
    drained(system)
    check_ledger(system, at_least=RECORDED)
    check_one_alarm(system)


def test_kill_of_the_gateway(system: System) -> None:
    """What the oximeter sends while no gateway listens is not measured; what was measured is not lost."""
    in_the_middle(system)
    system.processes["gateway"].kill()
    before = system.measured()
    system.processes["gateway"].start()
    system.wait(lambda: system.measured() > before, "the gateway hears the oximeter again")
    drained(system)
    check_ledger(system, at_least=before + 1)
    check_one_alarm(system)
    assert system.query_journal("SELECT count(*) FROM observation WHERE kind = 'ultrasound_exam'") == [(1,)]


def test_everything_is_killed_at_once(system: System) -> None:
    in_the_middle(system)
    for victim in ("ingest", "rules", "gateway"):
        system.processes[victim].kill()
    system.broker.kill()
    before = system.measured()
    system.broker.start()
    for victim in ("gateway", "rules", "ingest"):
        system.processes[victim].start()
    drained(system)
    check_ledger(system, at_least=before)
    check_one_alarm(system)
