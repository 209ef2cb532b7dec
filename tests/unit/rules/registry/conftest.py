from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    registry = Registry(folder)
    yield registry
    registry.close()
