"""The resident dashboard: valid by Grafana's schema, honest about what is missing, and up to date on disk."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cunmai_dashboards.build import dashboards, stale, texts, write
from cunmai_wire.events import Answer, Grade, Lane, NoticeState
from cunmai_wire.readings import Consciousness, FollowUpMethod
from support.boards import Schemas, faults_of, grafana_schemas

GENERATED = Path(__file__).resolve().parents[3] / "dashboards" / "generated"
GREY = "#808080"


@pytest.fixture
def board() -> dict[str, Any]:
    return dashboards()["resident.json"]


@pytest.fixture(scope="module")
def schemas(data_dir: Path) -> Schemas:
    return grafana_schemas(data_dir)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("refesh",), "30s", "refesh"),
        (("panels", 4, "fieldConfig", "defaults", "treshholds"), {}, "treshholds"),
        (("panels", 4, "fieldConfig", "defaults", "custom", "thresholdsStyle", "mode"), "aera", "aera"),
        (("panels", 9, "options", "sortBy"), "Time", "Time"),
        (("graphTooltip",), 7, "7"),
    ],
)
def test_a_seeded_fault_is_caught(
    board: dict[str, Any], schemas: Schemas, path: tuple[Any, ...], value: object, said: str
) -> None:
    broken = copy.deepcopy(board)
    part = broken
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    faults = faults_of(broken, schemas)
    assert any(said in fault for fault in faults)


def test_the_generated_file_is_what_the_code_builds() -> None:
    assert stale(GENERATED) == []


def test_a_stale_or_missing_file_is_found(tmp_path: Path) -> None:
    assert stale(tmp_path) == [tmp_path / f"{name}.json" for name in ("ledger", "quality", "resident")]
    *_, path = write(tmp_path)
    assert stale(tmp_path) == []
    path.write_text(path.read_text().replace("93.01", "92"))
    assert stale(tmp_path) == [path]


def test_the_text_is_the_same_every_time() -> None:
    assert texts() == texts()
    assert texts()["resident.json"].endswith("}\n")


# -- what Grafana needs to find again -------------------------------------------------------------------


def test_names_that_others_rely_on_are_stable(board: dict[str, Any]) -> None:
    assert board["uid"] == "cunmai-resident"
    assert [variable["name"] for variable in board["templating"]["list"]] == ["gateway", "resident"]
    assert [panel["id"] for panel in board["panels"]] == list(range(1, 13))


def test_everything_asks_our_data_source(board: dict[str, Any]) -> None:
    sources = [found["datasource"] for found in _objects(board) if "datasource" in found]
    assert len(sources) == 12 + 16 + 2
    assert all(source == {"type": "influxdb", "uid": "cunmai-influxdb"} for source in sources)


@pytest.mark.parametrize(
    ("panel_id", "said"),
    [
        (10, [*Grade, *Lane, *NoticeState, *Answer]),
        (12, [*Consciousness, "true", "false", *FollowUpMethod]),
    ],
)
def test_a_table_knows_every_word_that_can_be_said(
    board: dict[str, Any], panel_id: int, said: list[str]
) -> None:
    (panel,) = (panel for panel in _panels(board, "table") if panel["id"] == panel_id)
    mappings = panel["fieldConfig"]["defaults"]["mappings"]
    words = [word for mapping in mappings for word in mapping["options"]]
    assert sorted(words) == sorted(said)
    titles = panel["transformations"][1]["options"]["renameByName"]
    selected = re.findall(r'"(\w+)"', " ".join(re.findall(r"SELECT (.*?) FROM", str(panel["targets"]))))
    assert set(titles) == {"Time", *selected}
    assert panel["options"]["sortBy"] == [{"displayName": titles["Time"], "desc": True}]


# -- missing is never green -----------------------------------------------------------------------------


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _panels(board: dict[str, Any], *types: str) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] in types]


def _mapped(panel: dict[str, Any], match: str) -> dict[str, Any] | None:
    """What a special value becomes, as Grafana decides it: the first mapping that matches."""
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", []):
        if mapping["type"] == "special" and match in mapping["options"]["match"]:
            result: dict[str, Any] = mapping["options"]["result"]
            return result
    return None


def test_every_panel_says_unknown_where_there_is_nothing(board: dict[str, Any]) -> None:
    shown = _panels(board, "stat", "timeseries", "state-timeline")
    assert len(shown) == 10
    assert {panel["fieldConfig"]["defaults"]["noValue"] for panel in shown} == {"未知 unknown"}


def test_a_missing_value_is_grey_and_named(board: dict[str, Any]) -> None:
    panels = _panels(board, "stat", "state-timeline")
    assert len(panels) == 6
    for panel in panels:
        result = _mapped(panel, "null")
        assert result is not None, panel["title"]
        assert (result["text"], result["color"]) == ("未知 unknown", GREY), panel["title"]


def test_text_is_never_taken_for_a_missing_number(board: dict[str, Any]) -> None:
    """Some versions of Grafana take any text for NaN, which would make every grade unknown."""
    for panel in board["panels"]:
        if re.search('"(quality|grade|answer)"', panel["targets"][0]["query"]):
            assert "nan" not in str(panel["fieldConfig"]), panel["title"]


def test_the_grades_have_their_colours_and_anything_else_is_grey(board: dict[str, Any]) -> None:
    grades = [
        panel for panel in board["panels"] if panel["targets"][0]["query"].count('FROM "grade_changed"')
    ]
    assert [panel["type"] for panel in grades] == ["stat", "state-timeline"]
    for panel in grades:
        defaults = panel["fieldConfig"]["defaults"]
        words = next(mapping["options"] for mapping in defaults["mappings"] if mapping["type"] == "value")
        colours = {grade: word["color"] for grade, word in words.items()}
        assert colours == {"red": "red", "yellow": "#EAB839", "green": "green", "grey": GREY}
        assert defaults["thresholds"]["steps"] == [{"value": None, "color": GREY}]


def test_a_graph_has_no_green_and_joins_no_gap(board: dict[str, Any]) -> None:
    graphs = _panels(board, "timeseries")
    assert len(graphs) == 4
    for panel in graphs:
        assert "green" not in json.dumps(panel["fieldConfig"])
        assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] == 120_000
        assert "fill(null)" in panel["targets"][0]["query"]


def _colour(panel: dict[str, Any], value: float) -> str:
    """The colour of a value: that of the last step at or below it, as Grafana decides it."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    colours: list[str] = [step["color"] for step in steps if step["value"] is None or step["value"] <= value]
    return colours[-1]


@pytest.mark.parametrize(
    ("spo2_pct", "colour"),
    [(85.0, "red"), (92.9, "red"), (93.0, "red"), (93.1, "#EAB839"), (94.9, "#EAB839"), (95.0, None)],
)
def test_low_oxygen_is_red_up_to_and_including_93_and_yellow_below_95(
    board: dict[str, Any], spo2_pct: float, colour: str | None
) -> None:
    stat, graph = (panel for panel in board["panels"] if '"spo2_pct"' in panel["targets"][0]["query"])
    assert _colour(stat, spo2_pct) == (colour or "green")
    assert _colour(graph, spo2_pct) == (colour or "transparent")


def test_the_limits_are_drawn(board: dict[str, Any]) -> None:
    graph = next(panel for panel in board["panels"] if panel["title"].startswith("血氧饱和度"))
    assert graph["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "line+area"}
    steps = graph["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [round(step["value"]) for step in steps if step["value"] is not None] == [93, 95]
