"""The dashboard of alarm quality: right or wrong by rule, how many pages a doctor gets, how long until somebody acts.

Everything is a sum of counts that the rules tell, by the moment an escalation was opened: the period shown
holds each one whole, and nobody's name. A share of nothing is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from cunmai_dashboards import style
from cunmai_dashboards.influxql import SOURCE, InfluxQL, Query
from cunmai_dashboards.panels import TIME_COLUMN, Panel, newest

UID = "cunmai-quality"

_WHERE = '"gateway" =~ /^$gateway$/ AND "team" =~ /^$team$/ AND $timeFilter'
_PAGES = f"\"lane\" = 'page' AND {_WHERE}"
_DAILY = "time(1d, 16h)"
"""Days of China begin at 16:00 UTC."""
_JUDGED = 'sum("acted") AS "acted", sum("acted") + sum("false_alarms") AS "judged"'


def quality_dashboard() -> models.Dashboard:
    """Build it: the same dashboard every time."""
    built = (
        dashboard.Dashboard("预警质量 Alarm quality")
        .uid(UID)
        .tags(["cunmai"])
        .time("now-30d", "now")
        .refresh("5m")
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(_variable("gateway", "网关 Gateway"))
        .with_variable(_variable("team", "团队 Team"))
    )
    for number, (panel, place) in enumerate(_layout(), 1):
        built.with_panel(panel.id(number).datasource(SOURCE).grid_pos(place))
    return built.build()


def _layout() -> list[tuple[Panel, models.GridPos]]:
    return [
        (_pages(), _at(0, 0, 6, 4)),
        (_unanswered(), _at(6, 0, 6, 4)),
        (_without_outcome(), _at(12, 0, 6, 4)),
        (_precision(), _at(18, 0, 6, 4)),
        (_wait("短信平台接收 Acceptance", "acceptance_s"), _at(0, 4, 6, 4)),
        (_wait("送达手机 Delivery", "delivery_s"), _at(6, 4, 6, 4)),
        (_wait("有人答复 First answer", "answer_s"), _at(12, 4, 6, 4)),
        (_wait("有处理结果 Outcome", "outcome_s"), _at(18, 4, 6, 4)),
        (_rules(), _at(0, 8, 24, 9)),
        (_load("每位医生的通知 Pages for each doctor", "person", "医生编号 Doctor"), _at(0, 17, 12, 9)),
        (_load("每个团队的通知 Pages for each team", "team", "团队编号 Team"), _at(12, 17, 12, 9)),
        (_by_day(), _at(0, 26, 12, 9)),
        (_waits_by_day(), _at(12, 26, 12, 9)),
    ]


def _at(x: int, y: int, width: int, height: int) -> models.GridPos:
    return models.GridPos(x=x, y=y, w=width, h=height)


def _variable(name: str, label: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f'SHOW TAG VALUES FROM "alarm_counted" WITH KEY = "{name}"')
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(text="All", value="$__all"))
    )


# -- whether anybody answers --------------------------------------------------------------------------


def _pages() -> stat.Panel:
    query = f'SELECT sum("pages") FROM "alarm_counted" WHERE {_WHERE}'  # noqa: S608 - constants
    panel = newest(
        "通知 Pages", "所选时段内发出的预警, 任务不计 / Raised in the period, tasks not counted.", query
    )
    return panel.thresholds(style.always(style.BLUE))


def _unanswered() -> stat.Panel:
    return _missing(
        "尚无人答复 Not answered",
        "包括刚刚发出的和后来撤回的 / Those just raised, and those withdrawn, are among them.",
        "answered",
    )


def _without_outcome() -> stat.Panel:
    return _missing(
        "尚无处理结果 No outcome yet",
        "只答“已看”不算处理 / Seeing is not handling.",
        "outcomes",
    )


def _missing(title: str, description: str, step: str) -> stat.Panel:
    query = f'SELECT sum("pages") - sum("{step}") FROM "alarm_counted" WHERE {_PAGES}'  # noqa: S608 - constants
    return newest(title, description, query).thresholds(style.steps((None, style.BLUE), (1, style.YELLOW)))


def _wait(title: str, field: str) -> stat.Panel:
    """Percentiles of the waits of those that got so far; who never answers is in `Not answered`."""
    query = (
        f'SELECT percentile("{field}", 50) AS "p50", percentile("{field}", 90) AS "p90"'  # noqa: S608 - constants
        f' FROM "alarm_counted" WHERE {_PAGES}'
    )
    panel = newest(
        f"{title}, p50 / p90",
        "从预警产生算起, 只算已发生的 / From the opening, of those where it has happened.",
        query,
        alias="$col",
    )
    return panel.unit("s").thresholds(style.always(style.BLUE))


# -- whether it was right -----------------------------------------------------------------------------


def _precision() -> stat.Panel:
    panel = newest(
        "正确率 Precision",
        "(已联系+转诊) ÷ (已联系+转诊+误报); 少于 10 次的不可据以改规则 / "
        "Acted upon, among those judged; fewer than 10 are no reason to change a rule.",
        _share(""),
    )
    return panel.unit("percent").thresholds(style.always(style.BLUE))


def _share(group: str) -> str:
    """InfluxQL takes a share of nothing for zero, so what nobody judged is left out."""
    inner = f'SELECT {_JUDGED} FROM "alarm_counted" WHERE {_WHERE}{group}'  # noqa: S608 - constants
    return f'SELECT 100 * "acted" / "judged" AS "precision" FROM ({inner}) WHERE "judged" > 0{group}'  # noqa: S608


def _rules() -> table.Panel:
    columns = {
        "rule": "规则 Rule",
        "pages": "通知 Pages",
        "reviews": "任务 Tasks",
        "acted": "有效 Acted upon",
        "false_alarms": "误报 False",
        "withdrawn": "撤回 Withdrawn",
        "judged": "已评 Judged",
        "precision": "正确率 % Precision, %",
    }
    sums = ", ".join(
        f'sum("{name}") AS "{name}"' for name in ("pages", "reviews", "acted", "false_alarms", "withdrawn")
    )
    counts = (
        f'SELECT {sums}, sum("acted") + sum("false_alarms") AS "judged"'  # noqa: S608 - constants
        f' FROM "alarm_counted" WHERE {_WHERE} GROUP BY "rule"'
    )
    panel = _grouped(
        "每条规则 By rule",
        "没有人评过的没有正确率, 不是 0 / What nobody has judged has no precision: that is not zero.",
        [counts, _share(' GROUP BY "rule"')],
        columns,
    )
    return panel.sort_by([common.TableSortByFieldState().display_name(columns["pages"]).desc(True)])


# -- whom it burdens ----------------------------------------------------------------------------------


def _load(title: str, tag: str, label: str) -> table.Panel:
    columns = {
        tag: label,
        "messages": "短信 Messages",
        "nuisance": "其中打扰 Nuisance",
        "a_day": "每天 A day",
        "most": "最多一天 Most in a day",
    }
    named = f"{_WHERE} AND \"{tag}\" != ''"
    total = (
        'SELECT sum("messages") AS "messages", sum("nuisance") AS "nuisance"'  # noqa: S608 - constants
        f' FROM "message_counted" WHERE {named} GROUP BY "{tag}"'
    )
    daily = (
        f'SELECT sum("messages") AS "n" FROM "message_counted" WHERE {named}'  # noqa: S608 - constants
        f' GROUP BY {_DAILY}, "{tag}" fill(0)'
    )
    rate = f'SELECT mean("n") AS "a_day", max("n") AS "most" FROM ({daily}) GROUP BY "{tag}"'  # noqa: S608
    panel = _grouped(
        title,
        "只有编号, 没有姓名; 打扰: 后来答误报或撤回的 / Ids, never names; nuisance: called false, or withdrawn.",
        [total, rate],
        columns,
    )
    return panel.sort_by([common.TableSortByFieldState().display_name(columns["messages"]).desc(True)])


def _by_day() -> timeseries.Panel:
    query = (
        'SELECT sum("messages") FROM "message_counted"'  # noqa: S608 - constants
        f' WHERE {_WHERE} GROUP BY {_DAILY}, "person" fill(none)'
    )
    return (
        timeseries.Panel()
        .title("每位医生每天的通知 Pages for each doctor and day")
        .description("按中国的日期 / By the days of China.")
        .with_target(Query(InfluxQL(query, alias="$tag_person")))
        .draw_style(common_models.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .line_width(1)
        .no_value(style.UNKNOWN)
    )


def _waits_by_day() -> timeseries.Panel:
    waits = ", ".join(
        f'percentile("{field}", {percent}) AS "{name} p{percent}"'
        for field, name in (("answer_s", "答复 answer"), ("outcome_s", "结果 outcome"))
        for percent in (50, 90)
    )
    query = f'SELECT {waits} FROM "alarm_counted" WHERE {_PAGES} GROUP BY {_DAILY} fill(none)'  # noqa: S608 - constants
    return (
        timeseries.Panel()
        .title("每天的等待 Waits by day")
        .description("按预警产生的日期 / By the day on which it was raised.")
        .with_target(Query(InfluxQL(query, alias="$col")))
        .show_points(common_models.VisibilityMode.ALWAYS)
        .unit("s")
        .no_value(style.UNKNOWN)
    )


def _grouped(title: str, description: str, queries: Sequence[str], columns: dict[str, str]) -> table.Panel:
    """One row for each group, its figures of several queries side by side."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {TIME_COLUMN: True},
                    "renameByName": columns,
                    "indexByName": {name: place for place, name in enumerate(columns)},
                },
            )
        )
        .no_value(style.UNKNOWN)
        .thresholds(style.always(style.NOTHING))
    )
    for ref, query in zip("AB", queries, strict=True):
        panel.with_target(Query(InfluxQL(query, ref=ref, result="table")))
    return panel
