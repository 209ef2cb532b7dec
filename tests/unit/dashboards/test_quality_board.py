"""The dashboard of alarm quality: valid by Grafana's schema, and never green."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards
from support.boards import faults_of, grafana_schemas


@pytest.fixture
def board() -> dict[str, Any]:
    return dashboards()["quality.json"]


def test_it_is_valid_by_grafanas_schema_and_a_seeded_fault_is_caught(
    board: dict[str, Any], data_dir: Path
) -> None:
    schemas = grafana_schemas(data_dir)
    assert faults_of(board, schemas) == []
    broken = copy.deepcopy(board)
    broken["panels"][8]["options"]["sortBy"] = "Day"
    assert any("Day" in fault for fault in faults_of(broken, schemas))


def test_names_that_others_rely_on_are_stable(board: dict[str, Any]) -> None:
    assert board["uid"] == "cunmai-quality"
    assert [panel["id"] for panel in board["panels"]] == list(range(1, 14))
    sources = {json.dumps(panel["datasource"]) for panel in board["panels"]}
    assert sources == {json.dumps({"type": "influxdb", "uid": "cunmai-influxdb"})}


def test_panels_fill_the_width_and_do_not_overlap(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)) == 24 * (1 + max(y for _, y in cells))


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


def test_titles_are_chinese_first_with_english_beside(board: dict[str, Any]) -> None:
    for title in [board["title"], *(panel["title"] for panel in board["panels"])]:
        assert re.match(r"^[\u4e00-\u9fff].*[A-Za-z]", title), title
