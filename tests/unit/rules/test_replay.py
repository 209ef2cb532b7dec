"""`cunmai rules replay`: what it counts, on recorded vitals and on stories counted by hand."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.escalation.folding import Burst, Folding, Limit, Weight
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.registry import audit
from cunmai_rules.shipped import policies_dir
from cunmai_rules.thresholds.events import Escalate, GradeChange, Reason
from cunmai_rules.tools.replay.folded import Asked, sent
from cunmai_rules.tools.replay.messages import Messages
from cunmai_runtime.yamlfile import FileProblems
from cunmai_wire.events import Grade, Lane
from support.rules import T0_MS
from support.rules_bench import STREAM, Bench
from support.sms_sink import SECRET, SmsSink

VARIANTS = Path(__file__).resolve().parents[3] / "bench" / "replay-variants"
RULE = """\
pack: {name}
version: 1
title: {{zh: t, en: t}}
rules:
  - id: {name}
    title: {{zh: t, en: t}}
    grade: red
    when: {when}
    clear: {clear}
    lane: page
    source: a test
"""


def pack(folder: Path, name: str, when: str, clear: str = "{at_or_above: 95}") -> Path:
    """A folder of one rule, called as the folder."""
    folder /= name
    folder.mkdir()
    (folder / "pack.yaml").write_text(RULE.format(name=name, when=when, clear=clear))
    return folder


def spo2(comparison: str) -> str:
    return f'{{reads: oximetry.spo2_pct, unit: "%", {comparison}}}'


def replay(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["replay", "--json", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def told(*arguments: object) -> str:
    """The report for people."""
    done = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def alarms(found: dict[str, Any]) -> dict[str, int]:
    return {one["name"]: one["alarms"] for one in found["rule_sets"]}


def table(path: Path, *rows: tuple[float, float | str], head: str = "t_s,oximetry.spo2_pct") -> Path:
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


# -- recorded vitals ----------------------------------------------------------------------------------------


def counted(path: Path, clear: float, for_s: float) -> int:
    """Alarms at or below 93 of one record, by the plainest loop there is; no part of the rules is used."""
    alarms_, since, raised = 0, None, False
    with path.open() as file:
        for row in csv.reader(file):
            if row[0].startswith("Time") or row[4].strip() == "NaN":
                continue
            at_s, value = float(row[0]), float(row[4])
            if value >= clear:
                since, raised = None, False
            elif value <= 93:
                since = at_s if since is None else since
                if not raised and at_s - since >= for_s:
                    alarms_, raised = alarms_ + 1, True
    return alarms_


def test_delay_and_hysteresis_on_all_records(data_dir: Path) -> None:
    """The published figures for 53 records are 47, 30, 25 and 20; these are the 40 records at hand."""
    records = sorted((data_dir / "bidmc").glob("*.csv"))
    assert len(records) == 40
    by_hand = {
        name: sum(counted(path, clear, for_s) for path in records)
        for name, clear, for_s in (
            ("plain", 94, 0),
            ("delay", 94, 15),
            ("hysteresis", 95, 0),
            ("both", 95, 15),
        )
    }
    assert by_hand == {"plain": 39, "delay": 24, "hysteresis": 17, "both": 15}
    others = [part for name in ("delay", "hysteresis", "both") for part in ("--against", VARIANTS / name)]
    found = replay("--rules", VARIANTS / "plain", *others, *records)
    assert alarms(found) == by_hand
    assert (found["residents"], found["resident_days"]) == (40, 40)


def test_record_13_pages_nobody_by_the_shipped_rules(data_dir: Path) -> None:
    """Its respiration reads 0 for 220 s: a lost signal, and nobody's alarm."""
    found = replay("--readings", data_dir / "bidmc" / "bidmc_13_Numerics.csv")
    assert found["readings"] > 900
    assert [one["messages"] for one in found["rule_sets"]] == [0]
    assert alarms(found) == {"随附 shipped": 0}


@pytest.mark.parametrize("record", ["08", "09"])
def test_93_throughout_is_severe_and_not_below_the_referral_line(
    data_dir: Path, tmp_path: Path, record: str
) -> None:
    severe = pack(tmp_path, "severe", spo2("at_or_below: 93, for_s: 15"))
    referral = pack(tmp_path, "referral", spo2("below: 93, for_s: 15"))
    found = replay(
        "--rules", severe, "--against", referral, data_dir / "bidmc" / f"bidmc_{record}_Numerics.csv"
    )
    assert alarms(found) == {"severe": 1, "referral": 0}


# -- what is counted ----------------------------------------------------------------------------------------


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return pack(tmp_path, "plain", spo2("at_or_below: 93"))


def test_which_alarms_appear_vanish_and_move(tmp_path: Path, plain: Path) -> None:
    """By hand: 93 at 0 s and 10 s is one alarm for <=93, at 20 s 92 is the first below 93; 92 at 2000 s is both;
    93 at 4000 s only the old rule's."""
    (tmp_path / "new").mkdir()
    text = RULE.format(name="plain", when=spo2("below: 93"), clear="{at_or_above: 95}")
    (tmp_path / "new" / "pack.yaml").write_text(text)
    rows = [(0, 93), (10, 93), (20, 92), (30, 96), (2000, 92), (2010, 96), (4000, 93), (4010, 96)]
    file = table(tmp_path / "R-1.csv", *rows)
    found = replay("--rules", plain, "--against", tmp_path / "new", file)
    assert alarms(found) == {"plain": 3, "new": 2}
    began = 1_767_225_600_000
    assert [
        (one["how"], (one["t"] - began) / 1000, one["resident"], one.get("moved_s"))
        for one in found["differences"]["new"]
    ] == [("moves", 20, "R-1", 20), ("vanishes", 4000, "R-1", None)]
    back = replay("--rules", tmp_path / "new", "--against", plain, file)
    assert [one["how"] for one in back["differences"]["plain"]] == ["moves", "appears"]


def test_a_rule_for_the_panels_has_alarms_and_asks_nobody(tmp_path: Path, plain: Path) -> None:
    path = plain / "pack.yaml"
    path.write_text(path.read_text().replace("lane: page", "lane: panel"))
    file = table(tmp_path / "a.csv", (0, 97), (10, 92), (20, 91), (30, 97), (40, 92))
    found = replay("--rules", plain, file)["rule_sets"][0]
    one = found["rules"]["plain"]
    assert (one["alarms"], one["paging"], one["tasks"], found["messages"]) == (2, 0, 0, 0)


def test_how_long_a_rule_was_red(tmp_path: Path, plain: Path) -> None:
    """Raised at 10 s, cleared at 40 s; raised at 100 s and not cleared until the end at 150 s."""
    rows = [(0, 97), (10, 93), (30, 94), (40, 95), (100, 90), (150, 90)]
    found = replay("--rules", plain, table(tmp_path / "a.csv", *rows))
    assert found["rule_sets"][0]["rules"]["plain"]["raised_s"] == 30 + 50


def test_the_share_of_the_most_alarming_tenth(tmp_path: Path, plain: Path) -> None:
    """Of ten residents one has six alarms and two have one each: 6 of 8."""
    for number in range(10):
        times = {0: 6, 1: 1, 2: 1}.get(number, 0)
        rows = [(at, value) for n in range(times) for at, value in ((n * 20, 92), (n * 20 + 10, 96))]
        table(tmp_path / f"r{number}.csv", *(rows or [(0, 98)]))
    found = replay("--rules", plain, *sorted(tmp_path.glob("r*.csv")))["rule_sets"][0]
    assert (found["alarms"], found["top_tenth_share"], found["alarms_per_resident_day"]) == (8, 0.75, 0.8)
    assert found["top_residents"][0] == {"resident": "r0", "alarms": 6}


@pytest.mark.parametrize(
    ("second_s", "messages"),
    [
        (200, 1),  # joins the open escalation: the outcome came only at 300 s
        (800, 1),  # within the quiet time after the outcome, and recovered before it ends
        (1300, 2),  # the quiet time of 900 s after the outcome at 300 s is over
    ],
)
def test_messages_follow_the_services_grouping(
    tmp_path: Path, plain: Path, second_s: int, messages: int
) -> None:
    rows = [(0, 90), (10, 97), (second_s, 90), (second_s + 10, 97), (5000, 97)]
    found = replay("--rules", plain, table(tmp_path / "a.csv", *rows))["rule_sets"][0]
    assert (found["alarms"], found["messages"]) == (2, messages)


def test_an_alarm_that_goes_on_past_the_quiet_time_is_another_message(tmp_path: Path, plain: Path) -> None:
    rows = [(0, 90), (10, 97), *((at, 90) for at in range(800, 2000, 100))]
    found = replay("--rules", plain, table(tmp_path / "a.csv", *rows))["rule_sets"][0]
    assert (found["alarms"], found["messages"]) == (2, 2)


def test_an_unconfirmed_low_value_is_a_task_and_comes_with_time(tmp_path: Path) -> None:
    """One low value, and nothing within ten minutes: only the passing of time can tell."""
    rules = pack(tmp_path, "slow", spo2("at_or_below: 93, for_s: 15"))
    file = table(tmp_path / "a.csv", (0, 90), (5000, 97))
    one = replay("--rules", rules, file)["rule_sets"][0]["rules"]["slow"]
    assert (one["alarms"], one["tasks"]) == (0, 1)


def test_silence_raises_when_it_is_due_though_nothing_comes_any_more(tmp_path: Path) -> None:
    rules = pack(tmp_path, "quiet", "{nothing_heard: oximetry, for_s: 3600}", "X")
    (rules / "pack.yaml").write_text((rules / "pack.yaml").read_text().replace("    clear: X\n", ""))
    other = table(tmp_path / "b.csv", (0, 98), (4000, 98))  # the history goes on for another resident
    found = replay("--rules", rules, table(tmp_path / "a.csv", (0, 97)), other)["rule_sets"][0]
    assert found["rules"]["quiet"]["alarms"] == 2  # b after 3600 s of its own gap, and a


def test_only_the_span_that_is_asked_for_counts(tmp_path: Path, plain: Path) -> None:
    rows = [(0, 90), (10, 97), (7200, 90), (7210, 97), (14_400, 90)]
    file = table(tmp_path / "a.csv", *rows)
    span = ("--from", "2026-01-01T01:00Z", "--to", "2026-01-01T03:00Z")
    assert alarms(replay("--rules", plain, *span, file)) == {"plain": 1}


# -- late, doubled and corrected ----------------------------------------------------------------------------


def envelope(*readings: dict[str, Any], sent_s: int) -> str:
    return json.dumps(
        {"v": 1, "gateway": "cz-01", "stream": STREAM, "sent": T0_MS + sent_s * 1000, "clock": "trusted"}
        | {"readings": readings}
    )


def reading(seq: int, at_s: int, value: float, **more: Any) -> dict[str, Any]:
    return {
        "seq": seq, "t": T0_MS + at_s * 1000, "clock": "trusted", "device": "oxi-1", "resident": "R-7F3K",
        "kind": "oximetry", "mode": "continuous", "spo2_pct": value,
    } | more  # fmt: skip


def test_readings_that_come_late_and_twice_end_in_the_same_alarms(tmp_path: Path) -> None:
    rules = pack(tmp_path, "slow", spo2("at_or_below: 93, for_s: 15"))
    values = [(n, n * 5, 90 if 4 <= n <= 9 else 97) for n in range(1, 16)]
    ordered, mixed = tmp_path / "ordered.jsonl", tmp_path / "mixed.jsonl"
    ordered.write_text("\n".join(envelope(reading(*one), sent_s=one[1]) for one in values))
    late = [one for one in values if one[0] % 3 == 0]
    live = [one for one in values if one[0] % 3]
    lines = [envelope(reading(*one), sent_s=one[1]) for one in live]
    lines += [envelope(*(reading(*one) for one in late), sent_s=80)] * 2
    mixed.write_text("\n".join(lines))
    one, other = (replay("--rules", rules, file) for file in (ordered, mixed))
    assert one["readings"] == other["readings"] == 15
    assert alarms(one) == alarms(other) == {"slow": 1}


def test_a_late_reading_is_put_among_those_that_came_before_it(tmp_path: Path) -> None:
    """90 at 0 s and 20 s is an alarm, until 97 of 10 s comes and shows that it was no spell."""
    rules = pack(tmp_path, "slow", spo2("at_or_below: 93, for_s: 15"))
    live = [envelope(reading(1, 0, 90), sent_s=0), envelope(reading(3, 20, 90), sent_s=20)]
    file = tmp_path / "late.jsonl"
    file.write_text("\n".join(live))
    assert alarms(replay("--rules", rules, file)) == {"slow": 1}
    file.write_text("\n".join([*live, envelope(reading(2, 10, 97), reading(4, 21, 97), sent_s=21)]))
    found = replay("--rules", rules, file)
    assert alarms(found) == {"slow": 0}
    assert found["rule_sets"][0]["messages"] == 1  # it had been sent by then


def test_a_corrected_reading_counts_for_whom_it_is_corrected_to(tmp_path: Path, plain: Path) -> None:
    """R-7F3K's 90 was R-5K8D's: the alarm of the first is taken back, and the second has one, for review."""
    corrects = {"stream": STREAM, "seq": 1, "resident": "R-7F3K"}
    lines = [
        envelope(reading(1, 0, 90), sent_s=0),
        envelope(reading(2, 0, 90, resident="R-5K8D", corrects=corrects), sent_s=60),
    ]
    file = tmp_path / "corrected.jsonl"
    file.write_text("\n".join(lines))
    found = replay("--rules", plain, file)["rule_sets"][0]
    assert [one["resident"] for one in found["top_residents"]] == ["R-5K8D"]
    assert found["messages"] == 1  # the one that R-7F3K's team had got before the correction came


def test_single_readings_on_lines_of_their_own(tmp_path: Path, plain: Path) -> None:
    file = tmp_path / "single.jsonl"
    lines = [
        {"t": T0_MS, "kind": "oximetry", "spo2_pct": 90, "resident": "R-1", "gateway": "cz-01"},
        {
            "t": T0_MS + 5000,
            "kind": "blood_pressure",
            "systolic_mmhg": 120,
            "diastolic_mmhg": 80,
            "resident": "R-1",
            "gateway": "cz-01",
        },
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    found = replay("--rules", plain, file)
    assert (found["readings"], found["residents"], alarms(found)) == (2, 1, {"plain": 1})
    assert found["rule_sets"][0]["messages_by_team"] == {"cz-01": 1}


def test_a_table_may_name_residents_qualities_and_several_values(tmp_path: Path, plain: Path) -> None:
    head = "t,resident,gateway,quality,oximetry.spo2_pct,oximetry.pulse_bpm,site_status.waiting_count"
    rows = [
        "2026-01-02T03:04:05Z,R-1,cz-01,,90,80,",
        "2026-01-02T03:04:05Z,R-2,cz-01,poor_signal movement,90,80,",
        "1767323045000,,cz-01,,,,12",
    ]
    file = tmp_path / "many.csv"
    file.write_text("\n".join([head, *rows]))
    found = replay("--rules", plain, file)
    assert (found["readings"], found["residents"], alarms(found)) == (3, 3, {"plain": 1})


def test_without_a_configuration_nobody_is_called_a_team(tmp_path: Path, plain: Path) -> None:
    low = tmp_path / "low.csv"
    low.write_text("t_s,oximetry.spo2_pct\n0,90\n")
    said = told("--rules", plain, low)
    assert "没有团队 no team (--config rules.yaml)" in said
    assert " file " not in said


def test_where_nothing_is_found_there_is_no_empty_table(tmp_path: Path, plain: Path) -> None:
    well = tmp_path / "well.csv"
    well.write_text("t_s,oximetry.spo2_pct\n0,98\n")
    said = told("--rules", plain, "--against", plain, well)
    assert "没有规则发现什么 / no rule found anything" in said
    assert "不会有人收到通知 / nobody would have had a message" in said
    assert "plain -> plain: 没有不同 / no difference" in said


# -- summaries ---------------------------------------------------------------------------------------------


def asked(*seconds: float, weight: Weight = Weight.FIRST_RED, site: str = "cz-01") -> list[Asked]:
    return [Asked(int(at * 1000), "village > township", site, weight) for at in seconds]


def seconds(asked_: list[Asked], folding: Folding) -> list[float]:
    return [one.at_ms / 1000 for one in sent(asked_, folding)]


def test_sixty_reds_in_a_minute_are_three_messages_and_four_summaries() -> None:
    """Each goes 15 s after the first that it tells of (3, 18, 33, 48 s); what is asked just then goes with the next."""
    minute = asked(*range(60))
    assert seconds(minute, Folding(Burst())) == [0, 1, 2, 18, 33, 48, 63]
    assert len(seconds(minute, Folding())) == 60


def test_a_summary_keeps_the_burst_up_for_a_minute() -> None:
    """At 70 s only one message is younger than a minute, but it is the summary of 18 s."""
    assert seconds(asked(0, 1, 2, 3, 4, 70), Folding(Burst())) == [0, 1, 2, 18, 85]


def finding(key: str, grade: Grade, rule: str, at_ms: int) -> Escalate:
    return Escalate(key, rule, "1", grade, Lane.PAGE, Reason.LIMIT_MET, at_ms, None)


def test_a_red_is_new_to_somebody_once() -> None:
    """A yellow that turns red is new; a red that comes back is not, as long as nobody has given an outcome."""
    messages = Messages("s", "R-1", "village", "cz-01", Policy(), answered_after_s=100_000)
    messages.take(0, finding("a", Grade.YELLOW, "mild", 0))
    messages.take(60_000, finding("b", Grade.RED, "severe", 60_000))
    for rule in ("mild", "severe"):
        messages.take(
            120_000, GradeChange(rule, "1", Grade.GREEN, Grade.RED, Reason.CLEARED, 120_000, late=False)
        )
    messages.take(5_000_000, finding("c", Grade.RED, "severe", 5_000_000))
    assert [one.weight for one in messages.asked] == [Weight.YELLOW, Weight.FIRST_RED, Weight.RED]


def test_a_rate_holds_yellow_until_the_oldest_is_that_old() -> None:
    """Six an hour: what was asked for at 1800 and 2100 s goes together at 3600 s."""
    yellow = [
        one for number in range(8) for one in asked(number * 300, weight=Weight.YELLOW, site=f"cz-0{number}")
    ]
    folding = Folding(yellow=Limit(6, 3600))
    assert seconds(yellow, folding) == [0, 300, 600, 900, 1200, 1500, 3600]


def test_each_person_has_a_burst_of_their_own() -> None:
    others = [replace(one, team="nurse > township") for one in asked(*range(4))]
    assert len(seconds([*asked(*range(4)), *others], Folding(Burst()))) == 8


def test_the_report_tells_both_what_is_asked_and_what_goes_out(tmp_path: Path, plain: Path) -> None:
    config = configuration(tmp_path, "http://127.0.0.1:1/")
    shutil.copy(policies_dir() / "county.yaml", tmp_path / "county.yaml")
    rows = [f"{number},90,r{number},cz-01" for number in range(6)]
    history = tmp_path / "burst.csv"
    history.write_text("\n".join(["t_s,oximetry.spo2_pct,resident,gateway", *rows]) + "\n")
    said = told("--config", config, "--rules", plain, history)
    assert "通知没有汇总" in said
    assert "应通知(汇总前)" not in said
    config.write_text(f"{config.read_text()}policies: {tmp_path}/county.yaml\n")
    said = told("--config", config, "--rules", plain, history)
    assert "通知已按升级办法汇总" in said
    assert "应通知(汇总前)" in said
    (found,) = replay("--config", config, "--rules", plain, history)["rule_sets"]
    assert (found["messages_before_summaries"], found["messages"]) == (6, 4)  # three, and one of three
    assert found["messages_by_team"] == {"village > township": 4}


# -- the journal ----------------------------------------------------------------------------------------------


def test_the_journal_replayed_finds_what_the_service_found(tmp_path: Path, plain: Path) -> None:
    with SmsSink() as sink:
        bench = Bench(tmp_path, sink)
        try:
            bench.desaturate(20)
            for _ in range(40):
                bench.deliver(bench.reading(97))
                bench.now_ms += 1000
            bench.desaturate(20)
            service = bench.rows("SELECT count(*) FROM finding WHERE reason = 'limit_met'")[0][0]
            contacts = " > ".join(bench.settings.sites[0].contacts)
        finally:
            bench.close()
        config = configuration(tmp_path, sink.url)
        span = ("--from", "2026-01-02T00:00Z", "--to", "2026-01-03T00:00Z")
        out = tmp_path / "out.html"
        found = replay("--config", config, *span, "--who", "it-wang", "--html", out)
        with closing(open_journal(tmp_path / "rules.sqlite")) as db:
            looks = [(one.who, one.what, one.kind, one.id) for one in audit.entries(db)]
    assert (service, found["readings"]) == (2, 80)
    assert alarms(found) == {"现行 in force": 2}
    assert set(found["rule_sets"][0]["messages_by_team"]) == {contacts}
    day = "1767312000000-1767398400000"
    assert looks == [("it-wang", "replayed", "resident", "R-7F3K"), ("it-wang", "replayed", "journal", day)]


def configuration(folder: Path, url: str) -> Path:
    """The bench's settings as a file."""
    path = folder / "rules.yaml"
    path.write_text(f"""\
data_dir: {folder}
packs: {folder}/packs
contacts: [{{id: village, role: 村医, to: "1"}}, {{id: township, role: 值班, to: "2"}}]
sites: [{{gateway: cz-01, name: 上村, altitude_m: 40, contacts: [village, township]}}]
fallback_contacts: [township]
webhook: {{url: "{url}", secret: {SECRET}}}
public_url: http://127.0.0.1:8087
""")
    return path


# -- what cannot be read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("a.csv", "t_s,oximetry.spo2\n0,90\n", 1, "unknown column 'oximetry.spo2'"),
        ("a.csv", "t_s,oximetry.spo2_pct\n0,90\n1,190\n", 3, "not a reading: oximetry.spo2_pct"),
        ("a.csv", "t,oximetry.spo2_pct\n2026-01-01T00:00,90\n", 2, "with its zone"),
        ("a.csv", "oximetry.spo2_pct\n90\n", 1, "needs t or t_s"),
        ("a.csv", "", 1, "needs t or t_s"),
        ("a.jsonl", '{"t": 1767323045000, "kind": "oximetry", "spo2_pct": 90}\n{"t"\n', 2, "not JSON"),
        ("a.jsonl", "[]\n", 1, "one JSON object"),
        ("a.jsonl", '{"t": 1, "kind": "oximetry", "spo2_pct": 90}\n', 1, "too far in the past"),
        ("a.jsonl", '{"t": 1767323045000, "kind": "mood", "value": 3}\n', 1, "not a reading"),
        ("a.jsonl", '{"v": 1, "readings": []}\n', 1, "not a readings envelope"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, plain: Path, name: str, text: str, line: int, words: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FileProblems) as caught:
        replay("--rules", plain, tmp_path / name)
    (problem,) = caught.value.problems
    assert (problem.line, words in problem.en) == (line, True), str(problem)


# -- the page -------------------------------------------------------------------------------------------------


def test_the_page_opens_offline_and_shows_the_limits_and_the_alarms(tmp_path: Path, plain: Path) -> None:
    out = tmp_path / "out.html"
    file = table(tmp_path / "R-1.csv", (0, 97), (10, 92), (20, 97), (30, 91))
    replay("--rules", plain, "--html", out, file)
    text = out.read_text()
    assert "://" not in text
    assert "<script" not in text
    assert text.count('class="alarm"') == 2
    assert "<h2>R-1</h2>" in text
    for limit in (">93</text>", ">95</text>"):
        assert limit in text
