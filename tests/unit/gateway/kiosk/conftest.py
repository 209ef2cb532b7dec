"""One kiosk per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kiosk import Bench, kiosk_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with kiosk_bench(tmp_path, assigned={"oxi-1": None, "oxi-home": "R-HOME", "bp-1": None}) as bench:
        yield bench
