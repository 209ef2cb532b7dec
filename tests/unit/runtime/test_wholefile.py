"""Small files that are written whole: cut off anywhere, the old one stands; a secret is never readable by others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_runtime.wholefile import write_whole


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_new_content_takes_the_place_of_the_old_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on-the-way" / "kept.json"
    write_whole(path, b"the first, longer one")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["kept.json"]


@pytest.mark.parametrize("step", ["os.open", "os.fsync", "pathlib.Path.replace"])
def test_a_write_that_fails_leaves_the_old_file_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, b"old")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, no_space)
        with pytest.raises(OSError, match="No space left"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    write_whole(path, b"newer")
    assert path.read_bytes() == b"newer"


def test_the_content_is_on_the_disk_before_the_rename_and_the_rename_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "kept.json", []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        seen.append(("folder" if is_folder else "file", path.exists()))

    monkeypatch.setattr("os.fsync", fsync)
    write_whole(path, b"content")
    assert seen == [("file", False), ("folder", True)]


def test_others_may_read_it_unless_it_is_a_secret(tmp_path: Path) -> None:
    write_whole(tmp_path / "open", b"")
    write_whole(tmp_path / "secret", b"", mode=0o600)
    assert (mode_of(tmp_path / "open"), mode_of(tmp_path / "secret")) == (0o644, 0o600)


def test_a_secret_does_not_take_the_mode_of_what_a_power_cut_left(tmp_path: Path) -> None:
    left = tmp_path / ".secret.new"
    left.write_bytes(b"half")
    left.chmod(0o666)
    write_whole(tmp_path / "secret", b"whole", mode=0o600)
    assert mode_of(tmp_path / "secret") == 0o600
