"""A rule asks whoever is at the kiosk for something: when, how often, and what goes out for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from cunmai_rules.subjects import Subjects
from cunmai_rules.thresholds.events import Prompt
from cunmai_rules.thresholds.state import RuleState, rule_state
from cunmai_runtime.intake import Delivery
from cunmai_wire.commands import Command
from cunmai_wire.topics import Channel, gateway_topic
from support.rules import OXIMETRY, T0_MS, Story, one_rule
from support.rules_bench import GATEWAY, STREAM, Bench
from support.sms_sink import SmsSink

PROMPT = "{zh: 请休息5分钟后再测一次, en: Rest 5 minutes and measure again}"
LOW = '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15}'


def story(when: str = LOW, clear: str = "{at_or_above: 95}", **more: str) -> Story:
    return Story(rules=one_rule(when, clear, prompt=PROMPT, **more))


def prompts(told: Story) -> list[tuple[str, float]]:
    """Why, and the second that each is about."""
    return [
        (action.reason.value, (action.t_ms - T0_MS) / 1000)
        for action in told.actions
        if isinstance(action, Prompt)
    ]


# -- when ---------------------------------------------------------------------------------------------------


def test_the_kiosk_is_asked_when_a_spell_begins_and_not_again_while_it_goes_on() -> None:
    told = story()
    for at_s in range(0, 60, 5):
        told.reads(at_s, 92)
    assert prompts(told) == [("spell_began", 0)]
    assert told.escalations == [("page", "limit_met", 15)]


def test_one_reading_that_raises_at_once_asks_too() -> None:
    assert prompts(story(LOW.replace(", for_s: 15", "")).reads(0, 92)) == [("spell_began", 0)]


def test_doubtful_readings_ask_for_another_measurement() -> None:
    told = story()
    for at_s in range(0, 61, 10):
        told.reads(at_s, 80, "low_perfusion")
    assert prompts(told) == [("doubtful", 60)]


@pytest.mark.parametrize(("again_s", "count"), [(299, 1), (300, 2)])
def test_at_most_once_in_five_minutes(again_s: int, count: int) -> None:
    told = story().reads(0, 92).reads(10, 97).reads(again_s, 92)
    assert len(prompts(told)) == count


def test_doubt_and_spells_share_the_five_minutes() -> None:
    told = story()
    for at_s in range(0, 61, 10):
        told.reads(at_s, 80, "low_perfusion")
    told.reads(70, 92).reads(80, 97).reads(359, 92).reads(370, 97).reads(671, 92)
    assert prompts(told) == [("doubtful", 60), ("spell_began", 671)]


def test_late_readings_ask_nobody_who_has_long_gone() -> None:
    told = story().reads(0, 92, late=True).reads(15, 92, late=True)
    assert prompts(told) == []
    assert told.escalations == [("review", "limit_met_late", 15)]


def test_a_rule_without_a_prompt_asks_nothing() -> None:
    assert prompts(Story().reads(0, 92).reads(15, 92)) == []


def test_a_rule_for_the_panels_may_prompt() -> None:
    told = story(lane="panel").reads(0, 92).reads(15, 92)
    assert (prompts(told), told.escalations) == ([("spell_began", 0)], [])


def test_the_first_evidence_after_five_minutes_leaves_no_trace_of_a_prompt() -> None:
    told = story().reads(0, 92).reads(10, 97).reads(299, 97)
    assert rule_state(told.state, "r1").prompted_ms == T0_MS
    assert rule_state(told.reads(300, 97).state, "r1") == RuleState()  # quiet, as the others are


# -- what goes out ------------------------------------------------------------------------------------------

PACK = OXIMETRY.replace(b"    lane: page\n", b"    lane: page\n    prompt: " + PROMPT.encode() + b"\n")


@pytest.fixture
def asking(tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    bench = Bench(tmp_path, sink, packs=PACK)
    yield bench
    bench.close()


def taken(bench: Bench, *readings: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What the engine wants published for one message."""
    envelope = {
        "v": 1, "gateway": GATEWAY, "stream": STREAM, "sent": bench.now_ms, "clock": "trusted",
        "readings": list(readings),
    }  # fmt: skip
    topic = gateway_topic(GATEWAY, Channel.READINGS)
    delivery = Delivery(topic, json.dumps(envelope).encode(), bench.now_ms, mid=1, epoch=1)
    return [(topic, json.loads(payload)) for topic, payload in bench.engine.take([delivery])]


def test_a_command_follows_the_receipt(asking: Bench) -> None:
    receipt, prompt = taken(asking, asking.reading(92))
    assert receipt[0] == gateway_topic(GATEWAY, Channel.RECEIPTS)
    topic, command = prompt
    assert topic == gateway_topic(GATEWAY, Channel.COMMANDS)
    adapter: TypeAdapter[Command] = TypeAdapter(Command)
    assert adapter.validate_json(json.dumps(command)).command == "prompt"
    assert {name: command[name] for name in command if name != "id"} == {
        "v": 1, "command": "prompt", "at": asking.now_ms, "until": asking.now_ms + 600_000,
        "resident": "R-7F3K", "device": "oxi-1", "rule": "spo2-low",
        "zh": "请休息5分钟后再测一次", "en": "Rest 5 minutes and measure again",
    }  # fmt: skip


def test_a_reading_sent_again_asks_nothing_anew(asking: Bench) -> None:
    reading = asking.reading(92)
    assert len(taken(asking, reading)) == 2
    assert len(taken(asking, reading)) == 1


def test_the_same_prompt_is_the_same_command_also_after_a_journal_that_failed(
    asking: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not committed is judged again: the kiosk takes a command id once."""
    reading, first = asking.reading(92), []

    def fails(*_: object, **__: object) -> None:
        first.extend(asking.engine._subjects.prompts)
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(asking.engine._judgements, "record", fails)
        taken(asking, reading)
    (_, again) = taken(asking, reading)
    assert {json.loads(payload)["id"] for _, payload in first} == {again[1]["id"]}


def test_a_reading_at_which_the_program_fails_asks_nothing(
    asking: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = Subjects.judge

    def fails_after(self: Subjects, *given: Any) -> Any:
        judged(self, *given)
        raise AssertionError

    monkeypatch.setattr(Subjects, "judge", fails_after)
    assert taken(asking, asking.reading(92)) == []


def test_somebody_who_is_not_checked_in_is_asked_by_the_device(asking: Bench) -> None:
    (_, prompt) = taken(asking, asking.reading(92, resident=None))
    assert (prompt[1]["resident"], prompt[1]["device"]) == (None, "oxi-1")


def test_nobody_is_asked_about_the_past(asking: Bench) -> None:
    assert len(taken(asking, asking.reading(92, t=asking.now_ms - 301_000))) == 1
