"""Parts of the demo: its phone's port, its words, its report, being told to stop."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from rich.console import Console

from cunmai.demo.narrator import Narrator, clinic_time
from cunmai.demo.phone import taken_port
from cunmai.demo.report import make_report
from cunmai.demo.stopping import stop_asked
from cunmai_gateway.kiosk.entering import BY_HAND
from cunmai_rules.thresholds.events import Reason
from cunmai_runtime.clock import ScaledClock
from cunmai_wire.events import Answer, Lane
from support.rules_bench import Bench
from support.sms_sink import SmsSink

T_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z, and 11:04:05 in the clinics


def told(event: str, **facts: object) -> str:
    page = io.StringIO()
    narrator = Narrator(Console(file=page, width=200), {}, {"village": "村医"}, lambda: T_MS)
    with pytest.raises(structlog.DropEvent):
        narrator(None, "info", {"event": event, "level": "info", **facts})
    return page.getvalue().strip()


def test_a_second_demo_shows_an_address_of_its_own() -> None:
    with taken_port(0) as first:
        port = first.getsockname()[1]
        with taken_port(port) as second:
            assert second.getsockname()[1] != port


CHANGES_NO_GRADE = {
    Reason.NO_VALUE, Reason.QUALITY_GATED, Reason.SPELL_GOES_ON, Reason.STILL_RAISED, Reason.CLEARING,
    Reason.OUT_OF_ORDER, Reason.OUT_OF_ORDER_LOW,
}  # fmt: skip


@pytest.mark.parametrize("reason", sorted(set(Reason) - CHANGES_NO_GRADE))
def test_no_code_of_a_reason_is_shown(reason: Reason) -> None:
    line = told("rules.grade", subject="R-1", rule="spo2-low", grade="grey", reason=reason)
    assert "_" not in line
    assert line.startswith("11:04:05")


@pytest.mark.parametrize("kind", sorted(BY_HAND))
def test_what_a_person_entered_is_told_without_what_it_says(kind: str) -> None:
    line = told("kiosk.entered", kind=kind, resident=None)
    assert line.startswith("11:04:05  居民 resident 未登记 nobody yet: 人工录入")


def test_an_answer_is_told_as_it_is_given() -> None:
    line = told("rules.answered", contact="village", answer=Answer.REFERRED)
    assert line == "11:04:05  村医 答复 answered: 转诊 referred"


def test_an_escalation_is_told_in_words() -> None:
    line = told("rules.escalation", subject="R-1", rule="spo2-low", version="1-0", lane=Lane.REVIEW)
    assert "待复核 review" in line


def test_times_are_those_of_the_clinics() -> None:
    assert clinic_time(T_MS) == "11:04:05"


def test_the_report_holds_the_answers_and_says_whether_its_times_are_real(tmp_path: Path) -> None:
    with SmsSink() as sink:
        bench = Bench(tmp_path, sink)
        bench.desaturate()
        bench.answers(Answer.SEEN)
        bench.answers(Answer.CONTACTED)
        bench.close()
    report = make_report([], bench.journal, ScaledClock(20))
    assert (report["speed"], report["times"]) == (20, "simulated")
    (escalation,) = report["escalations"]
    assert escalation["status"] == "closed"
    assert escalation["answers"] == [
        {"contact": "village", "answer": answer, "at": "2026-01-02T03:04:25+00:00"}
        for answer in ("seen", "contacted")
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals) -> None:
    async def work() -> None:
        with stop_asked() as asked:
            os.kill(os.getpid(), number)
            await asked.wait()
            os.kill(os.getpid(), number)
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())


@pytest.mark.parametrize("verb", ["ingest", "rules", "gateway", "demo"])
def test_ctrl_c_while_it_loads_is_a_quiet_end(verb: str, tmp_path: Path) -> None:
    arguments = [verb] if verb == "demo" else [verb, "run", "--config", str(tmp_path / "none.yaml")]
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "cunmai", *arguments], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    told = ""
    while "typer" not in told:  # it is in the middle of its imports
        told += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode in (130, 2)  # 2: it was quicker than the signal, and there is no such file
    assert "Traceback" not in told + rest


def test_the_version_is_told() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "cunmai", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("cunmai ")


def test_that_somebody_is_well_is_told_once() -> None:
    stage = io.StringIO()
    narrator = Narrator(Console(file=stage, width=200), {}, {}, lambda: T_MS)
    grades = [("spo2-low", "green", "grey"), ("pulse", "green", "grey"), ("pulse", "red", "green")]
    for rule, grade, previous in grades:
        event = {"event": "rules.grade", "subject": "?cz-01/oxi-1", "rule": rule, "grade": grade}
        with pytest.raises(structlog.DropEvent):
            narrator(None, "info", event | {"previous": previous, "reason": Reason.NORMAL})
    first, second = stage.getvalue().splitlines()
    assert first.endswith("设备 device cz-01/oxi-1: 绿 green")
    assert "pulse: 红 red" in second
