"""One story, one file. Each is told over SQLite; those marked `on_postgresql_too` over PostgreSQL as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import Cluster
from support.stage import Stage


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """The county on a Tuesday morning, with nothing amiss."""
    at = None
    if getattr(request, "param", "sqlite") == "postgres":
        cluster: Cluster = request.getfixturevalue("postgres")
        at = cluster.schema()
    stage = Stage(tmp_path, at)
    yield stage
    stage.curtain()
