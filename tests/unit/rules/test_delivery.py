"""What a notice outlives on its way: wrong settings, a busy journal, clocks set back; and what becomes of it later."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.database import PostgresAt
from cunmai_rules.journal.opening import open_journal
from cunmai_runtime.errors import Retryable, UserError
from cunmai_wire.events import Answer
from support.rules_bench import Bench
from support.sms_sink import SECRET


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405, 407, 418])
def test_a_captive_portal_or_a_wrong_key_delays_the_page_and_is_shouted(bench: Bench, status: int) -> None:
    bench.sink.statuses = [status] * 6
    bench.desaturate()
    with capture_logs() as logs:
        for _ in range(100):
            bench.passes(1)
    assert bench.told == ["V"]
    assert bench.sink.requests == 7
    shouts = [entry for entry in logs if entry["event"] == "notify.provider_misdirected"]
    assert [(entry["log_level"], entry["why"]) for entry in shouts] == [("error", f"HTTP {status}")]


@pytest.mark.parametrize("status", [400, 410, 413, 422])
def test_a_carrier_that_refuses_everything_for_a_second_is_asked_again_and_the_page_arrives(
    bench: Bench, status: int
) -> None:
    bench.sink.statuses = [status] * 6
    bench.desaturate()
    with capture_logs() as logs:
        for _ in range(10):
            bench.notifier.send_due()
        assert bench.sink.requests == 2  # each contact once, and not six times
        for _ in range(7):
            bench.passes(150)
            bench.notifier.send_due()
    assert bench.told == ["V"]
    assert bench.escalation().status is Status.OPEN
    assert {entry["why"] for entry in logs if entry["event"] == "rules.nobody_answers"} == {"nobody_reached"}


def test_every_attempt_of_a_notice_carries_the_same_bytes(bench: Bench) -> None:
    bench.sink.statuses = [500] * 3
    bench.desaturate()
    bench.notifier.send_due()
    for spo2_pct in (80, 70, 60):  # what is known changes between the attempts
        bench.desaturate(20, spo2_pct)
        bench.notifier.send_due()
    assert len(bench.sink.bodies) == 4
    assert len(set(bench.sink.bodies)) == 1


def test_a_busy_journal_repeats_the_commit_and_never_the_message(bench: Bench) -> None:
    bench.desaturate()
    impatient = "PRAGMA busy_timeout = 20" if bench.at is None else "SET lock_timeout = '20ms'"
    bench.db.execute(impatient)
    bench.notifier.start_due()
    with closing(open_journal(bench.journal)) as other, other.transaction():
        other.lock([bench.escalation().subject])
        for _ in range(5):
            with pytest.raises(Retryable):
                bench.notifier.send_due()
    bench.notifier.send_due()
    assert bench.sink.requests == 1
    assert bench.rows("SELECT state, attempts FROM notice") == [("accepted", 1)]


def test_a_clock_set_back_by_an_hour_delays_neither_retries_nor_events(bench: Bench) -> None:
    bench.sink.statuses = [500]
    bench.desaturate()
    bench.notifier.send_due()
    (pending,) = bench.desk.events.pending(bench.now_ms, bench.now_ms)
    bench.desk.events.sent(pending, bench.now_ms)
    bench.now_ms -= 3_600_000
    assert bench.desk.events.pending(bench.now_ms - 15_000, bench.now_ms) == [pending]
    bench.notifier.send_due()
    assert bench.told == ["V"]


def test_closed_escalations_go_after_their_keeping_time_and_open_pages_never(bench: Bench) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    bench.answers(Answer.CONTACTED)
    bench.now_ms += 31 * 86_400_000
    bench.desaturate(40, 98)
    bench.desaturate(20, 90)
    bench.now_ms += 31 * 86_400_000
    bench.engine.forget_old()
    assert bench.escalation().status is Status.OPEN
    belongings = {
        table: bench.rows(f"SELECT DISTINCT escalation FROM {table}")
        for table in ("notice", "link", "finding", "history")
    }
    assert belongings == {table: [(bench.escalation().id,)] for table in belongings}


def test_a_review_that_nobody_looks_at_expires_by_name(bench: Bench) -> None:
    start = bench.now_ms - 6 * 3_600_000
    bench.deliver(*[bench.reading(88, t=start + 1000 * second) for second in range(60)])
    bench.now_ms += 31 * 86_400_000
    bench.engine.forget_old()
    assert (bench.escalation().status, bench.escalation().closed_because) == (Status.CLOSED, "expired")
    bench.now_ms += 31 * 86_400_000
    bench.engine.forget_old()
    assert bench.rows("SELECT * FROM history") == []


def test_an_operator_lists_what_is_open_and_closes_it(bench: Bench, tmp_path: Path) -> None:
    config = tmp_path / "rules.yaml"
    config.write_text(
        f"data_dir: {tmp_path}\n"
        "contacts: [{id: village, role: 村医, to: '1'}]\n"
        "fallback_contacts: [village]\n"
        f"webhook: {{url: 'http://127.0.0.1:1/', secret: {SECRET}}}\n"
        "public_url: http://127.0.0.1:8087\n"
    )
    if isinstance(bench.at, PostgresAt):
        config.write_text(f'{config.read_text()}database: "{bench.at.dsn}"\n')
    bench.desaturate()
    id_ = bench.escalation().id
    runner = CliRunner()
    listing = ["escalations", "--config", str(config)]
    told = runner.invoke(app, listing).output
    for words in (
        id_,
        "居民 resident R-7F3K\n",
        f"规则 rule {bench.escalation().rule}\n",
        "网关 gateway cz-01\n",
    ):
        assert words in told
    closing = ["close", id_, "--because", "test", "--config", str(config)]
    assert runner.invoke(app, closing).output == f"{id_}: test\n"
    assert bench.escalation().status is Status.CLOSED
    assert "没有未结束的预警" in runner.invoke(app, listing).output
    unknown = runner.invoke(app, ["close", "e0", "--because", "test", "--config", str(config)])
    assert isinstance(unknown.exception, UserError)
