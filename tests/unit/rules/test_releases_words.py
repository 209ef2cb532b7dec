"""What approvers and county IT read: the exact words of what is refused, and of what comes next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cunmai_runtime.errors import UserError
from support.county import AT_ONCE, DAY_MS, County, new_county


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    made = new_county(tmp_path, monkeypatch)
    made.limit(93, 7)
    monkeypatch.chdir(tmp_path)
    return made


def refused(county: County, *arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        county.run(*arguments)
    return str(caught.value)


APPROVE = ("approve", "packs", "--key", "zhang-yi.key")
PUBLISH = ("publish", "packs", "--config", "rules.yaml")
FIRST = "cunmai rules approve packs --key KEY --effective 2026-12-01T00:00+08:00 --note '改了什么, 为什么'"


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (
            "abc",
            (
                "--note 'abc' 太短, 至少写 4 个字: 改了什么, 为什么 / "
                "--note 'abc' is too short: in 4 characters or more, what was changed, and why"
            ),
        ),
        (
            "x" * 1001,
            "--note 太长, 最多 1000 个字 / --note is too long: 1000 characters at most",
        ),
        (
            "有事请打 138,0000,0001",
            "--note 里有电话或身份证号, 请去掉 / --note has a phone or identity number in it: take it out",
        ),
    ],
)
def test_a_note_that_will_not_do(county: County, note: str, words: str) -> None:
    assert refused(county, *APPROVE, "--effective", AT_ONCE, "--note", note) == words
    assert not (county.folder / "approvals").exists()


def test_publishing_what_nobody_has_signed_says_who_runs_what(county: County) -> None:
    assert refused(county, *PUBLISH) == (
        f"packs 还没有人签名, 先由两位审批人各运行一次: {FIRST} / "
        f"nobody has signed packs yet: first each of two approvers runs {FIRST}"
    )


def test_the_first_signature_needs_a_note_and_a_time(county: County) -> None:
    assert refused(county, *APPROVE) == (
        f"第一位签名时要写明改了什么和何时生效: {FIRST} / "
        f"the first to sign says what was changed and from when: {FIRST}"
    )


def test_files_changed_after_signing_are_named(county: County) -> None:
    county.approve("zhang-yi", AT_ONCE)
    county.limit(92, 8)
    assert refused(county, *PUBLISH) == (
        f"签名之后文件有改动(oximetry.yaml), 两位审批人要重新签名: {FIRST} / "
        f"files were changed after they were signed (oximetry.yaml): both approvers sign anew: {FIRST}"
    )


def test_each_signature_is_told_what_comes_next(county: County) -> None:
    first = county.run(*APPROVE, "--effective", AT_ONCE, "--note", "limit of the county").stdout
    assert first.endswith(
        "还差另一位审批人的签名, 请他运行: cunmai rules approve packs --key 私钥.key\n"
        "one more signature is needed, by another person: cunmai rules approve packs --key THEIR.key\n"
    )
    again = county.run(*APPROVE).stdout  # the same person twice is one
    assert "还差另一位审批人的签名" in again
    assert refused(county, *PUBLISH) == (
        "不能发布: 须两位审批人签名, 有效的: zhang-yi; 请缺少的审批人运行: cunmai rules approve packs --key KEY / "
        "this cannot be published: two people must approve; valid: zhang-yi; "
        "whoever is missing runs: cunmai rules approve packs --key KEY"
    )
    second = county.run("approve", "packs", "--key", "li-er.key").stdout
    assert second.endswith(
        "li-er、zhang-yi 已签名, 县信息科可以发布: cunmai rules publish packs --config rules.yaml\n"
        "signed by li-er and zhang-yi; county IT publishes: cunmai rules publish packs --config rules.yaml\n"
    )


def test_another_note_than_the_signed_one_is_told_which(county: County) -> None:
    county.approve("zhang-yi", AT_ONCE)
    assert refused(county, *PUBLISH, "--note", "another note") == (
        "这里签的是 “limit of the county”, 与给出的 --effective 或 --note 不同; 去掉这两项 / "
        "what was signed here is “limit of the county”, for another --effective or --note: leave both out"
    )


# -- checks before a signature ------------------------------------------------------------------------------

CASES = """\
cases:
  - name: {zh: 低, en: low}
    readings: [{oximetry: {spo2_pct: "90x60"}, every: 1s}]
    expect: [{at: 30s, grades: {spo2-low: green}}]
"""


def test_what_fails_its_cases_is_not_signed(county: County) -> None:
    (county.folder / "oximetry.test.yaml").write_text(CASES)
    assert refused(county, *APPROVE, "--effective", AT_ONCE, "--note", "limit of the county") == (
        "1 个用例失败, 请改好规则或用例, 经过见 cunmai rules test packs / "
        "1 cases fail: mend the rules or the cases; what happened: cunmai rules test packs\n"
        "  oximetry.test.yaml:2 低 / low"
    )
    assert not (county.folder / "approvals").exists()


def test_what_fails_the_check_is_not_signed(county: County) -> None:
    text = (county.folder / "oximetry.yaml").read_text()
    (county.folder / "oximetry.yaml").write_text(text.replace("at_or_below: 93", "at_or_below:93"))
    assert "a space is missing after the colon" in refused(
        county, *APPROVE, "--effective", AT_ONCE, "--note", "limit of the county"
    )
    assert not (county.folder / "approvals").exists()


# -- from when ------------------------------------------------------------------------------------------------


def test_a_time_before_yesterday_is_a_slip(county: County) -> None:
    assert refused(
        county, *APPROVE, "--effective", "2026-01-16T00:00+08:00", "--note", "limit of the county"
    ) == (
        "--effective 2026-01-16 00:00:00+08:00 已经过去, 规则不能追溯生效; "
        "请写将来的时间, 或写 now 表示发布后立即生效 / "
        "--effective 2026-01-16 00:00:00+08:00 is in the past, and rules do not reach back; "
        "give a time to come, or now: as soon as it is published"
    )


def test_a_time_of_today_that_has_passed_is_remarked_on(county: County) -> None:
    earlier = "2027-01-15T08:00+08:00"  # eight hours ago
    signed = county.run(*APPROVE, "--effective", earlier, "--note", "limit of the county").stdout
    assert (
        "生效时间 2027-01-15 08:00:00+08:00 已过: 发布后立即生效, 之前的测量值不重新判断 / "
        "its time, 2027-01-15 08:00:00+08:00, has passed: it is in force as soon as it is published, "
        "and nothing earlier is judged again\n"
    ) in signed
    county.approve("li-er")
    assert county.publish().stdout.endswith(
        "第 1 次发布, 2027-01-15 16:00:00+08:00 生效 / release 1, in force from 2027-01-15 16:00:00+08:00\n"
        "签的生效时间 2027-01-15 08:00:00+08:00 已过: 现在起生效, 之前的测量值不重新判断 / it was signed for "
        "2027-01-15 08:00:00+08:00, which has passed: in force from now, and nothing earlier is judged again\n"
    )


def test_what_was_signed_a_moment_ago_needs_no_remark(county: County) -> None:
    signed = county.run(*APPROVE, "--effective", "now", "--note", "limit of the county").stdout
    assert "发布后立即生效 / in force as soon as it is published\n" in signed
    county.approve("li-er")
    county.passes(60_000)
    assert county.publish().stdout == (
        "第 1 次发布, 2027-01-15 16:01:00+08:00 生效 / release 1, in force from 2027-01-15 16:01:00+08:00\n"
    )


def test_a_change_under_an_old_version_is_told_to_who_signs(county: County) -> None:
    county.approve("zhang-yi", AT_ONCE)
    county.limit(92, 7)
    signed = county.run(*APPROVE, "--effective", AT_ONCE, "--note", "limit of the county")
    assert signed.stderr.endswith(
        "提醒 warning: oximetry.yaml: 内容改了而 version 还是 7; 签过的内容如已发布, 请写 version: 8 / "
        "it changed and its version is 7 still; where what was signed before is published, write version: 8\n"
        "注意: 没有用例 (*.test.yaml) / note: there are no cases (*.test.yaml)\n"
    )
    county.limit(92, 8)
    signed = county.run(*APPROVE, "--effective", AT_ONCE, "--note", "limit of the county")
    assert "内容改了" not in signed.stderr


def test_where_no_step_back_is_the_way_to_cancel_what_waits_is_told(county: County) -> None:
    county.release(93, 7)
    county.release(92, 8, "2027-01-16T16:00+08:00")
    assert refused(county, "rollback", "--because", "not this one", "--config", "rules.yaml") == (
        "之前没有可回退的发布; 取消等待中的第 2 次发布: 加 --waiting / there is no release before "
        "the one in force; to cancel release 2, which waits, add --waiting"
    )


def test_a_time_to_come_is_told_to_who_signs(county: County) -> None:
    signed = county.run(*APPROVE, "--effective", "2027-01-16T00:00+08:00", "--note", "limit of the county")
    assert (
        "2027-01-16 00:00:00+08:00 起生效(须在此之前发布) / in force from 2027-01-16 00:00:00+08:00, "
        "if it is published by then\n"
    ) in signed.stdout


def test_now_is_the_same_moment_for_both(county: County) -> None:
    for name in ("zhang-yi", "li-er"):
        county.run(
            "approve", "packs", "--key", f"{name}.key", "--effective", "now", "--note", "limit of the county"
        )
        county.passes(5 * 60_000)
    assert "release 1, in force from 2027-01-15 16:10:00+08:00" in county.publish().stdout


def test_the_second_may_sign_when_the_time_has_passed(county: County) -> None:
    county.approve("zhang-yi", AT_ONCE)
    county.passes(3 * DAY_MS)
    county.approve("li-er")
    assert "release 1" in county.publish().stdout


# -- keys -------------------------------------------------------------------------------------------------------


def test_the_printed_line_carries_the_post(county: County) -> None:
    done = county.run("author-key", "chen-si", "--role", "县级骨干医师")
    assert re.fullmatch(
        r'  - \{name: chen-si, role: "县级骨干医师", key: "ed25519:[^"]{44}"\}\n', done.stdout
    )
    assert "没有写职务" not in done.stderr


def test_a_line_without_a_post_says_how_to_add_it(county: County) -> None:
    done = county.run("author-key", "chen-si")
    assert done.stderr.endswith(
        "没有写职务: 下次加 --role 县级骨干医师, 或在这一行的 name 之后写 role: 县级骨干医师 / "
        "no post was given: add --role, or write role: … behind the name\n"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "{name: chen-si, role: 医师}",
            "approvers.yaml:3: approvers.1.key: 缺少必填项 'key' / approvers.1.key: required key 'key' is missing",
        ),
        (
            '{name: chen-si, role: "", key: K}',
            (
                "approvers.yaml:3: approvers.1.role: '' 太短, 至少 1 个字 / "
                "approvers.1.role: '' is too short: at least 1 characters"
            ),
        ),
        (
            "{name: chen-si, key: abc}",
            (
                "approvers.yaml:3: approvers.1.key: 'abc' 不可用, 请照抄 cunmai rules author-key 显示的那一行, "
                "公钥以 ed25519: 开头 / approvers.1.key: 'abc' cannot be used: copy the line that cunmai rules "
                "author-key printed: a key begins with ed25519:"
            ),
        ),
    ],
)
def test_a_wrong_line_of_an_approver_is_named(county: County, line: str, words: str) -> None:
    key = re.search(r"ed25519:[^=]+=", county.keys["li-er"])
    assert key is not None
    path = Path("approvers.yaml")
    path.write_text(f"approvers:\n{county.keys['zhang-yi']}\n  - {line.replace('K}', f'{key[0]!r}}}')}\n")
    config = Path("rules.yaml")
    config.write_text(config.read_text().replace(f"{county.root}/approvers.yaml", "approvers.yaml"))
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er")
    assert refused(county, *PUBLISH) == words


def test_history_names_the_posts(county: County) -> None:
    county.new_key("chen-si", "--role", "专科医师")
    county.list_approvers("zhang-yi", "chen-si")
    county.approve("zhang-yi", AT_ONCE)
    county.approve("chen-si")
    county.publish()
    told = county.run("history", "--config", "rules.yaml").stdout
    assert "审批 approved by chen-si (专科医师), zhang-yi (审批人 approver); 发布 published by" in told
