"""`./dev` where things are missing: one sentence that says what to install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("cat", "cksum", "dirname", "env", "id", "mktemp", "rm", "sh", "tail")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what ./dev reads before it has an environment."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("dev", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "locks", folder / "locks")
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with the usual tools, and neither Python nor a package manager."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def dev(checkout: Path, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(checkout / "dev"), *arguments],
        capture_output=True, text=True, timeout=60, check=False, env={"PATH": str(path)},
    )  # fmt: skip


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_alone_it_lists_its_verbs(checkout: Path, bare: Path) -> None:
    listed = dev(checkout, bare)
    assert listed.returncode == 0
    for verb in ("demo", "test", "check", "run CMD", "lock", "clean"):
        assert f"\n  {verb}" in listed.stdout


def test_an_unknown_verb_is_refused_with_the_list(checkout: Path, bare: Path) -> None:
    refused = dev(checkout, bare, "explode")
    assert refused.returncode == 1
    assert "no such verb: explode" in refused.stderr
    assert "demo" in refused.stderr


def test_without_python_it_says_what_to_install(checkout: Path, bare: Path) -> None:
    refused = dev(checkout, bare, "demo")
    assert refused.returncode == 1
    assert "Cunmai needs Python 3.11 or newer with venv" in refused.stderr
    assert "sudo apt install python3 python3-venv" in refused.stderr


def test_an_old_python_is_not_taken(checkout: Path, bare: Path) -> None:
    program(bare, "python3", "exit 1")  # what the version check gives on 3.10
    refused = dev(checkout, bare, "demo")
    assert refused.returncode == 1
    assert "Python 3.11 or newer" in refused.stderr


def test_a_python_without_venv_is_not_taken(checkout: Path, bare: Path) -> None:
    program(bare, "python3", 'case "$*" in *ensurepip*) exit 1;; esac')
    refused = dev(checkout, bare, "test")
    assert refused.returncode == 1
    assert "python3-venv" in refused.stderr


def test_root_gets_python_installed(checkout: Path, bare: Path, tmp_path: Path) -> None:
    """With a package manager that installs a Python which then cannot make an environment: it was asked."""
    asked = tmp_path / "asked"
    (bare / "id").unlink()
    program(bare, "id", "echo 0")
    program(bare, "apt-get", f'echo "$@" >> {asked}')
    program(bare, "chmod", "exit 0")
    refused = dev(checkout, bare, "demo")
    assert refused.returncode == 1
    assert "install -y -q --no-install-recommends python3 python3-venv" in asked.read_text()


def test_run_needs_a_command(checkout: Path, bare: Path) -> None:
    refused = dev(checkout, bare, "run")
    assert refused.returncode == 1
    assert "which command?" in refused.stderr
