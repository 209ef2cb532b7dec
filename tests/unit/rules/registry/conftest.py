"""A registry over each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import Cluster
from support.registry import Registry


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def registry(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Registry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    at = data = None
    if request.param == "postgres":
        cluster: Cluster = request.getfixturevalue("postgres")
        at, data = cluster.schema(), cluster.data
    registry = Registry(folder, at, data)
    yield registry
    registry.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Registry]:
    """The embedded kind alone: for what no database has a part in, or many small cases."""
    folder = tmp_path / "registry"
    folder.mkdir()
    registry = Registry(folder)
    yield registry
    registry.close()
