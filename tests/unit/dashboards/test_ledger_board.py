"""The ledger's dashboard: never green."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards
from cunmai_wire.events import GapCondition, GapKind


@pytest.fixture
def board() -> dict[str, Any]:
    return dashboards()["ledger.json"]


def test_names_that_others_rely_on_are_stable(board: dict[str, Any]) -> None:
    assert board["uid"] == "cunmai-ledger"
    assert [panel["id"] for panel in board["panels"]] == list(range(1, 8))


def test_nothing_is_green(board: dict[str, Any]) -> None:
    """A ledger without a gap says only that nothing is known to be missing."""
    assert "green" not in json.dumps(board)


def test_a_figure_is_red_from_one_and_grey_where_there_is_none(board: dict[str, Any]) -> None:
    stats = [panel for panel in board["panels"] if panel["type"] == "stat"]
    assert len(stats) == 4
    for panel in stats:
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["thresholds"]["steps"] == [
            {"value": None, "color": "blue"},
            {"value": 1, "color": "red"},
        ]
        assert defaults["noValue"] == "未知 unknown"
        (missing,) = defaults["mappings"]
        assert missing["options"]["result"]["color"] == "#808080"


def test_the_events_know_every_word(board: dict[str, Any]) -> None:
    (panel,) = [panel for panel in board["panels"] if panel["title"].startswith("缺口事件")]
    words = [word for mapping in panel["fieldConfig"]["defaults"]["mappings"] for word in mapping["options"]]
    assert sorted(words) == sorted([*GapKind, *GapCondition])
