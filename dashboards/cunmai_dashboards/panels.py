"""The four shapes of panel, each with what it does when there is nothing to show."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from cunmai_dashboards import style
from cunmai_dashboards.influxql import InfluxQL, Query

Panel = stat.Panel | timeseries.Panel | statetimeline.Panel | table.Panel

_GAP_MS = 120_000
"""Readings further apart than this are not joined by a line."""

_SHORTEST_INTERVAL = "1s"

_NOT_TIME = "/^(?!Time$).+/"
"""Every column but the time: a stat shows only numbers unless told otherwise."""

TIME_COLUMN = "Time"
"""What Grafana calls the time of a row."""


def newest(title: str, description: str, query: str, *, alias: str | None = None) -> stat.Panel:
    """The newest value in the period shown, or unknown in grey."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .with_target(Query(InfluxQL(query, alias=alias or title)))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields(_NOT_TIME))
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.BACKGROUND)
        .no_value(style.UNKNOWN)
        .mappings(style.MISSING)
        .thresholds(style.always(style.GREY))
    )


def graph(title: str, query: str) -> timeseries.Panel:
    """One line through time. Where nothing was measured there is no line."""
    return (
        timeseries.Panel()
        .title(title)
        .with_target(Query(InfluxQL(query, alias=title)))
        .interval(_SHORTEST_INTERVAL)
        .span_nulls(_GAP_MS)
        .show_points(common_models.VisibilityMode.AUTO)
        .line_width(2)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color("blue"))
        .no_value(style.UNKNOWN)
    )


def timeline(
    title: str,
    description: str,
    query: str,
    mappings: list[models.ValueMapping],
    *,
    alias: str | None = None,
) -> statetimeline.Panel:
    """States through time, each in its colour; what has no colour of its own is grey."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .with_target(Query(InfluxQL(query, alias=alias or title)))
        .interval(_SHORTEST_INTERVAL)
        .show_value(common_models.VisibilityMode.AUTO)
        .mappings(mappings)
        .thresholds(style.always(style.GREY))
        .no_value(style.UNKNOWN)
    )


def merged_table(
    title: str,
    description: str,
    queries: Sequence[str],
    columns: dict[str, str],
    words: list[models.ValueMapping],
) -> table.Panel:
    """Rows of several queries in one table, the newest first.

    `columns`: name to title, in order. `words` apply to every column: a value means the same in each.
    """
    rename = {"renameByName": columns, "indexByName": {name: place for place, name in enumerate(columns)}}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(models.DataTransformerConfig(id_val="organize", options=rename))
        .sort_by([common.TableSortByFieldState().display_name(columns[TIME_COLUMN]).desc(True)])
        .cell_options(
            common_models.TableColoredBackgroundCellOptions(
                mode=common_models.TableCellBackgroundDisplayMode.BASIC, apply_to_row=False
            )
        )
        .mappings(words)
        .thresholds(style.always(style.NOTHING))
    )
    for ref, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(Query(InfluxQL(query, ref=ref, result="table")))
    return panel
