"""Commands are obeyed once, and only acknowledged when that is on the disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from cunmai_gateway.commanded import Commanded
from cunmai_gateway.spool import MOST_OBEYED, Spool
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_wire.commands import Configure

STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"


def resend(id_: str) -> bytes:
    return json.dumps(
        {"v": 1, "id": id_, "at": 1, "command": "resend", "stream": STREAM, "ranges": [[1, 2]]}
    ).encode()


def configure(id_: str, version: int) -> bytes:
    return json.dumps(
        {"v": 1, "id": id_, "at": 1, "command": "configure", "version": version, "configuration": {}}
    ).encode()


def prompt(id_: str) -> bytes:
    return json.dumps(
        {
            "v": 1,
            "id": id_,
            "at": 1,
            "command": "prompt",
            "device": "oxi-1",
            "rule": "r",
            "zh": "歇",
            "en": "rest",
            "until": 2,
        }
    ).encode()


class Gateway:
    """What a command can reach, over one spool file that outlives it."""

    def __init__(self, path: Path) -> None:
        self.spool = SpoolThread(lambda: Spool(path, created_ms=1))
        self.resent = 0
        self.configured: list[int] = []
        self.prompted: list[str] = []
        self.commanded = Commanded(
            self.spool, self._resend, self._configure, lambda one: self.prompted.append(one.id), retry_s=0.02
        )

    def _resend(self) -> None:
        self.resent += 1

    async def _configure(self, command: Configure) -> None:
        self.configured.append(command.version)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "spool.sqlite")
    await gateway.spool.open()
    yield gateway
    await gateway.spool.close()


async def test_a_command_that_is_delivered_again_is_not_obeyed_again(
    gateway: Gateway, tmp_path: Path
) -> None:
    for payload in (resend("c1"), resend("c1"), configure("c2", 7), configure("c2", 7), resend("c3")):
        await gateway.commanded.take(payload)
    assert (gateway.resent, gateway.configured) == (2, [7])
    again = Gateway(tmp_path / "spool.sqlite")
    await again.spool.open()
    for payload in (resend("c1"), configure("c2", 7), resend("c4")):
        await again.commanded.take(payload)
    assert (again.resent, again.configured) == (1, [])
    await again.spool.close()


async def test_it_waits_for_the_disk_before_it_is_done(gateway: Gateway) -> None:
    await gateway.spool.use(lambda spool: spool._db.execute("PRAGMA query_only = 1"))
    taking = asyncio.create_task(gateway.commanded.take(resend("c1")))
    async with asyncio.timeout(10):
        while gateway.resent < 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    assert not taking.done()
    await gateway.spool.use(lambda spool: spool._db.execute("PRAGMA query_only = 0"))
    async with asyncio.timeout(10):
        await taking
    assert await gateway.spool.use(lambda spool: spool.was_obeyed("c1"))


async def test_a_prompt_waits_for_no_disk_and_leaves_nothing_on_it(gateway: Gateway) -> None:
    await gateway.spool.use(lambda spool: spool._db.execute("PRAGMA query_only = 1"))
    async with asyncio.timeout(10):
        await gateway.commanded.take(prompt("p1"))
    assert gateway.prompted == ["p1"]
    assert not await gateway.spool.use(lambda spool: spool.was_obeyed("p1"))
    await gateway.spool.use(lambda spool: spool._db.execute("PRAGMA query_only = 0"))
    await gateway.commanded.take(resend("c1"))
    assert gateway.resent == 1


async def test_what_is_no_command_is_refused(gateway: Gateway) -> None:
    with pytest.raises(ValidationError):
        await gateway.commanded.take(b'{"v":1,"id":"c1","at":1,"command":"explode"}')
    assert not await gateway.spool.use(lambda spool: spool.was_obeyed("c1"))


async def test_the_memory_of_ids_is_bounded_and_keeps_the_newest(gateway: Gateway) -> None:
    def many(spool: Spool) -> tuple[int, bool, bool]:
        for number in range(MOST_OBEYED + 50):
            spool.obeyed(f"c{number}")
        (kept,) = spool._db.execute("SELECT count(*) FROM obeyed").fetchone()
        return kept, spool.was_obeyed("c49"), spool.was_obeyed("c50")

    assert await gateway.spool.use(many) == (MOST_OBEYED, False, True)
