"""Long commands show that they work: on a terminal alone, and never in what a program reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cunmai_rules.cli import app
from cunmai_rules.shipped import packs_dir

OXIMETRY = packs_dir() / "oximetry.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    file = tmp_path / "readings.csv"
    file.write_text("t_s,oximetry.spo2_pct\n0,97\n10,92\n")
    return file


def commands(readings: Path) -> list[tuple[tuple[object, ...], str]]:
    return [
        (("check", OXIMETRY), "检查 / checking"),
        (("test", OXIMETRY, "--coverage"), "用例 / cases"),
        (("test", OXIMETRY, "--coverage"), "界限 / limits"),
        (("replay", "--rules", OXIMETRY, "--json", readings), "重演 / replaying"),
    ]


def test_on_a_terminal_it_is_shown(readings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes a pipe a terminal to the library
    for arguments, shown in commands(readings):
        assert shown in run(*arguments).stderr


def test_elsewhere_nothing_is_written(readings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    for arguments, _ in commands(readings):
        assert run(*arguments).stderr == ""
