"""kill -9 of rules' workers and of PostgreSQL while tens of thousands of readings are judged.

Real broker, real PostgreSQL, real processes. What must come of the readings is known beforehand, from the
pure rules: no state may differ, and no escalation, message or event be lost or doubled. In short form by
default; in full, with its progress (about a quarter of an hour on two cores):

    CUNMAI_RULES_EVENTS=50000 CUNMAI_RULES_KILLS=100 CUNMAI_POSTGRES_KILLS=10 \\
        ./dev run pytest tests/faults/test_rules_campaign.py -s
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.judgements import JUDGED, Judgements
from cunmai_rules.journal.opening import open_journal
from cunmai_runtime.held import read_ranges
from support.broker import Mosquitto
from support.clinics import Clinics, Expected, Senders
from support.postgres import Cluster
from support.rules_fleet import Fleet, Listener
from support.servers import wait_until
from support.sms_sink import SmsSink

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600)]

EVENTS = int(os.environ.get("CUNMAI_RULES_EVENTS", "6000"))
KILLS = int(os.environ.get("CUNMAI_RULES_KILLS", "6"))
POSTGRES_KILLS = int(os.environ.get("CUNMAI_POSTGRES_KILLS", "1"))
PROCESSES, SLOTS = 3, 4


def test_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, mosquitto: Mosquitto, cluster: Cluster
) -> None:
    clinics = Clinics(readings=EVENTS) if EVENTS >= 20_000 else Clinics(8, 6, EVENTS)
    expected = clinics.expected()
    assert len(expected.escalations) > 20, "the readings are worth judging"
    at = cluster.schema()
    with SmsSink() as sink, closing(Listener(mosquitto.port)) as listener:
        fleet = Fleet(tmp_path, at, mosquitto.port, sink, clinics, slots=SLOTS)
        for _ in range(PROCESSES):
            fleet.add()
        senders = Senders(mosquitto.port, clinics)
        try:
            disturb(fleet, cluster, senders)
            settle(fleet, senders, sink, expected)
            with closing(open_journal(at)) as db:
                wait_until(lambda: not waiting_events(db), timeout_s=60, what="every event is receipted")
                wait_until(lambda: not queued(db), timeout_s=60, what="every acceptance is on record")
                check_readings(db, clinics)
                check_states(db, expected)
                check_escalations(db, expected)
                check_messages(db, sink, expected)
                check_events(listener, expected)
        except BaseException:
            print(fleet.logs())  # noqa: T201 - pytest shows it
            raise
        finally:
            senders.close()
            fleet.stop()


def disturb(fleet: Fleet, cluster: Cluster, senders: Senders) -> None:
    """Kill by progress, not by the clock: so many kills spread over all readings."""
    chance = random.Random(5)
    kills = ["worker"] * KILLS + ["postgres"] * POSTGRES_KILLS
    chance.shuffle(kills)
    started = time.monotonic()
    for number, victim in enumerate(kills, 1):
        progress = EVENTS * number // (len(kills) + 2)
        reached = partial(lambda wanted: senders.done >= wanted, progress)
        wait_until(reached, timeout_s=300, what=f"{progress} judged")
        if victim == "worker":
            one = chance.choice(fleet.processes)
            one.kill()
            one.start()
        else:
            cluster.kill()
            cluster.start()
        print(  # noqa: T201 - seen with -s
            f"{time.monotonic() - started:6.1f} s  kill {number}/{len(kills)} {victim:8}"
            f" {senders.done}/{EVENTS} judged, {senders.resent} messages sent again",
            flush=True,
        )


def settle(fleet: Fleet, senders: Senders, sink: SmsSink, expected: Expected) -> None:
    wait_until(lambda: senders.done >= EVENTS, timeout_s=600, what="every reading is receipted")
    pages = [one for one in expected.escalations if one[2] == "page"]
    wait_until(lambda: len(sink.taken) >= len(pages), timeout_s=120, what="every message is accepted")
    assert all(one.running is not None and one.running.poll() is None for one in fleet.processes)


def waiting_events(db: Database) -> int:
    ((count,),) = db.execute("SELECT count(*) FROM event")
    return int(count)


def queued(db: Database) -> int:
    """Messages whose acceptance is not committed: the carrier may have them already."""
    ((count,),) = db.execute("SELECT count(*) FROM notice WHERE state = 'queued'")
    return int(count)


def check_readings(db: Database, clinics: Clinics) -> None:
    for gateway, readings in clinics.by_gateway.items():
        stream = clinics.streams[gateway]
        assert list(read_ranges(db, stream, JUDGED)) == [(1, len(readings))]
    assert db.execute("SELECT count(*) FROM observation").fetchall() == [(EVENTS,)]


def check_states(db: Database, expected: Expected) -> None:
    judgements = Judgements(db)
    wrong = [
        resident for resident, state in expected.states.items() if judgements.memory(resident).rules != state
    ]
    assert wrong == [], f"{len(wrong)} of {len(expected.states)} states differ"


def check_escalations(db: Database, expected: Expected) -> None:
    found = db.execute(
        "SELECT subject, finding.rule, finding.lane, reading_t_ms FROM finding"
        " JOIN escalation ON escalation.id = finding.escalation WHERE withdrawn_ms IS NULL"
    ).fetchall()
    twice = [one for one, times in Counter(found).items() if times > 1]
    assert twice == []
    assert set(found) == expected.findings
    opened = db.execute("SELECT id, subject, lane FROM escalation").fetchall()
    assert Counter((subject, lane) for _, subject, lane in opened) == Counter(
        (resident, lane) for resident, _, lane, _ in expected.escalations
    )


def show_what_happened(db: Database, subject: str) -> None:
    """Everything of one subject's escalations, line by line, for whoever has to find out."""
    escalations = Escalations(db)
    for one in escalations.of_subject(subject):
        print(one, *escalations.history(one.id), sep="\n")  # noqa: T201 - pytest shows it


def check_messages(db: Database, sink: SmsSink, expected: Expected) -> None:
    pages = Counter(resident for resident, _, lane, _ in expected.escalations if lane == "page")
    notices = db.execute(
        "SELECT subject, notice.id, state FROM notice JOIN escalation ON escalation.id = notice.escalation"
    ).fetchall()
    assert {state for _, _, state in notices} == {"accepted"}
    told = Counter(subject for subject, _, _ in notices)
    wrong = [subject for subject in told | pages if told[subject] != pages[subject]]
    for subject in wrong[:3]:
        show_what_happened(db, subject)
    assert wrong == []
    assert set(sink.taken) == {id_ for _, id_, _ in notices}
    assert sink.contradictions == [], "one message under two wordings"


def check_events(listener: Listener, expected: Expected) -> None:
    assert listener.contradictions == []
    (events,) = listener.events.values()
    assert sorted(events) == list(range(1, len(events) + 1)), "numbered without a gap"
    opened = Counter(
        (one["resident"], one["lane"]) for one in events.values() if one["type"] == "escalation_opened"
    )
    assert opened == Counter((resident, lane) for resident, _, lane, _ in expected.escalations)
