"""Policies as files: what they say, what they refuse, and what follows from them in real stories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.escalation.machine import handed_over, notice_accepted, opened, overdue, with_contacts
from cunmai_rules.escalation.policies import load_policies, one_policy
from cunmai_rules.escalation.policy import Policy, QuietHours
from cunmai_rules.escalation.states import Ask, Escalation, Status
from cunmai_rules.registry.directory import Directory, check_contacts
from cunmai_rules.shipped import policies_dir
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems
from cunmai_wire.events import Answer, Grade, Lane, Priority
from support.rules_bench import GATEWAY, Bench

HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_767_283_200_000
"""2026-01-01T16:00:00Z: the beginning of 2 January in China."""
NIGHT = QuietHours(22 * 60, 6 * 60 + 30, 480)


def escalation(**changes: object) -> Escalation:
    base = Escalation(
        id="e1", subject="R-1", gateway="g-1", device="oxi", resident="R-1", rule="r", version="1", grade=Grade.YELLOW,
        lane=Lane.PAGE, reason="limit_met", stream="s", seq=1, reading_t_ms=0, opened_ms=MIDNIGHT_MS,
        contacts=("village", "township", "county"),
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


# -- waits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quiet", "hour", "until"),
    [
        (NIGHT, 21.99, None), (NIGHT, 22, 30.5), (NIGHT, 23.5, 30.5), (NIGHT, 24, 30.5), (NIGHT, 30.49, 30.5),
        (NIGHT, 30.5, None), (QuietHours(12 * 60, 14 * 60, 480), 13, 14), (QuietHours(12 * 60, 14 * 60, 480), 14, None),
        (QuietHours(0, 60, 480), 24.5, 25), (QuietHours(23 * 60, 0, 480), 23.5, 24),
        (QuietHours(23 * 60, 0, 480), 24, None),
    ],
)  # fmt: skip
def test_quiet_hours_are_the_countys_own(quiet: QuietHours, hour: float, until: float | None) -> None:
    found = quiet.until_ms(MIDNIGHT_MS + int(hour * HOUR_MS))
    assert found == (None if until is None else MIDNIGHT_MS + int(until * HOUR_MS))


def test_each_contact_has_a_time_to_answer_of_its_own() -> None:
    policy = Policy(ack_steps_s=(180, 600), accept_within_s=60)
    state, asks = opened(escalation(), policy)
    assert asks == (Ask("village", 1),)
    assert state.due_ms == MIDNIGHT_MS + 60_000  # not accepted within a minute: the next one
    now_ms = MIDNIGHT_MS
    for number, (contact, wait_s) in enumerate((("township", 180), ("county", 600), ("village", 600)), 1):
        state = notice_accepted(state, policy, number, now_ms)
        assert state.due_ms == now_ms + wait_s * 1000
        now_ms = state.due_ms
        state, asks = overdue(state, policy, now_ms)
        assert asks == (Ask(contact, number + 1),)
    # Second round: the first contact's time again.
    state = notice_accepted(state, policy, 4, now_ms)
    assert state.due_ms == now_ms + 180_000


def test_in_quiet_hours_nobody_is_asked_and_nobody_has_failed_to_answer() -> None:
    policy = Policy(quiet_hours=NIGHT, rounds=1)
    state, asks = opened(escalation(), policy)
    morning_ms = MIDNIGHT_MS + int(6.5 * HOUR_MS)
    assert (asks, state.due_ms, state.held) == ((), morning_ms, True)
    state, asks = overdue(state, policy, morning_ms)
    assert (asks, state.tried, state.held) == ((Ask("village", 1),), 0, False)


def test_a_second_ask_waits_for_the_morning_too() -> None:
    policy = Policy(quiet_hours=NIGHT)
    evening_ms = MIDNIGHT_MS - 2 * HOUR_MS - 60_000
    state, _ = opened(escalation(opened_ms=evening_ms), policy)
    state = notice_accepted(state, policy, 1, evening_ms)
    state, asks = overdue(state, policy, evening_ms + 300_000)
    assert (asks, state.tried) == ((), 1)
    state, asks = overdue(state, policy, MIDNIGHT_MS + int(6.5 * HOUR_MS))
    assert (asks, state.tried) == ((Ask("township", 2),), 1)


def test_a_person_who_hands_over_at_night_is_obeyed() -> None:
    state, asks = handed_over(escalation(), Policy(quiet_hours=NIGHT), "county", MIDNIGHT_MS)
    assert asks == (Ask("county", 1),)
    assert state.contacts == ("county", "village", "township")


# -- rosters --------------------------------------------------------------------------------------------


def test_a_change_of_duty_asks_the_new_person_next_and_nobody_twice() -> None:
    asked = escalation(turn=1, asked=1)
    changed = with_contacts(asked, ("village", "township-night", "county"))
    assert (changed.contacts, changed.turn) == (("village", "township-night", "county"), 1)
    relieved = with_contacts(asked, ("village-2", "township", "county"))
    assert (relieved.contacts, relieved.turn) == (("village-2", "township", "county"), 0)
    nearer = with_contacts(replace(asked, turn=2), ("volunteer", "village", "township", "county"))
    assert nearer.contacts[nearer.turn % 4 :] == ("volunteer", "county")
    second_round = with_contacts(replace(asked, turn=4), ("village", "county"))
    assert (second_round.contacts, second_round.turn) == (("village", "county"), 3)


def test_nobody_on_any_roster_leaves_the_list_as_it_was() -> None:
    assert with_contacts(escalation(turn=2), ()) == escalation(turn=2)


def test_whom_it_was_handed_to_stays_first() -> None:
    given, _ = handed_over(escalation(), Policy(), "county", MIDNIGHT_MS)
    assert with_contacts(given, ("village", "township")).contacts == ("county", "village", "township")


# -- files ----------------------------------------------------------------------------------------------

PLAN = "  - levels: [village]\n    source: a test\n"


def problem(tmp_path: Path, text: str) -> str:
    path = tmp_path / "asking.yaml"
    path.write_text(text)
    with pytest.raises(FileProblems) as refused:
        load_policies(path, ("township",), 480)
    (found,) = refused.value.problems
    return str(found).removeprefix(f"{path.parent}/")


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        (
            "  - for: {grade: [red, yellow]}\n    quiet_hours: {from: '22:00', to: '06:00'}\n    source: a test\n",
            ("asking.yaml:4: plans.0: 红色预警不设免打扰时段: 在 for.grade 里只写 yellow / "
            "plans.0: red is never quiet: let for.grade be yellow alone, or leave quiet_hours out"),
        ),
        (
            "  - for: {grade: [yellow]}\n    source: a test\n",
            ("asking.yaml:1: 没有 plan 适用于 red/high, red/low, red/medium, 最后加一个不写 for 的 plan / "
            "no plan is for red/high, red/low, red/medium: end with a plan without `for`"),
        ),
        (
            PLAN + PLAN,
            ("asking.yaml:1: 第 2 个 plan 永远轮不到: 前面的已经包括它 / "
            "plan 2 is never reached: those before it hold for everything that it is for"),
        ),
        (
            "  - for: {grade: [yellow]}\n    quiet_hours: {from: '25:00', to: '06:00'}\n    source: a test\n" + PLAN,
            ("asking.yaml:5: plans.0.quiet_hours.from: 时刻写成 \"22:00\", 不是 '25:00' / "
            "plans.0.quiet_hours.from: write a time as \"22:00\", not '25:00'"),
        ),
        (
            "  - levels: [village, village]\n    source: a test\n",
            "asking.yaml:4: plans.0: levels 里有重复 / plans.0: a level is named twice in levels",
        ),
        (
            "  - ack_within_s: 3m\n    source: a test\n",
            ("asking.yaml:4: plans.0.ack_within_s: 写秒数, 不带单位: ack_within_s: 180 / "
            "plans.0.ack_within_s: write a number of seconds: ack_within_s: 180"),
        ),
        (
            "  - ack_within_s: [180, 5m]\n    source: a test\n",
            ("asking.yaml:4: plans.0.ack_within_s.1: 写秒数, 不带单位: ack_within_s: 300 / "
            "plans.0.ack_within_s.1: write a number of seconds: ack_within_s: 300"),
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, plans: str, said: str) -> None:
    assert problem(tmp_path, f"policy: asking\nversion: 1\nplans:\n{plans}") == said


def test_the_shipped_example_is_read_out_in_both_languages() -> None:
    told = CliRunner().invoke(app, ["policy"])
    assert told.exit_code == 0
    for words in (
        "1. 红色预警, 优先级高: / red alarms of priority high:",
        "按级别依次通知: 村医、乡镇医生、首席专家。",
        "It asks level by level: village doctor, township doctor, chief expert.",
        "第 1 位 3 分钟, 第 2 位 5 分钟, 第 3 位起每位 10 分钟; 之后通知下一位。",
        "by place on the list and not by level: 3 min for number 1, 5 min for number 2, 10 min for number 3 and all",
        "每 15 分钟通知一位, 由名单上最后一位和备用联系人(rules.yaml 的 fallback_contacts)轮流, 不会停止。",
        "every 15 min one person is asked, the last on the list and the fallback contacts of rules.yaml by turns",
        "2. 红色预警, 优先级中、低: / red alarms of priority medium and low:",
        "3. 黄色预警, 不论优先级: / yellow alarms of any priority:",
        "21:30 到次日 07:00 不通知任何人, 到 07:00 再通知; 有人亲自转交的照常通知。",
        "the rest become a summary: within 15 s where there is a new red",
        "没有检查: 联系人是否存在, 各级别有没有人, 短信平台能否发汇总。请加 --config rules.yaml",
        "Not checked: whether its contacts exist",
    ):
        assert words in told.output
    assert "没有问题 / no problems" not in told.output, "only the service's own checks may say so"


def test_a_plan_is_said_to_be_for_what_falls_to_it(tmp_path: Path) -> None:
    path = tmp_path / "asking.yaml"
    path.write_text(
        "policy: asking\nversion: 1\nplans:\n"
        "  - for: {grade: [red], priority: [high]}\n    source: a test\n"
        "  - for: {priority: [high, low]}\n    quiet_s: 0\n    rounds: 1\n    ack_within_s: [60, 60]\n"
        "    source: a test\n" + PLAN
    )
    told = CliRunner().invoke(app, ["policy", str(path)]).output
    assert (
        "2. 红色预警, 优先级低; 黄色预警, 优先级高、低: / red alarms of priority low; yellow alarms" in told
    )
    assert "3. 红色、黄色预警, 优先级中: / red and yellow alarms of priority medium:" in told
    assert "每位从短信平台接收起有 1 分钟答复, 之后通知下一位。" in told
    assert "同一情况再出现: 立即重新通知。" in told
    assert "Once through the list" in told


def test_after_everyone_was_tried_they_are_asked_by_turns_as_the_sentence_says() -> None:
    policy = Policy(rounds=1, then_every_s=900, last_resort=("duty",), ack_steps_s=(180, 600))
    state, asks = opened(escalation(contacts=("village", "township")), policy)
    asked, now_ms = [], MIDNIGHT_MS
    for number in range(1, 7):
        (one,) = asks
        asked.append((one.contact, (now_ms - MIDNIGHT_MS) // 1000))
        state = notice_accepted(state, policy, number, now_ms)
        assert state.due_ms is not None
        now_ms = state.due_ms
        state, asks = overdue(state, policy, now_ms)
    assert asked == [
        ("village", 0), ("township", 180), ("township", 780), ("duty", 1680), ("township", 2580), ("duty", 3480)
    ]  # fmt: skip


def test_the_first_plan_that_fits_holds() -> None:
    policies = load_policies(policies_dir() / "county.yaml", ("township-duty",), 480)
    assert policies.of(Grade.RED, Priority.HIGH).levels == (1, 2, 6)
    assert policies.of(Grade.RED, Priority.LOW).levels == (1, 2, 3)
    assert policies.of(Grade.YELLOW, Priority.MEDIUM).levels == (0, 1, 2)
    assert policies.of(Grade.YELLOW, Priority.LOW).quiet_hours == QuietHours(21 * 60 + 30, 7 * 60, 480)
    assert policies.longest_wait_s == 86_400


def test_who_is_named_must_be_known(bench: Bench) -> None:
    directory = Directory(bench.db, bench.settings)
    check_contacts(one_policy(Policy(last_resort=("township",))).named_contacts, directory)
    with pytest.raises(UserError, match="contacts that do not exist: nobody"):
        check_contacts({"nobody", "village"}, directory)


# -- stories --------------------------------------------------------------------------------------------

YELLOW = b"""\
pack: oximetry
version: 7
title: {zh: test, en: test}
rules:
  - id: spo2-watch
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", below: 95}
    clear: {at_or_above: 96, for_s: 30}
    lane: page
    source: a test
"""


@pytest.fixture
def at_night(bench: Bench) -> Bench:
    """A county whose yellow alarms wait for the morning, at half past ten in the evening."""
    (bench.folder / "packs" / "oximetry.yaml").write_bytes(
        YELLOW
        + bench.packs[bench.packs.index(b"  - id") :].replace(b"stale_after_s: 900", b"stale_after_s: 901")
    )
    path = bench.folder / "asking.yaml"
    path.write_text(
        "policy: asking\nversion: 1\nplans:\n"
        "  - for: {grade: [yellow]}\n    quiet_hours: {from: '22:00', to: '06:30'}\n    source: a test\n"
        + PLAN
    )
    object.__setattr__(bench.settings, "policies", path)
    bench.in_force.poll()
    bench.now_ms = MIDNIGHT_MS - int(1.5 * HOUR_MS)
    bench.restart()
    return bench


def test_a_yellow_at_night_is_asked_in_the_morning(at_night: Bench) -> None:
    at_night.deliver(at_night.reading(94.5))
    at_night.passes(8 * 3600 - 1)
    assert at_night.told == []
    at_night.passes(1)
    assert at_night.told == ["V"]


def test_a_red_at_night_is_asked_at_once_also_where_a_yellow_waits(at_night: Bench) -> None:
    at_night.deliver(at_night.reading(94.5))
    at_night.passes(1)
    at_night.desaturate(20, 90)
    at_night.passes(1)
    assert at_night.told == ["V"]
    assert at_night.escalation().grade is Grade.RED


def test_a_red_that_joins_asks_who_is_to_be_asked_then(at_night: Bench) -> None:
    at_night.deliver(at_night.reading(94.5))
    at_night.passes(1)
    site = at_night.settings.sites[0].model_copy(update={"contacts": ("township", "village")})
    object.__setattr__(at_night.settings, "sites", (site,))
    at_night.desaturate(20, 90)
    at_night.passes(1)
    assert at_night.told == ["T"]
    assert at_night.escalation().contacts == ("township", "village")


def test_an_answer_at_night_ends_the_waiting(at_night: Bench) -> None:
    at_night.deliver(at_night.reading(94.5))
    at_night.passes(1)
    at_night.desk.answer(at_night.escalation().id, "village", Answer.CONTACTED, at_night.now_ms)
    at_night.passes(9 * 3600)
    assert at_night.told == []
    assert at_night.escalation().status is Status.CLOSED


def test_duty_that_changes_during_an_open_escalation(bench: Bench) -> None:
    bench.desaturate()
    bench.passes(2)
    assert bench.told == ["V"]
    site = bench.settings.sites[0].model_copy(update={"contacts": ("township", "village")})
    object.__setattr__(bench.settings, "sites", (site,))
    assert bench.settings.contacts_of(GATEWAY) == ("township", "village")
    bench.passes(301)
    assert bench.told == ["V", "T"]
    assert bench.escalation().contacts == ("village", "township")
