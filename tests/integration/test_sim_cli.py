"""`cunmai sim` as its users run it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient
from typer.testing import CliRunner, Result

from cunmai_sim.air import remote_central
from cunmai_sim.cli import app
from cunmai_sim.codec import CONTINUOUS

CODE = "from cunmai_sim.cli import app; app()"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def _lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def short_csv(tmp_path: Path) -> Path:
    path = tmp_path / "short.csv"
    path.write_text("second,oxygen,beats\n0,97,70\n1,bad,71\n2,NaN,NaN\n3,84,104\n")
    return path


SHORT_MAP = "spo2=oxygen,pulse=beats,time=second"


def test_replay_prints_a_line_for_every_frame_received(short_csv: Path) -> None:
    result = _run("replay", str(short_csv), "--map", SHORT_MAP, "--speed", "100", "--spot-every", "2")
    assert result.exit_code == 0
    frames = _lines(result)
    assert [
        (frame["at_s"], frame["characteristic"]) for frame in frames if frame["characteristic"] == "2A5F"
    ] == [
        (0, "2A5F"),
        (2, "2A5F"),
        (3, "2A5F"),
    ]
    assert [frame["at_s"] for frame in frames if frame["characteristic"] == "2A5E"] == [0, 3]
    assert frames[0] == {
        "at_s": 0.0,
        "characteristic": "2A5F",
        "hex": "0c" + "61004600" + "2000" + "000000",
        "spo2_pct": 97.0,
        "pulse_bpm": 70.0,
        "perfusion_index_pct": None,
        "finger": True,
    }
    (dropout,) = [frame for frame in frames if frame["at_s"] == 2]
    assert dropout["hex"] == "0c" + "ff07ff07" + "2000" + "000000"
    assert dropout["spo2_pct"] is None


def test_replay_tells_what_it_took_and_what_it_skipped(short_csv: Path) -> None:
    told = _run("replay", str(short_csv), "--map", SHORT_MAP, "--speed", "100").stderr
    assert "replaying short.csv (map: spo2=oxygen, pulse=beats, time=second)" in told
    assert f"skipped {short_csv}:3: oxygen: 'bad' 不是数字 / 'bad' is not a number" in told
    assert "3 samples, 3 frames sent, 3 received, 1 rows skipped" in told


@pytest.mark.parametrize("recording", ["bidmc/bidmc_22_Numerics.csv", "varied_fio2/100001.csv"])
def test_replay_recognises_the_recordings(data_dir: Path, tmp_path: Path, recording: str) -> None:
    """The first ten rows of each, so that the test need not wait."""
    short = tmp_path / "short.csv"
    short.write_bytes(b"".join((data_dir / recording).read_bytes().splitlines(keepends=True)[:11]))
    result = _run("replay", str(short), "--speed", "100")
    assert result.exit_code == 0
    assert [frame["at_s"] for frame in _lines(result)] == list(range(10))


def test_scenarios_are_listed() -> None:
    result = _run("scenarios")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "stable",
        "desaturation",
        "recovery",
        "finger-off",
        "visit",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["replay", "/nowhere.csv"], "cannot read /nowhere.csv: No such file or directory"),
        (["replay", "/"], "cannot read /: Is a directory"),
        (["replay", "CSV"], "CSV:1: 无法识别的表头"),
        (["replay", "CSV", "--map", "oxygen"], "cannot read 'oxygen' in --map"),
        (["replay", "CSV", "--map", "spo2=o2"], "there is no column 'o2'"),
        (["replay", "CSV", "--map", SHORT_MAP, "--speed", "0"], "the speed must be within 1 to 100, not 0"),
        (["replay", "CSV", "--map", SHORT_MAP, "--speed", "101"], "not 101"),
        (
            ["replay", "CSV", "--map", SHORT_MAP, "--spot-every", "0"],
            "spot checks must be at least 1 s apart",
        ),
        (["replay", "CSV", "--map", SHORT_MAP, "--serve", "tcp:1"], "expected tcp-server:127.0.0.1:PORT"),
        (["serve"], "choose one of --scenario and --replay"),
        (["serve", "--scenario", "stable", "--replay", "CSV"], "choose one of --scenario and --replay"),
        (["serve", "--scenario", "asystole"], "no scenario asystole; there are stable"),
        (
            ["serve", "--scenario", "stable", "--listen", "tcp-server:0.0.0.0:1"],
            "loopback only, not on 0.0.0.0",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_status_2(
    short_csv: Path, arguments: list[str], expected: str
) -> None:
    result = _run(*(str(short_csv) if argument == "CSV" else argument for argument in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    (sentence,) = result.stderr.splitlines()
    assert expected.replace("CSV", str(short_csv)) in sentence
    assert " / " in sentence


def test_a_taken_port(short_csv: Path) -> None:
    import socket  # noqa: PLC0415

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"tcp-server:127.0.0.1:{taken.getsockname()[1]}"
        result = _run("serve", "--scenario", "stable", "--listen", listen)
    assert result.exit_code == 2
    assert "cannot listen on 127.0.0.1" in result.stderr


def test_without_the_radio_stack_it_says_what_to_install(short_csv: Path) -> None:
    code = f"import sys; sys.modules['bumble'] = None\n{CODE}"
    done = subprocess.run(
        [sys.executable, "-c", code, "replay", str(short_csv), "--map", SHORT_MAP],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("bumble is missing: install cunmai[sim]")
    assert "Traceback" not in done.stderr


def test_help_does_not_load_the_radio_stack() -> None:
    code = "import sys, cunmai_sim.cli; print(sorted({'bumble', 'bleak', 'pydicom'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"


def test_ctrl_c_ends_a_looping_replay_with_its_summary(short_csv: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CODE, "replay", str(short_csv), "--map", SHORT_MAP, "--loop"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["at_s"] == 0
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "samples, " in told.splitlines()[-1]
    assert "Traceback" not in told


async def test_replay_can_serve_a_gateway_elsewhere(short_csv: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", CODE),
        *("replay", str(short_csv), "--map", SHORT_MAP, "--speed", "10"),
        *("--serve", "tcp-server:127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    listening = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    central = await remote_central(listening["client"], "F0:F1:F2:F3:F4:F5")
    client = BleakClient("F0:0D:00:00:18:22", backend=central.client, timeout=5)
    await client.connect()
    frames: list[str] = []
    await client.start_notify(CONTINUOUS, lambda _c, value: frames.append(value.hex()[2:10]))
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert frames == ["61004600", "ff07ff07", "54006800"]
    ended = json.loads(out.decode().splitlines()[-1])
    assert (ended["event"], ended["continuous_sent"], ended["unheard"]) == ("ended", 3, 0)
    await central.close()


def test_the_catalogue_is_listed_and_a_wrong_name_is_refused() -> None:
    listing = _run("devices")
    assert listing.exit_code == 0
    assert "contec       F0:0D:00:00:FF:12  contec          康泰血氧仪" in listing.stdout
    refused = _run("serve", "--device", "toaster", "--listen", "tcp-server:127.0.0.1:0")
    assert refused.exit_code == 2
    assert "no device toaster" in refused.stderr
    assert "glucose" in refused.stderr
