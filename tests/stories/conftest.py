"""One story, one file. Each is told over SQLite; those marked `on_postgresql_too` over PostgreSQL as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_rules.journal.database import JournalAt
from support.postgres import Cluster
from support.stage import Stage, Stages


@pytest.fixture
def journal_at(request: pytest.FixtureRequest) -> JournalAt | None:
    """Where the story's journal is. None: a file of its own."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return None
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.schema()


@pytest.fixture
def stages(journal_at: JournalAt | None, tmp_path: Path) -> Iterator[Stages]:
    """For a story in a county with other rules, providers or settings than usual."""
    stages = Stages(tmp_path, journal_at)
    yield stages
    for stage in stages.made:
        stage.curtain()


@pytest.fixture
def stage(stages: Stages) -> Stage:
    """The county on a Tuesday morning, with nothing amiss."""
    return stages()
