"""The dashboard of alarm quality: never green."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards


@pytest.fixture
def board() -> dict[str, Any]:
    return dashboards()["quality.json"]


def test_names_that_others_rely_on_are_stable(board: dict[str, Any]) -> None:
    assert board["uid"] == "cunmai-quality"
    assert [panel["id"] for panel in board["panels"]] == list(range(1, 14))


def test_nothing_is_green(board: dict[str, Any]) -> None:
    """No precision is good enough by itself, and no wait is."""
    assert "green" not in json.dumps(board)


def test_what_is_not_known_says_so_and_is_grey(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"] == "未知 unknown"
        if panel["type"] == "stat":
            (missing,) = defaults["mappings"]
            assert missing["options"]["result"]["color"] == "#808080"


def test_no_panel_asks_who_the_resident_was(board: dict[str, Any]) -> None:
    assert not re.search(r"resident|device", json.dumps(board))
