"""The spool on a thread of its own, so that a slow disk never stalls the radio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cunmai_gateway.spool import Spool

T = TypeVar("T")


class SpoolThread:
    """Runs every use of one spool on the one thread that opened it."""

    def __init__(self, open_spool: Callable[[], Spool]) -> None:
        self._open = open_spool
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._spool: Spool | None = None

    async def open(self) -> str:
        """Open the spool; its stream. Raises what opening it raises."""
        self._spool = await asyncio.get_running_loop().run_in_executor(self._executor, self._open)
        return self._spool.stream

    async def use(self, work: Callable[[Spool], T]) -> T:
        """Run `work` with the spool and wait for its result."""
        assert self._spool is not None, "open() comes first"
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, self._spool)

    async def close(self) -> None:
        if self._spool is not None:
            await self.use(Spool.close)
            self._spool = None
        self._executor.shutdown()
