"""`/health` tells how the service's own watching stands, and calls nothing `ok` that is not known."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from cunmai_rules import metrics
from cunmai_rules import slots as slots_module
from cunmai_rules.database_clock import DatabaseClock, ahead_ms
from cunmai_rules.health import NOBODY_WATCHES, Watching
from cunmai_rules.heartbeat import Heartbeat
from cunmai_rules.journal.database import PostgresAt, Rows
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.pages.app import build_app
from cunmai_rules.selftest.outcome import plan, record_outcome
from cunmai_rules.service import RulesService
from cunmai_rules.settings import HeartbeatSettings, SelfTestSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import Retryable
from support.postgres import Cluster
from support.rules_bench import LINK_KEY, Bench
from support.servers import free_port, listening, wait_until

HOUR_MS = 3_600_000
SECRET_URL = "https://watcher.example/ping/0d1c"


def health(bench: Bench, watching: Watching = NOBODY_WATCHES) -> dict[str, Any]:
    app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force, watching=watching)
    with TestClient(app) as client:
        told: dict[str, Any] = client.get("/health").json()
    return told


@pytest.fixture
def watched(bench: Bench) -> Bench:
    object.__setattr__(bench.settings, "self_test", SelfTestSettings(contact="township"))
    beating = HeartbeatSettings.model_validate({"url": SECRET_URL})
    object.__setattr__(bench.settings, "heartbeat", beating)
    return bench


def test_what_is_not_set_up_is_off(bench: Bench) -> None:
    told = health(bench)
    assert [told[name] for name in ("self_test", "heartbeat", "database_clock")] == [{"state": "off"}] * 3


def test_what_has_never_been_is_unknown(watched: Bench) -> None:
    told = health(watched)
    assert (told["self_test"]["state"], told["self_test"]["last_success"]) == ("unknown", None)
    assert (told["heartbeat"]["state"], told["heartbeat"]["last_success"]) == ("unknown", None)


def test_a_self_test_is_ok_until_the_next_one_should_have_passed(watched: Bench) -> None:
    passed_ms = watched.now_ms
    record_outcome(watched.db, None, passed_ms)
    # Every hour, within two minutes, and one minute more.
    watched.now_ms = passed_ms + HOUR_MS + 180_000
    assert health(watched)["self_test"]["state"] == "ok"
    watched.now_ms += 1
    overdue = health(watched)["self_test"]
    assert (overdue["state"], overdue["last_success"]) == ("overdue", "2026-01-02T11:04:05+08:00")
    watched.now_ms = passed_ms - 3 * HOUR_MS  # the clock was set back: nothing is known of now
    assert health(watched)["self_test"]["state"] == "unknown"


def test_a_self_test_that_fails_says_how_far_it_came_and_when_one_last_passed(watched: Bench) -> None:
    record_outcome(watched.db, None, watched.now_ms)
    watched.now_ms += HOUR_MS
    record_outcome(watched.db, "nothing_judged", watched.now_ms)
    told = health(watched)["self_test"]
    assert (told["state"], told["why"]) == ("failed", "nothing_judged")
    assert told["last_success"] == "2026-01-02T11:04:05+08:00"
    record_outcome(watched.db, None, watched.now_ms)
    assert health(watched)["self_test"]["state"] == "ok"


def test_a_self_test_says_when_the_next_one_begins(watched: Bench) -> None:
    assert health(watched)["self_test"]["next"] is None
    plan(watched.db, watched.now_ms + HOUR_MS)
    assert health(watched)["self_test"]["next"] == "2026-01-02T12:04:05+08:00"
    plan(watched.db, HOUR_MS)  # none was ever begun: at once
    assert health(watched)["self_test"]["next"] == "2026-01-02T11:04:05+08:00"


def test_a_self_test_that_has_never_passed_is_no_reason_for_the_signal_after_fifteen_minutes(
    watched: Bench,
) -> None:
    """However often the service is started meanwhile."""
    if isinstance(watched.at, PostgresAt):
        object.__setattr__(watched.settings, "database", SecretStr(watched.at.dsn))
    service, minutes = RulesService(watched.settings, watched.clock), 60_000
    service._check_journal()

    def faults() -> list[str]:
        service._pulse.beat("broker")
        service._pulse.beat("judging")
        return service._faults()

    assert health(watched)["self_test"]["why"] == "none_has_passed"
    watched.now_ms += 10 * minutes
    service._check_journal()
    assert faults() == []
    watched.now_ms += 5 * minutes
    assert faults() == []
    watched.now_ms += 1
    assert faults() == ["self_test: none_has_passed"]
    record_outcome(watched.db, None, watched.now_ms)
    assert faults() == []
    watched.now_ms += 2 * HOUR_MS  # and no other has passed since
    assert faults() == ["self_test: overdue"]
    record_outcome(watched.db, "nothing_judged", watched.now_ms)
    service._pulse.say("self_test", "nothing_judged")
    assert faults() == ["self_test: nothing_judged"]


def test_a_heartbeat_is_ok_only_while_the_watcher_takes_it(watched: Bench) -> None:
    faults: list[str] = []
    answers = [200, 500]
    transport = httpx.MockTransport(lambda _: httpx.Response(answers.pop(0)))
    settings = watched.settings.heartbeat
    assert settings is not None
    beating = Heartbeat(settings, lambda: faults, transport, watched.clock)
    watching = Watching(beating)
    assert health(watched, watching)["heartbeat"]["state"] == "unknown"
    beating.beat()
    assert health(watched, watching)["heartbeat"]["state"] == "ok"
    watched.now_ms += 130_000
    assert health(watched, watching)["heartbeat"]["state"] == "ok"
    watched.now_ms += 1
    assert health(watched, watching)["heartbeat"]["state"] == "overdue"
    beating.beat()
    told = health(watched, watching)["heartbeat"]
    assert (told["state"], told["why"]) == ("failed", "not taken: 500")
    faults.append("broker")
    beating.beat()
    told = health(watched, watching)
    assert (told["heartbeat"]["state"], told["heartbeat"]["why"]) == ("failed", "withheld: broker")
    assert "0d1c" not in str(told)


# -- PostgreSQL's clock ---------------------------------------------------------------------------------


class Asked:
    """A database that says what time it is."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def execute(self, *_: object) -> Rows:
        return Rows([(self.now_ms,)], 1)

    def close(self) -> None:
        """Nothing was opened."""


@pytest.mark.parametrize(
    ("theirs_ms", "ahead"),
    [(1_000_000, 0), (1_003_000, 0), (1_001_500, 0), (990_000, 10_000), (1_103_000, -100_000)],
)
def test_the_time_of_asking_is_no_difference(theirs_ms: int, ahead: int) -> None:
    """It was 1,000 s before asking, and 1,003 s after."""
    ours = iter((1_000_000, 1_003_000))
    assert ahead_ms(Asked(theirs_ms), lambda: next(ours)) == ahead  # type: ignore[arg-type]


def test_a_difference_is_told_once_and_its_end_too(bench: Bench) -> None:
    asked = Asked(bench.now_ms)
    clock = DatabaseClock(lambda: asked, bench.clock)  # type: ignore[arg-type,return-value]
    object.__setattr__(bench.settings, "database", "postgresql://somewhere")
    watching = Watching(database_clock=clock)
    assert health(bench, watching)["database_clock"] == {"state": "unknown", "ahead_s": None}
    with capture_logs() as logs:
        for ahead in (60_000, 60_001, 75_000, 0, -61_000):
            asked.now_ms = bench.now_ms - ahead
            clock.look()
    told = health(bench, watching)
    assert [line["event"] for line in logs] == [
        "rules.caution", "rules.database_clock_agrees", "rules.caution"
    ]  # fmt: skip
    assert "61 s behind PostgreSQL's" in logs[-1]["caution"]
    assert told["database_clock"] == {"state": "failed", "ahead_s": -61}
    assert any("慢 61 秒" in caution for caution in told["cautions"])
    assert metrics.DATABASE_CLOCK_AHEAD._value.get() == -61


def test_a_database_that_cannot_be_asked_leaves_it_unknown() -> None:
    up = [Asked(0)]

    def open_() -> Asked:
        if not up:
            raise Retryable("down")
        return up.pop()

    clock = DatabaseClock(open_, lambda: 0)  # type: ignore[arg-type]
    seen = []
    for _ in range(2):
        clock.look()
        seen.append(clock.ahead_ms)
    assert seen == [0, None]
    assert clock.caution is None
    assert metrics.DATABASE_CLOCK_AHEAD._value.get() != 0


@pytest.mark.server
def test_a_real_postgresql_tells_its_time(postgres: Cluster) -> None:
    at = postgres.schema()
    with capture_logs():
        fast = DatabaseClock(lambda: open_journal(at), lambda: system_clock() + 90_000)
        fast.look()
        same = DatabaseClock(lambda: open_journal(at), system_clock)
        same.look()
    assert "快" in str(fast.caution)
    assert same.caution is None
    assert same.ahead_ms is not None


class NoMessages:
    """A broker that has nothing to say."""

    up = True

    def __init__(self, *_: Any) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def take(self, *_: Any) -> list[Any]:
        time.sleep(0.01)
        return []

    def publish(self, *_: Any) -> bool:
        return True

    def ack(self, *_: Any) -> None: ...


def test_the_service_tells_of_its_own_watching(watched: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock stands in January 2026, and PostgreSQL's goes with the machine."""
    monkeypatch.setattr(slots_module, "Intake", NoMessages)
    asked: list[str] = []
    monkeypatch.setattr(Heartbeat, "_send", lambda self: asked.append(self.failed or ""))
    port = free_port()
    quick = HeartbeatSettings.model_construct(url=SecretStr(SECRET_URL), every_s=0.05)
    changes: dict[str, Any] = {
        "listen": watched.settings.listen.model_copy(update={"port": port}), "heartbeat": quick
    }  # fmt: skip
    if isinstance(watched.at, PostgresAt):
        changes["database"] = SecretStr(watched.at.dsn)
    service, stop = (
        RulesService(watched.settings.model_copy(update=changes), watched.clock),
        threading.Event(),
    )
    running = threading.Thread(target=service.run, args=(stop,), daemon=True)
    running.start()

    def told() -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(
            f"http://127.0.0.1:{port}/health", trust_env=False, timeout=10
        ).json()
        return answer

    try:
        wait_until(lambda: listening(port) and asked, what="it serves, and gives its signal")
        if watched.at is not None:
            wait_until(
                lambda: told()["database_clock"]["state"] == "failed", what="it has asked for the time"
            )
            assert any("behind PostgreSQL's" in caution for caution in told()["cautions"])
        assert told()["heartbeat"]["state"] == "unknown", "nobody has taken it"
        assert told()["self_test"]["state"] == "unknown"
    finally:
        stop.set()
        running.join(60)
    assert not running.is_alive()


def test_a_broker_that_is_out_of_reach_for_ten_seconds_is_a_problem_until_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broker(NoMessages):
        up = False

    monkeypatch.setattr(slots_module, "Intake", Broker)
    port = free_port()
    changes: dict[str, Any] = {"listen": bench.settings.listen.model_copy(update={"port": port})}
    if isinstance(bench.at, PostgresAt):
        changes["database"] = SecretStr(bench.at.dsn)
    service, stop = RulesService(bench.settings.model_copy(update=changes), bench.clock), threading.Event()
    running = threading.Thread(target=service.run, args=(stop,), daemon=True)
    running.start()

    def problems() -> list[str]:
        told: list[str] = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False, timeout=10).json()[
            "problems"
        ]
        return told

    try:
        wait_until(
            lambda: listening(port) and any(slot.cut_off for slot in service._slots),
            what="it tries to connect",
        )
        bench.now_ms += 9_000
        assert problems() == []
        bench.now_ms += 1_000
        (problem,) = problems()
        assert "消息服务器 10 秒没有连上" in problem
        assert "the broker has been out of reach for 10 s" in problem
        Broker.up = True
        wait_until(lambda: problems() == [], what="the broker is back")
    finally:
        stop.set()
        running.join(60)
    assert not running.is_alive()


def test_secrets_that_others_can_read_are_a_caution_with_what_to_run(bench: Bench) -> None:
    config = bench.folder / "rules.yaml"
    config.touch()
    listen = bench.settings.listen.model_copy(update={"port": free_port()})
    settings = bench.settings.model_copy(update={"listen": listen})
    service = RulesService(settings, bench.clock, config)  # makes link.key
    link, registry = bench.folder / "link.key", bench.settings.registry_key_path
    registry.touch()
    for path, mode in ((config, 0o640), (link, 0o600), (registry, 0o600)):
        path.chmod(mode)
    watching = service._watchers()
    assert not [one for one in health(bench, watching)["cautions"] if "chmod" in one]
    config.chmod(0o644)
    link.chmod(0o640)
    registry.chmod(0o604)
    said = "\n".join(one for one in health(bench, watching)["cautions"] if "chmod" in one)
    for path, mode in ((config, 640), (link, 600), (registry, 600)):
        assert f"请运行 chmod {mode} {path} / {path} holds secrets" in said
    stop = threading.Event()
    stop.set()
    with capture_logs() as logs:
        service.run(stop)
    assert [str(line["caution"]) for line in logs if "chmod" in str(line.get("caution"))] == said.split("\n")
