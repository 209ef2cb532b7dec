"""Read and written at once for a whole piece, or statement by statement: what comes of it is the same.

Batches with repetitions, other content under a known number, corrections, readings out of order, and readings
at which the program fails go both ways.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cunmai_rules import subjects as subjects_module
from cunmai_rules.journal import piece as piece_module
from cunmai_rules.journal.piece import PieceJudgements
from cunmai_rules.thresholds.window import judge
from cunmai_runtime.errors import Retryable
from cunmai_runtime.intake import Delivery
from cunmai_wire.topics import Channel, gateway_topic
from support.rules import T0_MS
from support.rules_bench import GATEWAY, STREAM, Bench
from support.sms_sink import SmsSink

TABLES = {
    "held": "stream, what, first, last",
    "observation": "stream, seq, subject, kind, t_ms, late, reading, decisions, digest, corrected, device",
    "subject": "id, part, state, gateway, device, resident, due_ms",
    "escalation": "id, status, lane, body",
    "finding": "id, escalation, rule, lane, reading_t_ms, seq, withdrawn_ms",
    "notice": "id, escalation, contact, state",
    "correction": "stream, seq",
    "sender": "stream, gateway",
    "event": "topic, body",
}
POISON_PCT = 13.0


def content(bench: Bench) -> dict[str, list[Any]]:
    return {
        table: sorted(map(_plain, bench.rows(f"SELECT {columns} FROM {table}")), key=repr)
        for table, columns in TABLES.items()
    }


def _plain(row: tuple[Any, ...]) -> list[Any]:
    """JSON by what it says, not by how it is spelt."""
    return [json.loads(one) if isinstance(one, str) and one.startswith("{") else one for one in row]


def batches(seed: int) -> Iterator[list[Delivery]]:
    """The same for the same seed."""
    chance = random.Random(seed)
    made: list[dict[str, Any]] = []
    for number in range(6):
        now_ms = T0_MS + number * 60_000
        messages = []
        for _ in range(chance.randint(1, 12)):
            readings = [_reading(chance, made, now_ms) for _ in range(chance.randint(1, 4))]
            envelope = {"v": 1, "gateway": GATEWAY, "stream": STREAM, "sent": now_ms, "clock": "trusted"}
            body = json.dumps(envelope | {"readings": _once(readings)}).encode()
            messages.append(Delivery(gateway_topic(GATEWAY, Channel.READINGS), body, now_ms, 1, 1))
        yield messages


def _reading(chance: random.Random, made: list[dict[str, Any]], now_ms: int) -> dict[str, Any]:
    kind = chance.random()
    if made and kind < 0.15:
        return chance.choice(made)
    reading: dict[str, Any] = {
        "seq": len(made) + 1 + (kind > 0.97) * 3, "t": now_ms - chance.randint(0, 50_000), "clock": "trusted",
        "device": f"oxi-{chance.randint(1, 2)}", "resident": chance.choice(["R-1", "R-2", None]),
        "kind": "oximetry", "mode": "continuous", "pulse_bpm": 80,
        "spo2_pct": chance.choice([88.0, 89.0, 90.0, 96.0, 97.0]),
    }  # fmt: skip
    if made and kind < 0.20:
        return chance.choice(made) | {"spo2_pct": 99.0}
    if made and kind < 0.30:
        reading["corrects"] = {"stream": STREAM, "seq": chance.choice(made)["seq"]}
    elif kind < 0.36:
        reading["spo2_pct"] = POISON_PCT
    made.append(reading)
    return reading


def _once(readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A message names a number once."""
    return list({one["seq"]: one for one in readings}.values())


@pytest.fixture(autouse=True)
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(memory: Any, events: Any, *more: Any) -> Any:
        if any(event.values.get("spo2_pct") == POISON_PCT for event in events):
            raise ZeroDivisionError("a fault of ours")
        return judge(memory, events, *more)

    monkeypatch.setattr(subjects_module, "judge", failing)


def judged(bench: Bench, seed: int) -> list[Any]:
    """Every receipt, and what is in the journal in the end."""
    receipts = []
    with capture_logs():  # our own faults, with their tracebacks
        for batch in batches(seed):
            bench.now_ms = batch[0].arrived_ms
            receipts += [sorted(bench.engine.take(batch))]
    return [receipts, content(bench)]


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_come_to_the_same(
    bench: Bench, sink: SmsSink, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = judged(bench, seed)
    monkeypatch.setattr(PieceJudgements, "_read", lambda *_: None)
    (tmp_path / "other").mkdir()
    other = Bench(tmp_path / "other", sink)
    one_by_one = judged(other, seed)
    other.close()
    assert at_once == one_by_one
    ((found,),) = bench.rows("SELECT count(*) FROM observation")
    assert found > 20


def test_a_stream_in_shreds_goes_statement_by_statement(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges without number are not read into memory for every piece."""
    monkeypatch.setattr(piece_module, "_MOST_ROWS", 3)
    for seq in (1, 3, 5, 7, 9, 10):
        bench.deliver(bench.reading(97, seq=seq))
    rows = bench.rows("SELECT first, last FROM held ORDER BY first")
    assert rows == [(1, 1), (3, 3), (5, 5), (7, 7), (9, 10)]


def test_a_piece_that_fails_is_tried_again_from_what_was_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = next(batches(3))
    write = PieceJudgements._write_ranges

    def busy(_: PieceJudgements) -> None:
        raise Retryable("the journal is busy")

    monkeypatch.setattr(PieceJudgements, "_write_ranges", busy)
    with pytest.raises(Retryable):
        bench.engine.take(batch)
    assert all(rows == [] for rows in content(bench).values())
    monkeypatch.setattr(PieceJudgements, "_write_ranges", write)
    assert bench.engine.take(batch)
    assert content(bench)["held"] != []
