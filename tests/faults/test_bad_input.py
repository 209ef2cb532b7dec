"""Bad input while a replay runs: each is met with a reason and counted, and the rest flows on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings
from cunmai_wire.topics import Channel, gateway_topic
from support.broker import Mosquitto
from support.servers import wait_until
from support.system import PACK, System, running_system

pytestmark = pytest.mark.server

STRANGER = "cz-99"
STREAM = "7b0e9a52-6f2e-4e0e-9d43-3a8a31f2c099"


@pytest.fixture
def system(tmp_path: Path, mosquitto: Mosquitto, data_dir: Path) -> Iterator[System]:
    recording = data_dir / "bidmc" / "bidmc_22_Numerics.csv"
    with running_system(tmp_path, mosquitto, "--replay", str(recording), "--speed", "40") as system:
        yield system


@pytest.fixture
def stranger(mosquitto: Mosquitto) -> Iterator[MqttSession]:
    """Another gateway, with nothing good to say."""
    session = MqttSession(
        MqttSettings(port=mosquitto.port), STRANGER, [], Handlers(on_message=lambda *_: None)
    )
    session.start()
    wait_until(lambda: session.up, what="the stranger is connected")
    yield session
    session.stop()


def envelope(*readings: dict[str, Any]) -> bytes:
    now = int(time.time() * 1000)
    header = {"v": 1, "gateway": STRANGER, "stream": STREAM, "sent": now, "clock": "trusted"}
    return json.dumps(header | {"readings": list(readings)}).encode()


def reading(seq: int, **changes: Any) -> dict[str, Any]:
    base = {
        "seq": seq, "t": int(time.time() * 1000), "clock": "trusted", "device": "x", "kind": "oximetry",
        "mode": "spot", "spo2_pct": 98,
    }  # fmt: skip
    return base | changes


def quarantined(system: System) -> dict[str, int]:
    """Reason to count, from ingest's own book."""
    path = system.folder / "ingest" / "ingest-book.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT reason, count(*) FROM refusals GROUP BY reason"))


def test_bad_messages_between_good_ones(system: System, stranger: MqttSession) -> None:
    system.wait(lambda: system.measured() > 50, "the replay runs")
    topic = gateway_topic(STRANGER, Channel.READINGS)
    for payload in (
        b"\xff\xfe not json at all",
        b"{" * 3000,
        envelope(reading(1), reading(2, kind="ecg"), reading(3)),
        envelope(reading(4, t=86_400_000)),
        envelope(reading(5, t=3_786_912_000_000)),
        envelope(reading(6, spo2_pct="low")),
    ):
        assert stranger.publish(topic, payload) is not None
    assert stranger.publish("cunmai/v1/00/somebody-else/readings", envelope(reading(7))) is not None

    system.wait(lambda: system.sim_event("played"), "the recording is played")
    system.wait(lambda: system.held() == 0, "every good reading is receipted")
    account = system.account()
    assert account.measured == account.stored == account.judged >= 481
    assert (account.lost, account.duplicated) == (0, 0)

    system.wait(lambda: sum(quarantined(system).values()) == 7, "every bad one is set aside")
    assert quarantined(system) == {
        "not_json": 2,
        "unknown_kind": 1,
        "implausible_time": 2,
        "bad_reading": 1,
        "wrong_topic": 1,
    }
    rows = system.query_journal(
        f"SELECT what, first, last FROM held WHERE stream = '{STREAM}' ORDER BY first"
    )
    assert rows == [("judged", 1, 1), ("refused", 2, 2), ("judged", 3, 3), ("refused", 4, 6)]
    assert len(system.sink.taken) == 1, "the good gateway's alarm came through"


def test_a_wrong_threshold_file_is_refused_while_the_old_rules_go_on(system: System) -> None:
    system.wait(lambda: system.measured() > 20, "the replay runs")
    pack = system.folder / "packs" / "oximetry.yaml"
    pack.write_text(PACK.replace("at_or_below: 93", "at_or_bellow: 93"))
    system.wait(lambda: health(system)["problems"], "the service says what is wrong")
    assert health(system)["problems"][0].startswith("oximetry.yaml:8: rules.0.when")
    assert "at_or_bellow" in " ".join(health(system)["problems"])
    log = (system.folder / "rules.log").read_text()
    assert '"event": "rules.refused"' in log
    assert '"line": 8' in log
    system.wait(lambda: system.sink.taken, "the old rules still page")
    assert system.sink.texts[0].count("spo2-low 1-") == 1

    pack.write_text(PACK.replace("version: 1", "version: 2"))
    system.wait(lambda: health(system)["problems"] == [], "the mended file is taken")
    assert health(system)["rules"]["oximetry"].startswith("2-")


def health(system: System) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{system.pages_port}/health", timeout=5) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except OSError:
        return {"problems": [], "rules": {}}


def test_a_webhook_that_answers_500_is_tried_until_it_takes_the_message(system: System) -> None:
    system.sink.statuses = [500, 503, 500]
    system.wait(lambda: system.sink.taken, "the SMS is accepted in the end")
    assert system.sink.requests == 4
    assert len(system.sink.taken) == 1
    history = [row[0] for row in system.query_journal("SELECT type FROM history ORDER BY n")]
    assert history[:2] == ["opened", "notice_queued"]
    system.wait(
        lambda: system.query_journal("SELECT state, attempts FROM notice") == [("accepted", 4)],
        "it is recorded",
    )
