"""A service is alone in its folder, its files are its own, and it may open enough of them."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cunmai_runtime.errors import UserError
from cunmai_runtime.service import OPEN_FILES, sole_service, stop_on_signals
from cunmai_runtime.sqlite import open_database


def test_a_second_one_on_the_same_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with sole_service("rules", tmp_path / "data"):
        with (
            pytest.raises(UserError, match=r"another `cunmai rules run` is using .*: stop that one first"),
            sole_service("rules", tmp_path / "data"),
        ):
            pytest.fail("two at once")
        with sole_service("ingest", tmp_path / "data"):
            """Another service may share the folder."""
    with sole_service("rules", tmp_path / "data"):
        """It is free again."""


def test_the_lock_of_a_killed_process_is_gone_with_it(tmp_path: Path) -> None:
    holder = (
        "import sys, time, pathlib\n"
        "from cunmai_runtime.service import sole_service\n"
        "with sole_service('rules', pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UserError), sole_service("rules", tmp_path):
            pytest.fail("two at once")
        process.kill()
        process.wait(10)
    with sole_service("rules", tmp_path):
        """It is free again."""


def test_a_folder_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be used"), sole_service("rules", tmp_path / "file" / "data"):
        pytest.fail("it is no folder")


def test_files_made_while_it_runs_are_for_nobody_else(tmp_path: Path) -> None:
    with sole_service("rules", tmp_path / "data"):
        db = open_database(tmp_path / "data" / "rules.sqlite", ("CREATE TABLE t (a);",))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
        db.close()
    assert modes == dict.fromkeys(modes, 0o600)
    assert {"rules.sqlite", "rules.sqlite-wal", "rules.lock"} <= set(modes)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_limit_of_open_files_is_raised(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        with sole_service("rules", tmp_path):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(OPEN_FILES, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_it_to_stop(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(10)
