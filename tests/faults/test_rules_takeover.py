"""Slots: a dead worker's are taken over, newcomers get their share, and without PostgreSQL everything waits."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cunmai_rules.journal.database import Database, SessionLost
from cunmai_rules.journal.opening import open_journal
from support.broker import Mosquitto
from support.clinics import Clinics, Senders
from support.postgres import Cluster
from support.rules_fleet import Fleet
from support.servers import wait_until
from support.sms_sink import SmsSink

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


def slots_of(fleet: Fleet) -> list[set[int]]:
    """Which slots each process works now, as its log tells: the last word of each slot counts."""
    held: list[set[int]] = []
    for process in fleet.processes:
        mine: set[int] = set()
        for line in process.log.read_text().splitlines():
            if line.startswith("{"):
                said = json.loads(line)
                match said["event"]:
                    case "rules.slot_taken":
                        mine.add(said["slot"])
                    case "rules.slot_left" | "rules.session_lost":
                        mine.discard(said["slot"])
                    case _:
                        pass
        alive = process.running is not None and process.running.poll() is None
        held.append(mine if alive else set())
    return held


def shares(fleet: Fleet) -> list[int]:
    return sorted(len(mine) for mine in slots_of(fleet))


def test_slots_follow_the_processes_and_wait_for_the_database(
    tmp_path: Path, mosquitto: Mosquitto, cluster: Cluster
) -> None:
    clinics = Clinics(gateways=8, residents=3, readings=2400)
    with SmsSink() as sink:
        fleet = Fleet(tmp_path, cluster.schema(), mosquitto.port, sink, clinics, slots=4)
        senders = Senders(mosquitto.port, clinics, most_owed=20, resend_after_s=5)
        try:
            first = fleet.add()
            wait_until(lambda: shares(fleet) == [4], timeout_s=90, what="one process works all slots")
            fleet.add()
            wait_until(lambda: shares(fleet) == [2, 2], timeout_s=90, what="a second one has its half")
            assert Counter(slot for mine in slots_of(fleet) for slot in mine) == Counter(range(4))

            first.kill()
            wait_until(
                lambda: shares(fleet) == [0, 4], timeout_s=60, what="the dead one's slots are taken over"
            )

            cluster.kill()
            time.sleep(1)  # what had been committed before is receipted in this time
            before = senders.done
            time.sleep(3)
            assert senders.done == before, "nothing is receipted without a database"
            cluster.start()
            wait_until(lambda: senders.done == 2400, timeout_s=120, what="everything is judged in the end")
        except BaseException:
            print(fleet.logs())  # noqa: T201 - pytest shows it
            raise
        finally:
            senders.close()
            fleet.stop()


def test_a_worker_that_lost_its_session_commits_nothing_more(postgres: Cluster) -> None:
    """Its slot is another's at once, and what it had begun is undone: fencing by the session itself."""
    at = postgres.schema()
    with closing(open_journal(at)) as old, closing(open_journal(at)) as new:
        assert old.take_role("judge", 0)
        assert not new.take_role("judge", 0)
        with pytest.raises(SessionLost):
            lose_the_session(old, postgres)
        assert new.take_role("judge", 0)
        assert new.execute("SELECT * FROM agreed").fetchall() == []


def lose_the_session(old: Database, postgres: Cluster) -> None:
    with old.transaction():
        old.execute("INSERT INTO agreed VALUES ('half', 'done')")
        ((pid,),) = old.execute("SELECT pg_backend_pid()")
        with closing(psycopg.connect(postgres.dsn, autocommit=True)) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
