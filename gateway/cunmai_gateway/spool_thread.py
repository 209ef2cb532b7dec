"""The spool on a thread of its own, so that a slow disk never stalls the radio.

What SQLite says of the disk is sorted here: a full, busy or read-only disk may come right again and is
`SpoolUnavailable`; a damaged file is set aside and the work is done once more, in a new stream.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cunmai_gateway.spool import Spool
from cunmai_runtime.errors import Retryable

T = TypeVar("T")

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_WORDS = {
    sqlite3.SQLITE_FULL: "磁盘已满, 请清理出空间 / the disk is full: make room",
    sqlite3.SQLITE_READONLY: (
        "数据目录只读, 请检查磁盘是否损坏或挂载为只读 / the data directory is read-only: "
        "look whether the disk failed or is mounted read-only"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "打不开暂存文件, 请检查数据目录的权限 / the spool cannot be opened: check who may write the data directory"
    ),
    sqlite3.SQLITE_IOERR: "磁盘读写出错, 请检查磁盘 / the disk fails to read or write: check it",
    sqlite3.SQLITE_BUSY: "暂存文件被占用, 是否有两个网关在运行? / the spool is in use: do two gateways run?",
}


class SpoolUnavailable(Retryable):
    """The disk does not take or give anything now. The text says why and what to do."""


class SpoolThread:
    """Runs every use of one spool on the one thread that opened it."""

    def __init__(
        self,
        open_spool: Callable[[], Spool],
        *,
        replace_damaged: Callable[[str], Spool] | None = None,
    ) -> None:
        """`replace_damaged` sets the file aside, for this reason, and gives a spool with a new stream."""
        self._open = open_spool
        self._replace = replace_damaged
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._spool: Spool | None = None

    async def open(self) -> str:
        """Open the spool; its stream. Raises SpoolUnavailable, UserError, sqlite3.DatabaseError."""
        self._spool = await asyncio.get_running_loop().run_in_executor(self._executor, self._opened)
        return self._spool.stream

    def _opened(self) -> Spool:
        try:
            return self._open()
        except sqlite3.OperationalError as error:
            raise unavailable(error) from error

    async def use(self, work: Callable[[Spool], T]) -> T:
        """Run `work` with the spool and wait for its result. Raises SpoolUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._use, work)

    def _use(self, work: Callable[[Spool], T]) -> T:
        assert self._spool is not None, "open() comes first"
        try:
            return work(self._spool)
        except sqlite3.OperationalError as error:
            raise unavailable(error) from error
        except sqlite3.DatabaseError as error:
            if self._replace is None or _primary_code(error) not in _DAMAGED:
                raise
            self._spool.close()
            self._spool = self._replace(str(error))
            return work(self._spool)

    async def close(self) -> None:
        if self._spool is not None:
            await self.use(lambda spool: spool.close())
            self._spool = None
        self._executor.shutdown()


def unavailable(error: sqlite3.OperationalError) -> SpoolUnavailable:
    """What to tell the people at the kiosk."""
    words = _WORDS.get(_primary_code(error))
    return SpoolUnavailable(f"{words} ({error})" if words else str(error))


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
