"""The practice run of docs/publishing-practice.md: its commands, in their order, word for word, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_runtime.errors import UserError

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "publishing-practice.md"
FAILS = "# 会失败 / fails"


def steps() -> Iterator[str]:
    """Each command of the tool by itself; what stands between two of them, as one script."""
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        script: list[str] = []
        for line in block.splitlines():
            if line.startswith("cunmai "):
                yield from ["\n".join(script)] if script else []
                yield line
                script = []
            else:
                script.append(line)
        yield from ["\n".join(script)] if script else []


def run_command(line: str) -> tuple[str, str]:
    """In this process, which is quicker: what it printed, and why it was refused."""
    _, _, *arguments = shlex.split(line, comments=True)
    target = None
    if ">" in arguments:
        *arguments, _, target = arguments
    done = CliRunner().invoke(app, arguments)
    if target is not None:
        Path(target).write_text(done.stdout)
    if isinstance(done.exception, UserError):
        return done.stdout, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout, "" if done.exit_code == 0 else f"exit {done.exit_code}"


def run_script(script: str) -> None:
    """By bash, with what the tool prints into it put there beforehand."""
    script = re.sub(r"\$\((cunmai [^)]*)\)", lambda found: run_command(found[1])[0].strip(), script)
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)


def test_the_practice_run_goes_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told: dict[str, list[str]] = {}
    refused: list[str] = []
    for step in steps():
        if not step.startswith("cunmai "):
            run_script(step)
            continue
        printed, why = run_command(step)
        assert bool(why) == step.endswith(FAILS), f"{step}: {why}"
        told.setdefault(step.split()[2], []).append(printed)
        refused += [why] if why else []

    assert "16 个用例, 1 个失败" in told["test"][0]
    assert "6 个界限, 两侧都有用例" in told["test"][1]
    assert "血氧饱和度低于 88%(不含 88)" in told["preview"][0]
    assert "packs -> packs-2: 1 处不同" in told["replay"][0]
    assert "<svg" in (tmp_path / "compare.html").read_text()
    assert refused[0] == "exit 1"
    assert refused[1].startswith("签名之后文件有改动(oximetry.test.yaml, oximetry.yaml)")
    assert "有效的: zhang-yi; 请缺少的审批人运行: cunmai rules approve packs-2 --key KEY" in refused[2]
    assert "\n  oximetry: 血氧" in refused[3]
    shown = next(
        line for line in DOCUMENT.read_text().splitlines() if line.startswith("      spo2-deep 什么时候")
    )
    signed_twice_and_published = [*told["approve"][2:4], *told["publish"]]
    assert sum(f"\n{shown[4:]}\n" in one for one in signed_twice_and_published) == 3
    assert told["rollback"][0].startswith("第 4 次发布: 已取消等待中的第 3 次, 生效的规则不变")
    last = told["history"][-1].splitlines()
    assert re.match(r"5  生效 in force, ", last[0])
    assert last[1] == "   回退到第 1 次 / back to release 1: 夜间误报太多"
    assert last[3].startswith(
        "   审批 approved by li-er (专科医师), zhang-yi (县级骨干医师); 发布 published by wang-xinxi, "
    )
    assert [line[0] for line in last if line[0] != " "] == ["5", "4", "3", "2", "1"]
