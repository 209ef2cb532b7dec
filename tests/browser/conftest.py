"""The doctors' pages; the kiosk's tests have a bench of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.rules_bench import Bench
from support.sms_sink import SmsSink


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with SmsSink() as sink:
        bench = Bench(tmp_path, sink)
        yield bench
        bench.close()
