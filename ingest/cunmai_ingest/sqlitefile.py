"""Opening a SQLite file, with every fault in one sentence that names the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from cunmai_runtime.errors import UserError
from cunmai_runtime.sqlite import open_database


def open_file(what: str, path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """As `open_database`, but whatever keeps the file from being opened is a UserError."""
    try:
        return open_database(path, migrations)
    except (sqlite3.DatabaseError, OSError) as error:
        raise UserError(f"打不开数据库文件 {path} / {what} at {path} cannot be opened: {error}") from None
