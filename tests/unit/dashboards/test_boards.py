"""What holds for every dashboard: valid by Grafana's schema, one data source, a whole grid, Chinese first."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards
from support.boards import faults_of, grafana_schemas


@pytest.fixture(params=sorted(dashboards()))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dashboards()[request.param]


def test_it_is_valid_by_grafanas_schema_and_a_seeded_fault_is_caught(
    board: dict[str, Any], data_dir: Path
) -> None:
    schemas = grafana_schemas(data_dir)
    assert faults_of(board, schemas) == []
    broken = copy.deepcopy(board)
    next(panel for panel in broken["panels"] if panel["type"] == "table")["options"]["sortBy"] = "Day"
    assert any("Day" in fault for fault in faults_of(broken, schemas))


def test_every_panel_asks_our_data_source(board: dict[str, Any]) -> None:
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
    assert max(x for x, _ in cells) == 23


def test_titles_are_chinese_first_with_english_beside(board: dict[str, Any]) -> None:
    titles = [board["title"], *(panel["title"] for panel in board["panels"])]
    titles += [variable["label"] for variable in board["templating"]["list"]]
    for title in titles:
        assert re.match(r"^[\u4e00-\u9fff].*[A-Za-z]", title), title
