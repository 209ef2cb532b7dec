"""Which buckets the ingest processes of this machine have claimed, so that no two store the same gateways.

A claim is a file with a lock that the operating system lets go of when its process ends, however it ends.
Processes see one another where they share `claims_dir`; across machines nobody sees anybody.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cunmai_ingest.settings import IngestSettings
from cunmai_runtime.errors import UserError
from cunmai_wire.topics import BUCKETS

_SUFFIX = ".claim"


@contextmanager
def claimed(settings: IngestSettings) -> Iterator[None]:
    """Hold this process's claim for the length of the block.

    Raises UserError where a running process has the same id, the same book, or any of the same buckets.
    """
    folder = settings.claims_dir or settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"{settings.id}{_SUFFIX}"
    with own.open("a+", encoding="utf-8") as file:
        if not _lock(file):
            raise UserError(
                f"已有同名的入库进程 {settings.id} 在运行 / an ingest process with the id {settings.id} is running"
            )
        file.truncate(0)
        file.write(json.dumps({"data_dir": str(settings.data_dir.resolve()), "buckets": settings.buckets}))
        file.flush()
        # Only now the others: of two that start at once, at least one sees the other.
        for other in sorted(folder.glob(f"*{_SUFFIX}")):
            if other != own:
                _compare(settings, other)
        yield


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _compare(settings: IngestSettings, other: Path) -> None:
    with other.open("r", encoding="utf-8") as file:
        if _lock(file):  # Nobody holds it: its process has ended.
            return
        try:
            claim = json.load(file)
            data_dir, theirs = str(claim["data_dir"]), _buckets(claim["buckets"])
        except (ValueError, LookupError, TypeError):
            return
    name = other.name.removesuffix(_SUFFIX)
    if data_dir == str(settings.data_dir.resolve()):
        raise UserError(
            f"data_dir 已被进程 {name} 使用 / data_dir {data_dir} is in use by the ingest process {name}: "
            "give each its own"
        )
    shared = sorted(theirs & _buckets(settings.buckets))
    if shared:
        raise UserError(
            f"桶 {', '.join(shared[:5])} 已由进程 {name} 负责 / bucket {', '.join(shared[:5])} is stored by the "
            f"running ingest process {name}: give each its own buckets"
        )


def _buckets(buckets: str | list[str] | tuple[str, ...]) -> set[str]:
    return {f"{number:02d}" for number in range(BUCKETS)} if buckets == "+" else set(buckets)
