"""Settings that still hold a sample of the documents are refused, with the line and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cunmai_rules.settings import RulesSettings
from cunmai_runtime.placeholders import is_placeholder
from cunmai_runtime.yamlfile import FileProblems, load_model
from support.sms_sink import SECRET

ROOT = Path(__file__).resolve().parents[3]

SETTINGS = """\
data_dir: data
contacts:
  - {id: village, role: 村医, to: "put-the-number-here"}
fallback_contacts: [village]
sms:
  providers:
    - kind: aliyun
      name: aliyun
      access_key_id: LTAI5tQZq8mVxPd3nFkA
      access_key_secret: REPLACE_ME
      sign_name: 某县医共体
      templates: {page: SMS_100000001}
      callback_token: putAtLeast24LettersAndDigitsHere
public_url: http://127.0.0.1:8087
"""


def refused(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(FileProblems) as caught:
        load_model(path, RulesSettings, shown_as="rules.yaml")
    return list(map(str, caught.value.problems))


def test_each_is_named_with_its_line_and_what_to_write_instead(tmp_path: Path) -> None:
    number, key, token = refused(tmp_path, SETTINGS)
    assert number == (
        "rules.yaml:3: contacts.0.to: 还是文档里的示例, 请写这位联系人的手机号 / "
        "contacts.0.to: this is still the documents' sample: write this contact's phone number"
    )
    assert key == (
        "rules.yaml:10: sms.providers.0.access_key_secret: 还是文档里的示例, 请写短信平台控制台里的密钥 / "
        "sms.providers.0.access_key_secret: this is still the documents' sample: "
        "write the key from the SMS provider's console"
    )
    assert token == (
        "rules.yaml:13: sms.providers.0.callback_token: 还是文档里的示例, 请写自己的口令, 至少 24 位字母和数字 / "
        "sms.providers.0.callback_token: this is still the documents' sample: "
        "write a token of your own, of at least 24 letters and digits"
    )


def test_other_faults_are_told_with_them(tmp_path: Path) -> None:
    problems = refused(tmp_path, SETTINGS.replace("public_url: http", "public_url: tp"))
    assert [problem.split(":")[1] for problem in problems] == ["3", "10", "13", "14"]


def test_a_sample_that_would_not_do_anyway_is_told_once(tmp_path: Path) -> None:
    problems = refused(tmp_path, SETTINGS.replace("putAtLeast24LettersAndDigitsHere", "put-the-token-here"))
    assert [problem.split(":")[1] for problem in problems] == ["3", "10", "13"]


def test_a_sample_secret_is_told_once(tmp_path: Path) -> None:
    text = (
        'data_dir: data\ncontacts: [{id: village, role: 村医, to: "1"}]\nfallback_contacts: [village]\n'
        "webhook: {url: 'http://127.0.0.1:1/', secret: whsec_REPLACE_ME}\npublic_url: http://127.0.0.1:8087\n"
    )
    (problem,) = refused(tmp_path, text)
    assert "a secret made by cunmai rules new-secret" in problem


def test_every_sample_in_the_documents_is_known() -> None:
    """Each value of a key that holds what is one's own."""
    keys = r"(?:to|\w*token|\w*secret|secret_key|\w*password|access_key_id|secret_id)"
    samples = [
        found
        for path in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").glob("*.md")]
        for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
        for found in re.findall(rf'(?m)(?:^|[{{ ]){keys}: "?([^\s"}},]+)', block)
    ]
    assert len(samples) >= 12
    assert [sample for sample in samples if not is_placeholder(sample)] == []


@pytest.mark.parametrize(
    "own", [SECRET, "13912345678", "correct-horse-here", "exchange-mentor", "meReplaced", "a…b", "Tower.Here"]
)
def test_what_is_ones_own_is_taken(own: str) -> None:
    assert not is_placeholder(own)


@pytest.mark.parametrize(
    "sample",
    [
        "put-your-token-here",
        "Put-The-Number-Here ",
        "CHANGE_ME",
        "changeme",
        "whsec_REPLACE_ME",
        "<token>",
        "…",
    ],
)
def test_the_usual_ways_to_write_one_are_known(sample: str) -> None:
    assert is_placeholder(sample)
