"""The demo as a newcomer runs it, with the zero-install broker: no root, no server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

RECORDING = "bidmc/bidmc_{}_Numerics.csv"


def demo(*arguments: str, timeout_s: float = 150) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cunmai", "demo", "--broker", "amqtt", *arguments],
        capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip


def report_of(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def test_it_measures_stores_judges_and_pages(tmp_path: Path) -> None:
    """As `./dev demo --for 60s`, four times faster."""
    path = tmp_path / "r.json"
    ran = demo("--for", "20s", "--speed", "4", "--report", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = report_of(path)
    assert report["measured"] == report["stored"] == report["judged"] > 100
    assert (report["lost"], report["duplicated"], report["quarantined"]) == (0, 0, 0)
    assert report["exams"] == 1
    (escalation,) = [one for one in report["escalations"] if one["sms"]]
    assert (escalation["resident"], escalation["rule"], escalation["grade"]) == (
        "R-7F3K",
        "spo2-severe",
        "red",
    )
    assert escalation["sms"][0] == {"to": "village-doctor", "state": "accepted"}
    assert escalation["rule_version"].startswith("1-")
    assert report["latency_ms"]["p50"] > 0
    assert (report["speed"], report["times"]) == (4, "simulated")
    assert (escalation["status"], escalation["answers"]) == ("open", [])
    for words in (
        "对账单 Ledger",
        "短信已被接收",
        "收到超声检查",
        "R-2M9D: 人工录入 entered by a person: 呼吸次数",
    ):
        assert words in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_recorded_desaturation_escalates(tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "r.json"
    ran = demo("--replay", str(data_dir / RECORDING.format("22")), "--speed", "20", "--report", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = report_of(path)
    assert report["measured"] == report["stored"] == report["judged"]
    assert {one["rule"] for one in report["escalations"] if one["sms"]} == {"spo2-severe"}


def test_a_respiration_artefact_sends_no_sms(tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "r.json"
    ran = demo("--replay", str(data_dir / RECORDING.format("13")), "--speed", "40", "--report", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = report_of(path)
    assert report["measured"] == report["stored"] == report["judged"] > 481
    assert report["escalations"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_the_ledger_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cunmai", "demo", "--broker", "amqtt"],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if "oximeter-2" in line:
            break
    phone = next(word for word in told.split() if word.startswith("http://127.0.0.1:"))
    with urllib.request.urlopen(phone) as page:
        assert "医生的手机" in page.read().decode()
    time.sleep(2)
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "对账单 Ledger" in rest
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--for", "soon"), "'soon' is no span of time"),
        (("--for", "0s"), "is no span of time"),
        (("--speed", "1000"), "within 1 to 100"),
        (("--replay", "nowhere.csv"), "nowhere.csv"),
        (("--report", "nowhere/r.json"), "cannot be written to nowhere/r.json"),
        (("--report", "/"), "cannot be written to /"),
    ],
)
def test_a_wrong_option_is_said_in_a_sentence(arguments: tuple[str, str], words: str) -> None:
    refused = demo(*arguments)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
