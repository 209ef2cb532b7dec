"""What a change of rules does, in words: told to both approvers before they sign, and to whoever publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cunmai_rules.releases.changed import Changed, changed, told
from cunmai_rules.releases.folder import loaded_packs
from cunmai_rules.thresholds.pack import Rule
from support.county import County, new_county
from support.rules import OXIMETRY

NOW = "2027-01-15T08:00:01+00:00"


def rules(raw: bytes) -> dict[str, Rule]:
    return {rule.id: rule for one in loaded_packs({"a.yaml": raw}) for rule in one.pack.rules}


def changes(was: bytes, now: bytes) -> list[Changed]:
    assert was in OXIMETRY
    return changed(rules(OXIMETRY), rules(OXIMETRY.replace(was, now, 1)))


SPO2 = "Oxygen saturation in arterial blood by pulse oximetry"
WHEN = ("什么时候报警", "It raises when")
THEN = ("报警后", "Then")
AT_ONCE = (
    "红色, 立即通知家庭医生团队; 优先级高",
    "red; the family-doctor team is told at once; priority high",
)
LOWLAND = ("机构海拔不高于 2500 米(含)", "altitude of the clinic at or below 2500 m")


def raised(limit: str) -> tuple[str, str]:
    return (
        f"血氧饱和度不高于 {limit}%(含 {limit}), 并且持续 15 秒",
        f"{SPO2} is at or below {limit} % ({limit} included), and it lasts for 15 s",
    )


def cleared(limit: str) -> tuple[str, str]:
    return (
        f"血氧饱和度不低于 {limit}%(含 {limit}), 并且持续 30 秒, 才解除",
        f"it ends only when {SPO2} is at or above {limit} % ({limit} included), for 30 s",
    )


def unheard(zh: str, en: str) -> tuple[str, str]:
    return (
        f"{zh}没有有效数据, 正常就变为未知; 已有的预警不会因为没有数据而解除",
        f"after {en} without usable readings normal becomes unknown; an alarm stays",
    )


def doubted(zh: str, en: str) -> tuple[str, str]:
    return (
        f"信号不可靠的测量值不作依据; 可疑的异常值持续 {zh}, 就请人重新测量",
        f"readings of doubtful quality do not count; after {en} of abnormal ones: measure again",
    )


CHANGES: dict[bytes, tuple[bytes, tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    b"at_or_below: 9.3": (b"at_or_below: 93", WHEN, raised("93"), raised("9.3")),
    b"at_or_below: 93.0000001": (
        b"at_or_below: 93", ("when.at_or_below",) * 2, ("93.0",) * 2, ("93.0000001",) * 2,
    ),
    b"above: 99.5": (
        b"at_or_above: 95", ("什么时候解除", "It ends"), cleared("95"),
        (
            "血氧饱和度高于 99.5%(不含 99.5), 并且持续 30 秒, 才解除",
            f"it ends only when {SPO2} is above 99.5 % (99.5 not included), for 30 s",
        ),
    ),
    b"gap_s: 60": (
        b"gap_s: 600", ("隔多久的测量算同一次异常", "One spell, for readings no further apart than"),
        ("10 分钟", "10 min"), ("1 分钟", "1 min"),
    ),
    b"stale_after_s: 9000": (
        b"stale_after_s: 900", ("没有数据时", "Without data"),
        unheard("15 分钟", "15 min"), unheard("150 分钟", "150 min"),
    ),
    b"grade: yellow": (
        b"grade: red", THEN, AT_ONCE,
        ("黄色, 立即通知家庭医生团队; 优先级中", "yellow; the family-doctor team is told at once; priority medium"),
    ),
    b"lane: panel": (
        b"lane: page", THEN, AT_ONCE,
        (
            "红色, 只在面板上显示, 不找人; 优先级高",
            "red; it is shown on the panels, and nobody is asked; priority high",
        ),
    ),
    b"lane: page\n    priority: low": (
        b"lane: page", THEN, AT_ONCE,
        ("红色, 立即通知家庭医生团队; 优先级低", "red; the family-doctor team is told at once; priority low"),
    ),
    b"lane: page\n    applies: {pregnant: true, where_unknown: does_not}": (
        b"lane: page", ("给谁用", "For"), LOWLAND,
        (
            f"孕妇; {LOWLAND[0]}; 没有登记是否怀孕的人不用",
            f"pregnant women; {LOWLAND[1]}; not for people whose record does not tell: pregnancy",
        ),
    ),
    b"accept: [from_storage, finger_off]": (
        b"accept: [from_storage]", ("不影响判断的质量标志", "Quality flags that do not matter"),
        ("from_storage", "from_storage"), ("finger_off、from_storage", "finger_off, from_storage"),
    ),
    b"accept: [from_storage], doubt_after_s: 3600": (
        b"accept: [from_storage]", ("信号不好时", "Poor signal"),
        doubted("1 分钟", "1 min"), doubted("1 小时", "1 h"),
    ),
    b"lane: page\n    prompt: {zh: a, en: b}": (
        b"lane: page", ("一体机", "At the kiosk"), ("无", "nothing"),
        (
            "异常刚开始或信号可疑时, 一体机上显示“a”",
            "when it begins, or the signal is doubtful, the kiosk shows: b",
        ),
    ),
}  # fmt: skip
"""What is written now: in the place of what, under which heading, and how both read."""


@pytest.mark.parametrize("now", CHANGES)
def test_each_thing_that_judges_is_one_change(now: bytes) -> None:
    was, head, before, after = CHANGES[now]
    assert changes(was, now) == [Changed("spo2-low", head, before, after)]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b"source: a test", b"source: another one\n    one_sided: because"),
        (b"  - id: spo2-low\n    title: {zh: test", b"  - id: spo2-low\n    title: {zh: other"),
        (b"lane: page", b"lane: page\n    priority: high"),  # as it was meant before
        (b"pack: oximetry", b"pack: another"),
        (b"version: 7", b"version: 8"),
    ],
)
def test_words_are_no_change(was: bytes, now: bytes) -> None:
    assert changes(was, now) == []


SLIP = (
    "  spo2-low 什么时候报警: 血氧饱和度不高于 93%(含 93), 并且持续 15 秒 → 血氧饱和度不高于 9.3%(含 9.3), "
    f"并且持续 15 秒 / It raises when: {SPO2} is at or below 93 % (93 included), and it lasts for 15 s -> "
    f"{SPO2} is at or below 9.3 % (9.3 included), and it lasts for 15 s"
)


def test_a_change_is_one_line() -> None:
    assert told(changes(b"at_or_below: 93", b"at_or_below: 9.3")) == SLIP


def test_a_rule_that_is_new_is_told_with_whom_when_and_what_then() -> None:
    more = OXIMETRY[OXIMETRY.index(b"  - id") :].replace(b"id: spo2-low", b"id: spo2-more")
    both = OXIMETRY + more
    zh, en = raised("93")
    assert told(changed(rules(OXIMETRY), rules(both))) == (
        f"  spo2-more 新增: test; 给谁用: {LOWLAND[0]}; 什么时候报警: {zh}; 报警后: {AT_ONCE[0]} / "
        f"added: test; For: {LOWLAND[1]}; It raises when: {en}; Then: {AT_ONCE[1]}"
    )
    assert changed(rules(both), rules(OXIMETRY)) == []  # what goes is told elsewhere


# -- at the commands --------------------------------------------------------------------------------------


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    """93 is in force; the folder says 9.3 in the next version."""
    made = new_county(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    made.release(93, 7)
    raw = (made.folder / "oximetry.yaml").read_bytes()
    slip = raw.replace(b"at_or_below: 93", b"at_or_below: 9.3").replace(b"version: 7", b"version: 8")
    (made.folder / "oximetry.yaml").write_bytes(slip)
    return made


def approve(county: County, name: str, *options: str) -> str:
    return county.run("approve", "packs", "--key", f"{name}.key", *options).stdout


FIRST = ("--effective", NOW, "--note", "words only, I think")
IN_FORCE = ("--in-force", "releases")


def test_a_slip_of_the_decimal_point_is_told_to_both_and_at_publishing(county: County) -> None:
    said = (
        f"改了什么, 与生效的第 1 次发布(releases/000001/files)相比 / what changes, compared with "
        f"release 1 (releases/000001/files):\n{SLIP}\n"
    )
    first = approve(county, "zhang-yi", *FIRST, *IN_FORCE)
    assert said in first
    assert "cunmai rules approve packs --key 私钥.key --in-force releases\n" in first
    assert said in approve(county, "li-er", *IN_FORCE)
    published = county.publish().stdout
    assert SLIP + "\n" in published
    assert published.index("release 2, in force from") < published.index(
        "what changes, compared with release 1"
    )


def test_where_only_words_change_that_is_said(county: County) -> None:
    raw = (county.releases / "000001" / "files" / "oximetry.yaml").read_bytes()
    (county.folder / "oximetry.yaml").write_bytes(
        raw.replace(b"version: 7", b"version: 8").replace(b"a test", b"new words")
    )
    said = "判断没有改动, 只改了文字或用例 / nothing judges otherwise than in release 1 "
    assert said in approve(county, "zhang-yi", *FIRST, *IN_FORCE)
    approve(county, "li-er")
    published = county.publish().stdout
    assert said in published
    assert "what changes" not in published


def test_where_what_is_in_force_is_not_at_hand_an_approver_is_told_how_to_see_it(county: County) -> None:
    said = approve(county, "zhang-yi", *FIRST)
    assert "改了哪些界限无从比较: 上次在这里签的“limit 93”的内容不在手边; 加 --in-force" in said


def test_the_first_release_of_all_has_nothing_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = new_county(tmp_path, monkeypatch)
    county.limit(93, 7)
    county.approve("zhang-yi", NOW)
    county.approve("li-er")
    shown = county.publish().stdout
    assert "release 1" in shown
    assert "compared with" not in shown
