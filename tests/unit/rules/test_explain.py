"""`cunmai rules explain`: what it says of a moment, against stories whose outcome was worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.registry import audit
from cunmai_rules.thresholds.events import Reason
from cunmai_rules.tools.explain.explaining import REASONS
from cunmai_runtime.errors import UserError
from cunmai_wire.events import Answer
from support.rules import OXIMETRY, T0_MS
from support.rules_bench import STREAM, Bench
from support.sms_sink import SECRET, SmsSink

MORE = """\
pack: more
version: 2
title: {zh: t, en: t}
rules:
  - id: high
    title: {zh: 高原, en: plateau}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 84}
    clear: {at_or_above: 87}
    applies: {altitude_m: {above: 2500}}
    lane: review
    source: a test
  - id: low-and-hot
    title: {zh: 低且热, en: low and hot}
    grade: red
    when:
      all:
        - {reads: oximetry.spo2_pct, unit: "%", at_or_below: 94}
        - {reads: temperature.temperature_c, unit: Cel, at_or_above: 38, within_s: 3600}
    clear: {for_s: 60}
    lane: review
    source: a test
  - id: weekly
    title: {zh: 每周, en: weekly}
    grade: yellow
    when: {nothing_heard: weight, for_s: 604800}
    lane: review
    source: a test
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with SmsSink() as sink:
        made = Bench(tmp_path, sink)
        (tmp_path / "packs" / "more.yaml").write_text(MORE)
        made.in_force.poll()
        made.engine.rules = made.in_force.rules
        (tmp_path / "rules.yaml").write_text(f"""\
data_dir: {tmp_path}
packs: {tmp_path}/packs
contacts: [{{id: village, role: 村医, to: "1"}}, {{id: township, role: 值班, to: "2"}}]
sites: [{{gateway: cz-01, name: 上村, altitude_m: 40, contacts: [village, township]}}]
fallback_contacts: [township]
webhook: {{url: "{sink.url}", secret: {SECRET}}}
public_url: http://127.0.0.1:8087
""")
        yield made
        made.close()


def run(bench: Bench, at_s: float, *options: str, resident: str = "R-7F3K") -> str:
    """What is printed of a moment of the story."""
    seconds = f"2026-01-02T03:04:{5 + at_s:09.6f}" if at_s < 55 else moment(at_s)
    arguments = [
        "explain",
        resident,
        "--at",
        f"{seconds}+00:00",
        "--config",
        str(bench.folder / "rules.yaml"),
    ]
    done = CliRunner().invoke(app, [*arguments, *options])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def moment(at_s: float) -> str:
    minutes, seconds = divmod(5 + at_s, 60)
    hours, minutes = divmod(4 + minutes, 60)
    return f"2026-01-02T{3 + int(hours):02}:{int(minutes):02}:{seconds:06.3f}"


def told(bench: Bench, at_s: float, rule: str, *options: str) -> dict[str, Any]:
    found = json.loads(run(bench, at_s, "--json", "--rule", rule, *options))
    (one,) = found["rules"]
    return dict(one) | {"escalations": found["escalations"]}


def why(one: dict[str, Any]) -> str:
    return " | ".join(line["en"] for line in one["why"])


def seconds(t_ms: int | None) -> float | None:
    return None if t_ms is None else (t_ms - T0_MS) / 1000


# -- why it raised --------------------------------------------------------------------------------------------


def test_an_alarm_names_its_moment_its_readings_and_who_was_asked(bench: Bench) -> None:
    bench.desaturate(20)
    bench.passes(1)
    bench.answers(Answer.CONTACTED)
    one = told(bench, 22, "spo2-low")
    assert (one["grade"], seconds(one["since"]), one["applies"]) == ("red", 15, True)
    assert why(one).startswith("it was met at 2026-01-02 11:04:20")
    assert one["version"].startswith("7-")
    newest = one["readings"][-1]
    assert (newest["values"]["spo2_pct"], newest["device"], newest["late"]) == (90, "oxi-1", False)
    assert (newest["reason"], newest["recorded"]) == ("still_raised", "still_raised")
    raising = next(reading for reading in one["readings"] if seconds(reading["t"]) == 15)
    assert raising["reason"] == "limit_met"
    (escalation,) = one["escalations"]
    types = [entry["type"] for entry in escalation["history"]]
    assert types == ["opened", "notice_queued", "notice_accepted", "answered", "closed"]
    assert escalation["history"][3]["by"] == "village"


def test_the_page_for_people_says_the_same_in_chinese(bench: Bench) -> None:
    bench.desaturate(20)
    bench.passes(1)
    text = run(bench, 21)
    assert "■ 红色, 自 2026-01-02 11:04:20  test (spo2-low, 7-" in text
    assert "规则: 血氧饱和度 ≤ 93 % 持续 15 秒" in text
    assert "血氧饱和度 90 %  oxi-1  → 满足条件并持续够久: 预警" in text
    assert "红色, 立即通知家庭医生团队: spo2-low" in text
    assert "短信平台已接收 (village)" in text
    english = run(bench, 21, "--lang", "en")
    assert "at or below 93 % for 15 s" in english
    assert "满足" not in english


def test_what_came_after_the_moment_is_marked_as_later(bench: Bench) -> None:
    bench.desaturate(20)
    bench.passes(1)
    bench.passes(400)
    text = run(bench, 21)
    assert text.index("-- 其后 --") < text.index("超时未答复")


# -- why it did not -------------------------------------------------------------------------------------------


def test_not_for_long_enough(bench: Bench) -> None:
    bench.desaturate(20)
    one = told(bench, 10, "spo2-low")
    assert one["grade"] == "grey"
    assert "10 s of the 15 s that it must" in why(one)
    assert one["escalations"] == []  # it opened at 15 s


def test_a_normal_value(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    one = told(bench, 1, "spo2-low")
    assert (one["grade"], seconds(one["since"])) == ("green", 0)
    assert "does not meet" in why(one)


def test_doubtful_readings(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    for _ in range(5):
        bench.now_ms += 1000
        bench.deliver(bench.reading(80, quality=["poor_signal"]))
    one = told(bench, 6, "spo2-low")
    assert one["grade"] == "green"
    assert "5 readings after that were no evidence (poor_signal)" in why(one)
    assert [reading["reason"] for reading in one["readings"]][-5:] == ["quality_gated"] * 5


def test_too_old(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    one = told(bench, 2000, "spo2-low")
    assert (one["grade"], seconds(one["since"])) == ("grey", 900.001)
    assert "after 15 min without one it is unknown" in why(one)


def test_a_missing_value_is_named(bench: Bench) -> None:
    bench.deliver(bench.reading(90))
    one = told(bench, 1, "low-and-hot")
    assert one["grade"] == "grey"
    assert why(one) == "unknown, because Body temperature is missing"


def test_what_came_after_a_green_and_lacks_a_value_is_told(bench: Bench) -> None:
    """97 is green whatever the temperature; 90 could be red if there were one."""
    bench.deliver(bench.reading(97))
    bench.now_ms += 1000
    bench.deliver(bench.reading(90))
    one = told(bench, 2, "low-and-hot")
    assert one["grade"] == "green"
    assert "what came after cannot be judged, because Body temperature is missing" in why(one)


def test_a_value_that_is_too_old_is_named_with_its_time(bench: Bench) -> None:
    bench.deliver(bench.reading(0, kind="temperature", temperature_c=38.5))
    bench.now_ms += 3_700_000
    bench.deliver(bench.reading(90))
    one = told(bench, 3701, "low-and-hot")
    assert why(one) == "unknown, because Body temperature is of 2026-01-02 11:04:05, too old"


def test_it_does_not_apply(bench: Bench) -> None:
    bench.deliver(bench.reading(80))
    one = told(bench, 1, "high")
    assert not one["applies"]
    assert (
        why(one)
        == "it is for altitude of the clinic above 2500 m, and this person: altitude of the clinic 40 m"
    )
    assert "不适用" in run(bench, 1, "--rule", "high")


def test_nothing_was_heard_of_it(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    assert why(told(bench, 1, "weekly")) == "no weight was heard (as far as is kept)"


def test_a_silence_tells_until_when_it_waits(bench: Bench) -> None:
    bench.deliver(bench.reading(97, kind="weight", weight_kg=60))
    one = told(bench, 1, "weekly")
    assert (one["grade"], why(one)) == (
        "green",
        "the last was at 2026-01-02 11:04:05; it raises where nothing comes until 2026-01-09 11:04:05",
    )


# -- late and corrected ---------------------------------------------------------------------------------------


def test_only_what_had_arrived_by_then_counts(bench: Bench) -> None:
    """Readings of 0-20 s come at 400 s: at 30 s nothing was known; at 401 s it was late."""
    readings = [bench.reading(90, t=T0_MS + n * 1000) for n in range(20)]
    bench.now_ms += 400_000
    bench.deliver(*readings)
    assert why(told(bench, 30, "spo2-low")) == "no oximetry was heard (as far as is kept)"
    one = told(bench, 401, "spo2-low")
    assert one["grade"] == "red"
    assert {reading["late"] for reading in one["readings"]} == {True}
    assert one["escalations"][0]["lane"] == "review"
    assert "迟到, 2026-01-02 11:10:45 收到" in run(bench, 401)


def test_a_corrected_reading_no_longer_counts(bench: Bench) -> None:
    wrong = bench.reading(80)
    bench.deliver(wrong)
    right = bench.reading(80, resident="R-5K8D", corrects={"stream": STREAM, "seq": 1, "resident": "R-7F3K"})
    bench.deliver(right)
    assert why(told(bench, 1, "spo2-low")) == "no oximetry was heard (as far as is kept)"


def test_what_was_judged_otherwise_then_is_told(bench: Bench) -> None:
    """The limit was 93 when it came; now it is 89."""
    bench.desaturate(20)
    (bench.folder / "packs" / "oximetry.yaml").write_bytes(OXIMETRY.replace(b"93", b"89"))
    one = told(bench, 21, "spo2-low")
    assert (one["grade"], one["readings"][-1]["reason"], one["readings"][-1]["recorded"]) == (
        "green", "normal", "still_raised",
    )  # fmt: skip
    assert "(当时判为: 预警仍在)" in run(bench, 21, "--rule", "spo2-low")


# -- every look is audited --------------------------------------------------------------------------------------


def test_every_look_is_noted_with_who_and_why(bench: Bench) -> None:
    bench.deliver(bench.reading(97))
    run(bench, 1, "--who", "it-wang", "--because", "complaint 12")
    with pytest.raises(UserError, match="the journal has nothing of R-NONE"):
        run(bench, 1, "--who", "it-wang", resident="R-NONE")
    noted = [
        (entry.who, entry.what, entry.kind, entry.id, entry.why.partition(": ")[2])
        for entry in audit.entries(bench.db)
    ]
    assert noted == [
        ("it-wang", "explained", "resident", "R-NONE", ""),
        ("it-wang", "explained", "resident", "R-7F3K", "complaint 12"),
    ]


def test_without_a_journal_nothing_is_made(bench: Bench) -> None:
    config = bench.folder / "rules.yaml"
    config.write_text(
        config.read_text().replace(f"data_dir: {bench.folder}", f"data_dir: {bench.folder}/none")
    )
    with pytest.raises(UserError, match="no journal yet"):
        run(bench, 1)
    assert not (bench.folder / "none").exists()


def test_a_moment_that_is_none_is_said_so(bench: Bench) -> None:
    with pytest.raises(UserError, match="cannot read the time"):
        CliRunner().invoke(
            app, ["explain", "R-1", "--at", "yesterday", "--config", str(bench.folder / "rules.yaml")],
            catch_exceptions=False,
        )  # fmt: skip


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(Reason)
    assert all(zh and en for zh, en in REASONS.values())


def test_units_and_words_are_those_of_people(bench: Bench) -> None:
    hot = {"kind": "temperature", "temperature_c": 38.5, "site": "ear"}
    bench.deliver(bench.reading(93), bench.reading(0) | hot)
    said = run(bench, 1, "--rule", "low-and-hot")
    assert "体温 38.5 ℃" in said
    assert "血氧饱和度 93 %" in said
    assert "Cel" not in said
