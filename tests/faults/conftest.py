"""Servers of a test's own, that it kills."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.postgres import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Unlike `postgres`, nobody else's, and it syncs its files."""
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.stop()
