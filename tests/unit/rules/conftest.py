"""An engine, a notifier and the pages over one journal, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.rules_bench import Bench
from support.sms_sink import SmsSink


@pytest.fixture
def sink() -> Iterator[SmsSink]:
    with SmsSink() as sink:
        yield sink


@pytest.fixture
def bench(tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    bench = Bench(tmp_path, sink)
    yield bench
    bench.close()
