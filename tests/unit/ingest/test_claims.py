"""Processes that would store the same gateways are refused at the start, where they can be seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cunmai_ingest.claims import claimed
from cunmai_ingest.settings import IngestSettings, SqliteSettings
from cunmai_runtime.errors import UserError


def _settings(folder: Path, name: str, buckets: Any, *, data_dir: str | None = None) -> IngestSettings:
    return IngestSettings(
        id=name,
        buckets=buckets,
        data_dir=folder / (data_dir or name),
        claims_dir=folder / "claims",
        store=SqliteSettings(kind="sqlite", path=folder / "store.sqlite"),
    )


def test_sets_that_do_not_overlap_run_side_by_side(tmp_path: Path) -> None:
    with (
        claimed(_settings(tmp_path, "in-a", ("00", "01"))),
        claimed(_settings(tmp_path, "in-b", ("02", "03"))),
    ):
        pass


@pytest.mark.parametrize("theirs", ["+", ("01", "63")])
def test_sets_that_overlap_are_refused_by_name(tmp_path: Path, theirs: Any) -> None:
    with (
        claimed(_settings(tmp_path, "in-a", theirs)),
        pytest.raises(UserError, match=r"01.* is stored by the running ingest process in-a"),
        claimed(_settings(tmp_path, "in-b", ("01", "02"))),
    ):
        pass
    with claimed(_settings(tmp_path, "in-b", ("01", "02"))):
        """The other has ended: nothing is left of its claim."""


def test_one_id_and_one_book_have_one_process(tmp_path: Path) -> None:
    with claimed(_settings(tmp_path, "in-a", ("00",))):
        with (
            pytest.raises(UserError, match="id in-a is running"),
            claimed(_settings(tmp_path, "in-a", ("05",))),
        ):
            pass
        with (
            pytest.raises(UserError, match="in use by the ingest process in-a"),
            claimed(_settings(tmp_path, "in-b", ("05",), data_dir="in-a")),
        ):
            pass


def test_a_claim_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from cunmai_ingest.claims import claimed\n"
        "from cunmai_ingest.settings import IngestSettings, SqliteSettings\n"
        "folder = Path(sys.argv[1])\n"
        "settings = IngestSettings(id='in-a', data_dir=folder / 'a', claims_dir=folder / 'claims',\n"
        "    store=SqliteSettings(kind='sqlite', path=folder / 's'))\n"
        "with claimed(settings):\n"
        "    print('held', flush=True); sys.stdin.read(); os._exit(9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UserError), claimed(_settings(tmp_path, "in-b", ("01",))):
            pass
        process.kill()
        process.wait(10)
    with claimed(_settings(tmp_path, "in-b", ("01",))):
        pass


def test_a_torn_claim_of_a_running_process_does_not_stop_others(tmp_path: Path) -> None:
    with claimed(_settings(tmp_path, "in-a", ("00",))):
        (tmp_path / "claims" / "in-a.claim").write_text("{")
        with claimed(_settings(tmp_path, "in-b", ("00",))):
            pass
