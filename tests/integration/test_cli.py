"""The `cunmai` command as a person meets it: what it prints, where, and with which status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def cunmai(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cunmai", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment,
    )  # fmt: skip


def test_without_a_verb_it_lists_them() -> None:
    listed = cunmai()
    assert listed.returncode == 0
    for verb in ("demo", "gateway", "decode", "ingest", "ledger", "rules", "dashboards", "sim"):
        assert f"cunmai {verb}" in listed.stdout


def test_an_unknown_verb_is_said_so() -> None:
    refused = cunmai("explode")
    assert refused.returncode == 2
    assert "no such command: explode" in refused.stderr


def test_decode_prints_json() -> None:
    decoded = cunmai("decode", "2A5F", "1fdef3caf3caf35af5d4f3b2f220010000007ae3")
    assert decoded.returncode == 0
    assert decoded.stderr == ""
    values = json.loads(decoded.stdout)
    assert (values["spo2_pct"], values["pulse_bpm"], values["perfusion_index_pct"]) == (99, 97, 8.9)
    assert values["quality"] == []


@pytest.mark.parametrize(
    "frame",
    [
        ("15bdf00b009ff03c001200",),
        ("15 BD F0 0B 00 9F F0 3C 00 12 00",),
        ("15:bd:f0:0b:00:9f:f0:3c:00:12:00",),
        ("0x15bdf00b009ff03c001200",),
        ("0x15, 0xbd, 0xf0, 0x0b, 0x00, 0x9f, 0xf0, 0x3c, 0x00, 0x12, 0x00",),
        ("15-bd-f0-0b", "00-9f-f0-3c", "001200"),
    ],
)
def test_decode_takes_hexadecimal_as_people_copy_it(frame: tuple[str, ...]) -> None:
    decoded = cunmai("decode", "2a35", *frame)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    values = json.loads(decoded.stdout)
    assert (values["sys"], values["unit"], values["systolic_mmhg"], values["timestamp"]) == (
        18.9, "kPa", 141.8, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("2A5F", "0064005a"), "pulse rate: needs 2 bytes at offset 3, the frame has 1 left"),
        (("2A5F", "00 6400 5a00 00"), "1 bytes left over"),
        (("2A5F", "xyz"), "not hexadecimal"),
        (("2A5F", ""), "flags: needs 1 bytes"),
        (("2A5F", "006"), "not hexadecimal: 3 digits"),
        (("9999", "00"), "unknown type '9999'"),
        (("9999", "00"), "2A35-BEURER-BM85"),  # the list of what is known
        (("2A35", "566a0047000000ea07080b121f00003f000000"), "1 bytes left over after offset 18"),
        (("contec-ff02", "eb01053e627f0011"), "malformed Contec live frame: checksum: 0x11, expected 0x10"),
    ],
)
def test_decode_refuses_with_a_reason(arguments: tuple[str, str], words: str) -> None:
    refused = cunmai("decode", *arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_rules_check_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pack: mine\nversion: 1\ntitle: {zh: 村, en: x}\nrulez: []\n")
    refused = cunmai("rules", "check", str(tmp_path))
    assert refused.returncode == 2
    assert "mine.yaml:4: rulez: 不认识的键 'rulez'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_rules_check_of_the_shipped_packs() -> None:
    checked = cunmai("rules", "check")
    assert checked.returncode == 0
    assert "no errors, no warnings" in checked.stdout


@pytest.mark.parametrize("service", ["gateway", "ingest", "rules"])
def test_a_wrong_configuration_is_an_error_not_a_traceback(tmp_path: Path, service: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("data_dir: 3\nsurprise: true\n")
    refused = cunmai(service, "run", "--config", str(config))
    assert refused.returncode == 2
    assert f"{config}:2: surprise" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_missing_extra_names_what_to_install(tmp_path: Path) -> None:
    """As on a kiosk, where the server's packages are not installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('cryptography', 'fastapi', 'httpx'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Block())\n"
    )
    for verb in (("rules", "run"), ("rules", "sms-check"), ("registry", "check")):
        refused = cunmai(*verb, "--config", "none.yaml", PYTHONPATH=str(tmp_path))
        assert refused.returncode == 2
        assert "pip install 'cunmai[server]'" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert cunmai("rules", "check", PYTHONPATH=str(tmp_path)).returncode == 0  # it needs none of them
