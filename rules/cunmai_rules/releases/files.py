"""Reading and writing small files whole."""

from __future__ import annotations

from pathlib import Path

from cunmai_runtime.errors import UserError
from cunmai_runtime.slips import system_words
from cunmai_runtime.wholefile import write_whole

MOST_BYTES = 1 << 20


def read_bytes(path: Path) -> bytes:
    """Raises UserError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} 过大 / {path} is too large")
        return path.read_bytes()
    except OSError as error:
        zh, en = system_words(error)
        raise UserError(f"读不到 {path}({zh}) / cannot read {path}: {en}") from None


def write_durably(path: Path, content: bytes) -> None:
    """All of it or none. Raises UserError."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise UserError(
            f"{path} 写不进去({error.strerror}) / cannot write {path}: {error.strerror}"
        ) from None
