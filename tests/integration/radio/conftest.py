"""What every radio test uses. The tests themselves know of no backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.radio_bench import RadioBench
from support.radio_lab import radio_lab


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[RadioBench]:
    async with radio_lab() as lab:
        bench = RadioBench(tmp_path, lab)
        yield bench
        await bench.stop()
