"""Reading and writing small files whole."""

from __future__ import annotations

import os
from pathlib import Path

from cunmai_runtime.errors import UserError

MOST_BYTES = 1 << 20


def read_bytes(path: Path) -> bytes:
    """Raises UserError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} 过大 / {path} is too large")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"读不到 {path}({error.strerror}) / cannot read {path}: {error.strerror}") from None


def write_durably(path: Path, content: bytes) -> None:
    """All of it or none: temporary file, fsync, rename. Raises UserError."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise UserError(
            f"{path} 写不进去({error.strerror}) / cannot write {path}: {error.strerror}"
        ) from None


def sync_folder(folder: Path) -> None:
    """Make what was renamed into a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
