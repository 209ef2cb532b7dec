"""What authors' tools read of a journal is the same from either database."""

from __future__ import annotations

import pytest

from cunmai_rules.tools.explain.past import read_past
from cunmai_rules.tools.replay import history
from cunmai_rules.tools.replay.history import read_journal
from support.rules import T0_MS
from support.rules_bench import STREAM, Bench


def test_a_replay_reads_every_reading_once_piece_by_piece(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PIECE", 7)
    bench.desaturate(20)
    bench.deliver(bench.reading(97, resident="R-5K8D", device="oxi-2"))
    heard = list(read_journal(bench.db, T0_MS + 5000, T0_MS + 100_000))
    assert [one.event.seq for one in heard] == list(range(6, 22))
    assert {(one.subject.id, one.subject.device) for one in heard} == {
        ("R-7F3K", "oxi-1"),
        ("R-5K8D", "oxi-2"),
    }
    assert heard[0].event.values == {"mode": "continuous", "spo2_pct": 90.0, "pulse_bpm": 112.0}
    assert heard[0].event.arrived_ms == T0_MS + 5000


def test_an_explanation_reads_what_had_arrived_and_what_was_asked(bench: Bench) -> None:
    bench.desaturate(20)
    wrong = bench.reading(80)
    bench.deliver(wrong)
    corrects = {"stream": STREAM, "seq": 21, "resident": "R-7F3K"}
    bench.now_ms += 1000
    bench.deliver(bench.reading(80, t=wrong["t"], resident="R-5K8D", corrects=corrects))
    past = read_past(bench.db, "R-7F3K", bench.now_ms)
    assert past is not None
    assert [(one.event.seq, one.corrected) for one in past.readings] == [
        *((seq, False) for seq in range(1, 21)), (21, True),
    ]  # fmt: skip
    assert [one.escalation.rule for one in past.asked] == ["spo2-low"]
    assert past.asked[0].history[0].type == "opened"
    earlier = read_past(bench.db, "R-7F3K", T0_MS + 10_000)
    assert earlier is not None
    assert ([one.event.seq for one in earlier.readings], earlier.asked) == (list(range(1, 12)), [])
    assert read_past(bench.db, "R-NONE", bench.now_ms) is None
