"""One story, one file. Each is told over SQLite; those marked `on_postgresql_too` over PostgreSQL as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

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
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine has such a place: a story commits hundreds of times, and no power fails here."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="cunmai-story-", dir=memory) as made:
        yield Path(made)


@pytest.fixture
def stages(journal_at: JournalAt | None, folder: Path) -> Iterator[Stages]:
    """For a story in a county with other rules, providers or settings than usual."""
    stages = Stages(folder, journal_at)
    yield stages
    for stage in stages.made:
        stage.curtain()


@pytest.fixture
def stage(stages: Stages) -> Stage:
    """The county on a Tuesday morning, with nothing amiss."""
    return stages()
