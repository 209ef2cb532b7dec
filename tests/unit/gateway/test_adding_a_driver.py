"""The example of docs/adding-a-driver.md works as it stands: its module, its vector, its use."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

from cunmai_gateway import drivers
from cunmai_gateway.decoders.registry import FRAME_TYPES, describe
from cunmai_gateway.drivers.guess import guess_drivers
from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.settings import DeviceSettings

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "adding-a-driver.md").read_text()


def blocks(language: str) -> list[str]:
    return [str(block) for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)]


def test_the_example_format_decodes_its_example_vector(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, use, _driver = blocks("python")
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


def test_one_file_makes_the_example_driver_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text(blocks("python")[2])
    acme = {"id": "acme-1", "driver": "acme", "name": "ACME P1"}
    with monkeypatch.context() as beside:
        beside.setattr(drivers, "__path__", [*drivers.__path__, str(tmp_path)])
        driver_specs.cache_clear()
        settings = DeviceSettings.model_validate(acme)
        assert driver_specs()[settings.driver].title_en == "Acme oximeter"
        assert [guess.driver for guess in guess_drivers(driver_specs(), "ACME P1", [])] == ["acme"]
    sys.modules.pop("cunmai_gateway.drivers.acme")
    driver_specs.cache_clear()
    with pytest.raises(ValidationError, match="no driver is called acme"):
        DeviceSettings.model_validate(acme)
