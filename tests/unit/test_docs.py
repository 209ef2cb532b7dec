"""What the documents say is true: samples load, links lead somewhere, both READMEs tell the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cunmai.main import VERBS
from cunmai_gateway.settings import GatewaySettings
from cunmai_rules.settings import RulesSettings, SelfTestSettings
from cunmai_rules.thresholds.loader import build_rules
from cunmai_runtime.yamlfile import FileProblems, parse_document, validate
from support.sms_sink import SECRET

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path for path in ROOT.rglob("*.md") if not set(path.parts) & {".venv", ".pytest_cache", "node_modules"}
]


def samples(document: str) -> list[str]:
    text = (ROOT / document).read_text()
    return [str(sample) for sample in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def test_the_gateways_sample_loads() -> None:
    (sample,) = samples("gateway/README.md")
    with pytest.raises(FileProblems, match="this is still the documents' sample: write this account's own"):
        validate(parse_document(sample.encode(), "sample"), GatewaySettings)
    own = sample.replace("put-the-password-here", "its own")
    settings = validate(parse_document(own.encode(), "sample"), GatewaySettings)
    assert [device.driver for device in settings.devices] == ["plx", "ultrasound"]


def test_the_rules_samples_load() -> None:
    pack, service = samples("rules/README.md")
    assert set(build_rules([("sample.yaml", pack.encode())]).by_id) == {"spo2-severe"}
    with pytest.raises(FileProblems) as caught:
        validate(parse_document(service.encode(), "sample"), RulesSettings)
    assert [problem.zh.split(":")[0] for problem in caught.value.problems] == [
        "contacts.0.to", "contacts.1.to", "contacts.2.to", "webhook.secret",
    ]  # fmt: skip
    own = service.replace("whsec_REPLACE_ME", SECRET).replace("put-the-number-here", "1")
    settings = validate(parse_document(own.encode(), "sample"), RulesSettings)
    assert settings.policy == RulesSettings.model_fields["policy"].default


def test_the_self_tests_shortest_interval_is_told_where_it_is_described() -> None:
    every = SelfTestSettings.model_json_schema()["properties"]["every_s"]
    said = (ROOT / "rules" / "README.md").read_text()
    assert f"`every_s` is {every['minimum']} at least" in said
    assert f"{every['maximum']} at most, by default {every['default']}" in said


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"


def test_both_readmes_show_the_same_commands() -> None:
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    commands = r"\./dev (?:demo|test|run)[^`\n#（]*"
    shown = [
        {found.strip() for found in re.findall(commands, path.read_text())} for path in (english, chinese)
    ]
    assert {"./dev demo", "./dev test"} <= shown[0] & shown[1]
    for command in ("cunmai decode 2A5F 0061004800", "cunmai rules check"):
        assert all(f"./dev run {command}" in commands_of for commands_of in shown)


def test_every_verb_is_told_in_both_languages() -> None:
    assert all(verb.zh and verb.en for verb in VERBS.values())
