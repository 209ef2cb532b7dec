"""Templates as files: what the lint refuses, how segments are counted, and what `sms-check` shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.notify.languages import Language
from cunmai_rules.notify.segments import Segments, segments
from cunmai_rules.notify.templates import KINDS, LONGEST, load_templates
from cunmai_rules.settings import Sms
from cunmai_rules.shipped import templates_dir
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems, parse_document
from support.sms_sink import SECRET, SmsSink


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 80 + "a", Segments("GSM-7", 161, 2)),
        ("村" * 70, Segments("UCS-2", 70, 1)),
        ("村" * 71, Segments("UCS-2", 71, 2)),
        ("村" * 134, Segments("UCS-2", 134, 2)),
        ("村" * 135, Segments("UCS-2", 135, 3)),
        ("a" * 69 + "村", Segments("UCS-2", 70, 1)),
        ("😀" * 36, Segments("UCS-2", 72, 2)),
        ("`", Segments("UCS-2", 1, 1)),
    ],
)
def test_segments_are_counted_as_the_carrier_bills_them(text: str, expected: Segments) -> None:
    assert segments(text) == expected


def changed(tmp_path: Path, old: str, new: str) -> Path:
    shipped = (templates_dir() / "sms" / "zh-CN.yaml").read_text()
    assert shipped.count(old) >= 1
    (tmp_path / "zh-CN.yaml").write_text(shipped.replace(old, new, 1))
    return tmp_path


def problems(tmp_path: Path, old: str, new: str) -> str:
    with pytest.raises(FileProblems) as refused:
        load_templates(changed(tmp_path, old, new), "zh-CN")
    return str(refused.value)


TEXT = '"{again}{grade}预警: {who}'


@pytest.mark.parametrize(
    ("old", "new", "zh", "line"),
    [
        (TEXT, '"{name}{again}{grade}预警: {who}', "短信里不能有 {name}", 8),
        (TEXT, '"{diagnosis}{again}{grade}预警: {who}', "短信里不能有 {diagnosis}", 8),
        (TEXT, '"{电话}{grade}预警: {who}', "短信里不能有 {电话}", 8),
        (TEXT, '"{colour}预警: {who}', "不认识的变量 {colour}", 8),
        (TEXT, '"{}{grade}预警: {who}', "不认识的变量 {}", 8),
        (TEXT, '"}{grade}预警: {who}', "大括号不成对", 8),
        (TEXT, '"\\n{grade}预警: {who}', "换行或看不见的字符", 8),
        (TEXT, '"电话13800000001 {grade}预警: {who}', "模板里有手机号", 8),
        (TEXT, '"' + "很长" * 70 + "{grade}预警: {who}", "上限 4 段", 8),
        ("{reply} {link}", "{reply}", "无法答复", 8),
        ("{grade}预警, {times}", "{grade}{times}", "两个变量不能相邻", 10),
        ("{grade}预警, {times}", "【{grade}】预警, {times}", "特殊符号 【", 10),
        ("{grade}预警, {times}", "{grade}预警★, {times}", "特殊符号 ★", 10),
        ("{grade}预警, {times}", "{grade}预警, {grade}, {times}", "同一变量只能用一次", 10),
        ("{grade}预警, {times}", "{grade}预警, {link} {times}", "不认识的变量 {link}", 10),
        ("sign: 村脉", "sign: 【村脉】", "sign", 4),
        ("  closed:", "  closes:", "closes", 14),
    ],
)
def test_a_wrong_template_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, zh: str, line: int
) -> None:
    said = problems(tmp_path, old, new)
    assert zh in said
    assert f"zh-CN.yaml:{line}:" in said


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    shipped = (templates_dir() / "sms" / "zh-CN.yaml").read_text()
    (tmp_path / "zh-CN.yaml").write_text(shipped[: shipped.index("  closed:")])
    with pytest.raises(FileProblems, match="the template closed is missing"):
        load_templates(tmp_path, "zh-CN")


def test_what_is_ordered_and_what_is_sent_are_the_same_text() -> None:
    templates = load_templates(None, "zh-CN")
    values = {name: f"<{name}>" for name in ("example", "codes")}
    assert templates.to_order("help", "https://c.example", "aliyun") == (
        "没有看懂您的回复, 请回复 1已看 2已联系 3转诊 4误报, 再加编号, 例如: 3 ${example}, 等待答复的编号: ${codes}"
    )
    assert templates.to_order("help", "https://c.example", "tencent").endswith("3 {1}, 等待答复的编号: {2}")
    assert templates.ordered("help", values, "https://c.example").endswith(
        "3 <example>, 等待答复的编号: <codes>"
    )
    assert "https://c.example/e/${token} 答复" in templates.to_order("page", "https://c.example", "aliyun")


def test_values_for_approved_templates_are_never_empty_long_or_special() -> None:
    templates = load_templates(None, "zh-CN")
    page = dict.fromkeys(
        ("grade", "times", "resident", "values", "time", "site", "rule", "version", "token", "code"), ""
    )
    values = dict(templates.values("page", page | {"site": "上村卫生室→★" * 9, "values": "血氧 90%↓\n"}))
    assert values["grade"] == "-"
    assert values["values"] == "血氧 90%"
    assert values["site"] == ("上村卫生室" * 9)[:35]


def test_english_messages_are_plain_and_short() -> None:
    from cunmai_rules.tools.sms_check import sample_values  # noqa: PLC0415 - beside its only use

    templates = load_templates(None, "en")
    for kind in KINDS:
        text = templates.text(kind, sample_values(templates, "https://cunmai.county.example"))
        assert segments(text).alphabet == "GSM-7"
        assert segments(text).segments <= 2


CONFIG = """\
data_dir: {folder}
contacts: [{{id: village, role: 村医, to: '1'}}]
fallback_contacts: [village]
webhook: {{url: "{url}", secret: {secret}}}
public_url: https://cunmai.county.example
sms:
  providers:
    - {{kind: aliyun, name: ali, access_key_id: LTAI-key-id, access_key_secret: ali-key-secret,
       sign_name: 某县医共体, templates: {{page: SMS_1}}}}
"""


def run(tmp_path: Path, url: str, *options: str) -> tuple[str, BaseException | None]:
    config = tmp_path / "rules.yaml"
    config.write_text(CONFIG.format(folder=tmp_path, url=url, secret=SECRET))
    result = CliRunner().invoke(app, ["sms-check", "--config", str(config), *options])
    return result.output, result.exception


def test_sms_check_shows_what_would_be_sent_and_no_key(tmp_path: Path) -> None:
    output, error = run(tmp_path, "http://127.0.0.1:1/sms")
    assert error is None
    assert "${grade}预警, ${times}通知" in output
    assert "? PhoneNumbers=13800000000" in output
    assert '"to": "13800000000"' in output
    assert "not set: it is not sent" in output  # help and closed
    assert "https://cunmai.county.example/sms/ali/receipts/<callback_token>" in output
    for secret in (SECRET, "ali-key-secret", "LTAI-key-id"):
        assert secret not in output


def test_sms_check_says_for_whom_each_text_is_and_shows_it_once(tmp_path: Path) -> None:
    output, _ = run(tmp_path, "http://127.0.0.1:1/sms")
    for kind, words in {
        "page": "预警通知, 发给该处理这条预警的人 / an alarm, to whoever is asked about it",
        "summary": "汇总, 发给一时被通知太多的人 / a summary, to whoever would get too many at once",
        "help": "回复看不懂, 发给回复的人 / a reply that cannot be understood, to whoever sent it",
        "closed": "回复时预警已经结束, 发给回复的人 / a reply when it was closed already, to whoever sent it",
        "list": "用汇总的编号回复了处理结果, 发给回复的人 / an outcome with a summary's code, to whoever sent it",
    }.items():
        assert output.count(f"\n[{kind}] {words}\n") == 1
    texts = [line for line in output.splitlines() if line.startswith("    【村脉】")]
    assert (
        len(texts) == len(set(texts)) == len(KINDS) + 1
    )  # of the page both: by webhook, and as ali's template
    assert output.count("  经 via webhook: ") == len(KINDS)
    assert output.count("  经 via ali: ") == 1
    assert output.count("  ali: 没有填这个模板, 不会发送") == len(KINDS) - 1
    assert output.count("没有打开短信回复(replies), 不会发送") == 3
    alone, _ = run(tmp_path, "http://127.0.0.1:1/sms", "--provider", "webhook")
    assert len([line for line in alone.splitlines() if line.startswith("    【村脉】")]) == len(KINDS)


def test_sms_check_sends_a_test_message_when_asked(tmp_path: Path) -> None:
    with SmsSink() as sink:
        output, error = run(tmp_path, sink.url, "--to", "13900000001")
        assert error is None
        (message,) = sink.taken.values()
        assert message["data"]["to"] == "13900000001"
        assert "23:59 测试短信, 不用处理. " in message["data"]["text"], "no alarm to whoever gets it"
        assert "look at the phone" in output
        sink.statuses = [401]
        _, error = run(tmp_path, sink.url, "--to", "13900000001", "--provider", "webhook")
    assert isinstance(error, UserError)
    assert "HTTP 401 (misdirected)" in str(error)
    _, error = run(tmp_path, sink.url, "--provider", "nobody")
    assert "there is no provider nobody" in str(error)


def test_the_sample_of_the_documentation_is_accepted() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sms.md").read_text()
    sample = text.split("```yaml\n")[1].split("```")[0]
    document = parse_document(sample.encode(), "docs/sms.md")
    sms = Sms.model_validate(document.value["sms"])
    assert [one.name for one in sms.providers] == ["aliyun", "tencent"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_both_texts_of_a_page_carry_the_rule_and_its_version(language: Language) -> None:
    templates = load_templates(None, language)
    values = LONGEST[language]
    for text in (templates.text("page", values), templates.ordered("page", values, "https://c.example")):
        assert "spo2-severe" in text
        assert "12-9f2c1a7b" in text
