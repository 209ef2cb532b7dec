"""The example of docs/adding-a-driver.md works as it stands: its module, its vector, its use."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cunmai_gateway.decoders.registry import FRAME_TYPES, describe

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "adding-a-driver.md").read_text()


def blocks(language: str) -> list[str]:
    return [str(block) for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)]


def test_the_example_format_decodes_its_example_vector(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, use = blocks("python")[:2]
    acme = ModuleType("acme")
    monkeypatch.setitem(sys.modules, "acme", acme)
    exec(module, vars(acme))
    (frame_type,) = vars(acme)["FORMATS"]
    vector = json.loads(blocks("json")[0])
    decoded = describe(frame_type, bytes.fromhex(vector["hex"]))
    assert {name: decoded[name] for name in vector["expected"]} == vector["expected"]

    monkeypatch.setitem(FRAME_TYPES, frame_type.name, frame_type)
    exec(use, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "refused 00: no frame begins here"
    assert "'spo2_pct': 97.0" in lines[1]
    assert len(lines) == 2, "half a frame waits for its other half"


def test_the_modules_that_the_page_names_exist() -> None:
    gateway = Path(__file__).resolve().parents[3] / "gateway" / "cunmai_gateway"
    for named in re.findall(r"`((?:decoders|interpret|vendors)/[a-z_]+\.py)`", PAGE):
        assert (gateway / named).exists() or (gateway / "decoders" / named).exists(), named
