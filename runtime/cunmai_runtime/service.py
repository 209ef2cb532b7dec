"""Running a service until it is told to stop, alone in its folder, with files that only it can read."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from cunmai_runtime.errors import UserError

OPEN_FILES = 4096
"""What a service asks for. The usual soft limit of 1024 is of the days of select()."""


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, so that a service ends its loop in good order."""
    stop = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def sole_service(name: str, data_dir: Path) -> Iterator[None]:
    """For as long as the block lasts: the only `cunmai NAME run` on this folder, with private new files.

    Raises UserError where another one runs, or where the folder cannot be used.
    """
    before = os.umask(0o077)
    try:
        _raise_open_files()
        with _locked(name, data_dir):
            yield
    finally:
        os.umask(before)


def _raise_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _locked(name: str, data_dir: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends, and needs no cleaning up."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = os.open(data_dir / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(
            f"数据目录 {data_dir} 不可用({error.strerror}), 请检查权限或改 data_dir / "
            f"the data folder {data_dir} cannot be used ({error.strerror}): check its rights or change data_dir"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise UserError(
            f"另一个 cunmai {name} run 正在使用 {data_dir}, 请先停掉它 / "
            f"another `cunmai {name} run` is using {data_dir}: stop that one first"
        ) from None
    try:
        yield
    finally:
        os.close(file)
