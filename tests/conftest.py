"""Fixtures that several suites share. The programs behind them are in tests/support/."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.broker import Mosquitto
from support.postgres import Cluster
from support.servers import need_program

ROOT = Path(__file__).resolve().parent.parent

# How fast examples come says how busy the machine is, nothing of the code.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The recorded vitals and vectors: `CUNMAI_DATA`, or ../shared/data beside the checkout."""
    path = Path(os.environ.get("CUNMAI_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        message = f"recorded data not found at {path}: set CUNMAI_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real broker of our own on a free port, with the settings we ship."""
    need_program("mosquitto")
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A real PostgreSQL of our own. Each test makes its `schema()` in it."""
    cluster = Cluster("fsync=off")
    cluster.start()
    yield cluster
    cluster.stop()
