"""What the engine does where the world or the program is wrong: clocks, senders, numbers, our own faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from cunmai_rules import batch as batch_module
from cunmai_rules import metrics
from cunmai_rules import subjects as subjects_module
from cunmai_rules.journal.database import StatementRefused
from cunmai_rules.journal.piece import PieceJudgements
from cunmai_rules.thresholds.window import judge
from cunmai_runtime.errors import Retryable
from cunmai_runtime.intake import Delivery
from cunmai_wire.parsing import RefusalReason
from cunmai_wire.topics import Channel, gateway_topic
from support.rules import OXIMETRY, oximetry_rules
from support.rules_bench import GATEWAY, STREAM, Bench

POISON_PCT = 13.0


def envelope(bench: Bench, *readings: dict[str, Any], **changes: Any) -> bytes:
    header = {"v": 1, "gateway": GATEWAY, "stream": STREAM, "sent": bench.now_ms, "clock": "trusted"}
    return json.dumps(header | changes | {"readings": list(readings)}).encode()


def lanes(bench: Bench) -> list[str]:
    return [json.loads(body)["lane"] for (body,) in bench.rows("SELECT body FROM escalation ORDER BY id")]


def covered(bench: Bench) -> set[int]:
    return {
        seq
        for receipt in bench.receipts
        for first, last in receipt["ranges"]
        for seq in range(first, last + 1)
    }


def refusals(reason: RefusalReason) -> float:
    value: float = metrics.REFUSED.labels(reason)._value.get()
    return value


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The program fails at a certain value, after it has begun to write."""

    def failing(memory: Any, events: Any, *more: Any) -> Any:
        if any(event.values.get("spo2_pct") == POISON_PCT for event in events):
            raise ZeroDivisionError("a fault of ours")
        return judge(memory, events, *more)

    monkeypatch.setattr(subjects_module, "judge", failing)
    yield
    structlog.reset_defaults()


# -- clocks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [301, 600, 90_000])
def test_a_gateway_whose_clock_is_ahead_is_judged_live_and_shouted_about(bench: Bench, ahead_s: int) -> None:
    before = metrics.CLOCK_DISAGREEMENTS._value.get()
    with capture_logs() as logs:
        for _ in range(20):
            t = bench.now_ms + ahead_s * 1000
            payload = envelope(bench, bench.reading(80, t=t - 200), sent=t)
            bench.deliver_raw(gateway_topic(GATEWAY, Channel.READINGS), payload)
            bench.now_ms += 1000
    assert lanes(bench) == ["page"]
    assert all("quarantined" not in receipt or not receipt["quarantined"] for receipt in bench.receipts)
    assert metrics.CLOCK_DISAGREEMENTS._value.get() - before == 20
    assert [log["differs_s"] for log in logs if log["event"] == "rules.clocks_differ"] == [-ahead_s]


def test_a_server_whose_clock_is_ahead_pages_all_the_same_after_a_minute(bench: Bench) -> None:
    """From one message it cannot be told from a message that waited; after a minute of messages it can."""
    for _ in range(90):
        t = bench.now_ms - 600_000
        payload = envelope(bench, bench.reading(80, t=t - 200), sent=t)
        bench.deliver_raw(gateway_topic(GATEWAY, Channel.READINGS), payload)
        bench.now_ms += 1000
    assert sorted(lanes(bench)) == ["page", "review"]


def test_a_backlog_that_the_broker_kept_stays_a_review(bench: Bench) -> None:
    start = bench.now_ms - 600_000
    for second in range(60):
        payload = envelope(bench, bench.reading(80, t=start + second * 1000), sent=start + second * 1000)
        bench.deliver_raw(gateway_topic(GATEWAY, Channel.READINGS), payload)
        bench.now_ms += 10
    assert lanes(bench) == ["review"]


def test_our_clock_a_day_ahead_for_one_reading_does_not_mute_the_next_day(bench: Bench) -> None:
    bench.now_ms += 86_400_000
    bench.deliver(bench.reading(97))
    bench.now_ms -= 86_400_000
    bench.desaturate(20, 80)
    assert lanes(bench) == ["page"]


def test_a_reading_dated_ahead_does_not_mute_what_is_measured_meanwhile(bench: Bench) -> None:
    bench.deliver(bench.reading(97, t=bench.now_ms + 280_000))
    bench.now_ms += 1000
    bench.desaturate(20, 80)
    assert lanes(bench) == ["page"]


# -- episodes over the journal ------------------------------------------------------------------------------


def test_the_next_unattributed_person_pages_too(bench: Bench) -> None:
    for pages in (1, 2):
        for _ in range(20):
            bench.deliver(bench.reading(86, resident=None))
            bench.now_ms += 1000
        assert lanes(bench) == ["page"] * pages
        bench.passes(86_400)


def test_a_removed_rule_is_let_go_of_and_pages_anew_when_it_comes_back(bench: Bench) -> None:
    bench.desaturate()
    packs = bench.folder / "packs" / "oximetry.yaml"

    def put(raw: bytes) -> None:
        packs.write_bytes(raw)
        bench.in_force.poll()
        bench.engine.rules = bench.in_force.rules
        bench.engine.tick()

    put(OXIMETRY.replace(b"spo2-low", b"another-rule"))
    assert bench.engine._judgements.memory("R-7F3K").rules.groups == {}
    put(OXIMETRY)
    bench.now_ms += 3 * 86_400_000
    bench.desaturate(20, 85)
    assert lanes(bench) == ["page"]  # the one that nobody has answered yet: it asks anew
    assert bench.rows("SELECT contact FROM notice ORDER BY number") == [("village",), ("village",)]


def test_a_rule_that_was_removed_while_we_were_down_is_let_go_of(bench: Bench) -> None:
    bench.desaturate()
    bench.engine.tick()
    (bench.folder / "packs" / "oximetry.yaml").write_bytes(OXIMETRY.replace(b"spo2-low", b"another-rule"))
    bench.in_force.poll()
    bench.restart()
    bench.engine.tick()
    assert bench.rows("SELECT due_ms FROM subject") == [(None,)]
    assert bench.engine._judgements.memory("R-7F3K").rules.groups == {}


def test_an_unconfirmed_spell_is_about_its_own_reading(bench: Bench) -> None:
    bench.deliver(bench.reading(88))
    first_ms = bench.now_ms
    bench.now_ms += 700_000
    bench.deliver(bench.reading(97))
    ((body,),) = bench.rows("SELECT body FROM escalation")
    raised = json.loads(body)
    assert (raised["seq"], raised["reading_t_ms"], raised["reason"]) == (1, first_ms, "spell_unconfirmed")


def test_a_message_tells_the_value_of_its_own_stream(bench: Bench) -> None:
    """Two gateways' spools give out the same numbers."""
    other = "1c8fa063-7a3f-4f1f-8e54-4b9b42a3d112"
    bench.deliver(*[bench.reading(97, seq=seq, t=bench.now_ms - 60_000 + seq) for seq in range(1, 17)])
    for seq in range(1, 17):
        reading = bench.reading(86, seq=seq)
        payload = envelope(bench, reading, gateway="cz-02", stream=other)
        bench.deliver_raw(gateway_topic("cz-02", Channel.READINGS), payload)
        bench.deliver(bench.reading(94, seq=100 + seq, t=bench.now_ms + 1))
        bench.now_ms += 1000
    bench.notifier.send_due()
    assert " 86%" in bench.sink.texts[0]


def test_a_clinic_above_2500_m_is_not_judged_by_the_default_oxygen_limits(bench: Bench) -> None:
    (site,) = bench.settings.sites
    high = site.model_copy(update={"altitude_m": 3658})
    bench.settings = bench.settings.model_copy(update={"sites": (high,)})
    bench.restart()
    bench.desaturate(20, 88)
    assert bench.rows("SELECT * FROM escalation") == []
    assert set(bench.rows("SELECT decisions FROM observation")) == {('{"spo2-low": "not_applicable"}',)}


# -- senders and numbers --------------------------------------------------------------------------------------


def test_a_stream_is_its_first_senders_and_another_marks_nothing_as_judged(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    bench.receipts.clear()
    before = refusals(RefusalReason.WRONG_SENDER)
    bench.deliver(*[bench.reading(97, resident="R-EVIL") for _ in range(30)], gateway="evil-gw")
    assert bench.receipts == []
    assert refusals(RefusalReason.WRONG_SENDER) == before + 1
    bench._seq = 1
    bench.desaturate(20, 80)
    assert lanes(bench) == ["page"]
    assert bench.rows("SELECT id FROM subject") == [("R-7F3K",)]


def test_what_a_stranger_corrected_beforehand_is_not_receipted_unseen(bench: Bench) -> None:
    theirs = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c0ff"
    bench.deliver(bench.reading(97, corrects={"stream": theirs, "seq": 1}))
    bench.receipts.clear()
    before = refusals(RefusalReason.WRONG_SENDER)
    danger = envelope(bench, bench.reading(70, seq=1), gateway="cz-02", stream=theirs)
    bench.deliver_raw(gateway_topic("cz-02", Channel.READINGS), danger)
    assert bench.receipts == []  # the gateway keeps it, and it is shouted
    assert refusals(RefusalReason.WRONG_SENDER) == before + 1


def test_a_gateway_corrects_what_has_not_come_yet(bench: Bench) -> None:
    earlier = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c0ff"
    bench.deliver(bench.reading(97, resident="R-2", corrects={"stream": earlier, "seq": 1}))
    bench.deliver_raw(
        gateway_topic(GATEWAY, Channel.READINGS), envelope(bench, bench.reading(70, seq=1), stream=earlier)
    )
    assert bench.rows("SELECT corrected FROM observation WHERE stream = '" + earlier + "'") == [(1,)]


def test_a_wrong_sender_cannot_set_numbers_aside_either(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    bench.deliver(bench.reading(97, seq=2, kind="ecg"), gateway="evil-gw")
    assert bench.rows("SELECT what, first, last FROM held") == [("judged", 1, 1)]


@pytest.mark.parametrize("change", [{"t": 1}, {"device": "oxi-2"}, {"spo2_pct": 80}, {"resident": "R-2"}])
def test_another_reading_under_an_old_number_is_refused_and_not_receipted(
    bench: Bench, change: dict[str, Any]
) -> None:
    first = bench.reading(97)
    bench.deliver(first)
    bench.receipts.clear()
    with capture_logs() as logs:
        bench.deliver(first | {name: first["t"] - 1 if name == "t" else to for name, to in change.items()})
    assert bench.receipts == []
    assert [log["reason"] for log in logs if log["event"] == "rules.reading_refused"] == ["seq_reused"]
    bench.deliver(first)
    assert covered(bench) == {1}


# -- our own faults ---------------------------------------------------------------------------------------------


def test_one_reading_we_fail_at_stops_nothing_and_is_not_receipted(bench: Bench, poison: None) -> None:
    before = refusals(RefusalReason.INTERNAL_ERROR)
    with capture_logs() as logs:
        bench.deliver(bench.reading(97), bench.reading(POISON_PCT), bench.reading(97))
    assert covered(bench) == {1, 3}
    assert bench.rows("SELECT seq FROM observation ORDER BY seq") == [(1,), (3,)]
    assert bench.rows("SELECT what, first, last FROM held") == [("judged", 1, 1), ("judged", 3, 3)]
    assert refusals(RefusalReason.INTERNAL_ERROR) == before + 1
    assert [log["exc_info"] for log in logs if log["event"] == "rules.internal_error"] == [True]


def test_a_mended_program_judges_what_comes_again(
    bench: Bench, poison: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = [bench.reading(POISON_PCT, t=bench.now_ms - 20_000 + n * 1000) for n in range(20)]
    bench.deliver(*readings)
    assert covered(bench) == set()
    monkeypatch.setattr(subjects_module, "judge", judge)
    bench.deliver(*readings)
    assert covered(bench) == set(range(1, 21))
    assert lanes(bench) == ["page"]


def test_one_subject_we_fail_at_does_not_stop_the_clock_of_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.deliver(bench.reading(90, resident="R-BAD"), bench.reading(90, resident="R-GOOD"))
    bench.now_ms += 700_000
    with monkeypatch.context() as patched:
        bad = bench.engine._judgements.memory("R-BAD")
        memories = {"R-BAD": None}
        memory = bench.engine._judgements.memory
        patched.setattr(
            bench.engine._judgements, "memory", lambda subject: memories.get(subject, memory(subject))
        )
        bench.engine.tick()
    assert bench.rows("SELECT subject FROM escalation") == [("R-GOOD",)]
    assert bench.engine._judgements.memory("R-BAD") == bad
    bench.engine.tick()
    assert len(lanes(bench)) == 1  # not at every tick
    bench.now_ms += 60_000
    bench.engine.tick()
    assert bench.rows("SELECT subject FROM escalation ORDER BY subject") == [("R-BAD",), ("R-GOOD",)]


def test_a_batch_is_all_or_nothing_within_its_piece(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails at the third message: the first two are not half-taken, and no receipt goes out."""
    calls = []

    def failing(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise Retryable("disk full")
        return judge(*args)

    monkeypatch.setattr(subjects_module, "judge", failing)
    topic = gateway_topic(GATEWAY, Channel.READINGS)
    batch = [Delivery(topic, envelope(bench, bench.reading(97)), bench.now_ms, n, 1) for n in range(4)]
    with pytest.raises(Retryable):
        bench.engine.take(batch)
    assert bench.rows("SELECT * FROM held") == []
    assert bench.rows("SELECT * FROM observation") == []
    assert len(bench.engine.take(batch)) == 1
    assert bench.rows("SELECT what, first, last FROM held") == [("judged", 1, 4)]


def test_a_large_batch_is_committed_in_pieces(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the notifier and the pages get at the journal; a fault in the last piece keeps the first."""
    monkeypatch.setattr(batch_module, "PIECE_READINGS", 4)
    topic = gateway_topic(GATEWAY, Channel.READINGS)
    messages = [envelope(bench, *[bench.reading(97) for _ in range(3)]) for _ in range(5)]
    batch = [Delivery(topic, message, bench.now_ms, n, 1) for n, message in enumerate(messages)]
    bench.engine.tick()
    transaction = bench.db.transaction
    begun: list[int] = []

    def counted() -> AbstractContextManager[None]:
        begun.append(1)
        return transaction()

    monkeypatch.setattr(bench.db, "transaction", counted)
    (receipt,) = bench.engine.take(batch)
    assert len(begun) == 3
    assert json.loads(receipt[1])["ranges"] == [[1, 15]]


def test_a_removed_rule_lets_go_of_those_whom_it_found_well(bench: Bench) -> None:
    """Quiet rules have no state of their own: the profile names them."""
    bench.deliver(bench.reading(97))
    assert [row[0] for row in bench.rows("SELECT due_ms FROM subject")] == [bench.now_ms + 900_001]
    bench.engine.rules = oximetry_rules(OXIMETRY.replace(b"id: spo2-low", b"id: other"))
    bench.engine.tick()
    told = [json.loads(body) for (body,) in bench.rows("SELECT body FROM event ORDER BY n")]
    assert [(one["rule"], one["grade"]) for one in told if one["type"] == "grade_changed"] == [
        ("spo2-low", "green"),
        ("spo2-low", "grey"),
    ]


def test_a_reading_that_the_database_refuses_is_set_aside_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noticed when the piece is written, long after it was judged: the piece is taken apart to find it."""
    write = PieceJudgements._write_out

    def refusing(self: PieceJudgements) -> None:
        if self._kept is not None and any("R-OTHER" in str(row) for row in self._kept.observations):
            raise StatementRefused("the rules' journal: a constraint")
        write(self)

    monkeypatch.setattr(PieceJudgements, "_write_out", refusing)
    before = refusals(RefusalReason.INTERNAL_ERROR)
    good = [bench.reading(90, t=bench.now_ms + n) for n in range(3)]
    bad = bench.reading(POISON_PCT, resident="R-OTHER")
    batch = [
        Delivery(gateway_topic(GATEWAY, Channel.READINGS), envelope(bench, good[0], bad, good[1]), bench.now_ms, 1, 1),
        Delivery(gateway_topic(GATEWAY, Channel.READINGS), envelope(bench, good[2]), bench.now_ms, 2, 1),
    ]  # fmt: skip
    with capture_logs() as logs:
        bench.receipts += [json.loads(body) for _, body in bench.engine.take(batch)]
    assert covered(bench) == {good[0]["seq"], good[1]["seq"], good[2]["seq"]}
    assert refusals(RefusalReason.INTERNAL_ERROR) == before + 1
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["rules.internal_error"]
    kept = bench.rows("SELECT seq FROM observation ORDER BY seq")
    assert kept == [(seq,) for seq in sorted(covered(bench))]
