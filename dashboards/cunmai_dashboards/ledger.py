"""The dashboard of the loss ledger: what was measured and is not here, by gateway and day.

Zero is blue, not green: a ledger without a gap says that nothing is known to be missing, and a gateway
that is silent says nothing at all. What is missing in the panel is grey.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from cunmai_dashboards import style
from cunmai_dashboards.influxql import SOURCE, InfluxQL, Query
from cunmai_dashboards.panels import TIME_COLUMN, Panel, merged_table, newest

UID = "cunmai-ledger"

_WHERE = '"gateway" =~ /^$gateway$/ AND $timeFilter'

_DAY_COLUMNS = {
    "gateway": "网关 Gateway",
    "day": "日期 Day",
    "measured": "测得 Measured",
    "stored": "入库 Stored",
    "judged": "已判 Judged",
    "late": "迟到 Late",
    "quarantined": "隔离 Set aside",
    "missing": "未到 Missing",
    "overdue": "逾期 Overdue",
    "lost": "丢失 Lost",
    "unnumbered": "未编号即丢 Lost unnumbered",
    "unjudged": "未判 Not judged",
}


def ledger_dashboard() -> models.Dashboard:
    """Build it: the same dashboard every time."""
    built = (
        dashboard.Dashboard("对账单 Loss ledger")
        .uid(UID)
        .tags(["cunmai"])
        .time("now-14d", "now")
        .refresh("1m")
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(_gateway_variable())
    )
    for number, (panel, place) in enumerate(_layout(), 1):
        built.with_panel(panel.id(number).datasource(SOURCE).grid_pos(place))
    return built.build()


def _layout() -> list[tuple[Panel, models.GridPos]]:
    return [
        (
            _sum(
                "逾期未到 Overdue", "超过期限仍未到的测量值 / Readings missing past the deadline.", "overdue"
            ),
            _at(0, 0),
        ),
        (
            _sum("丢失 Lost", "网关报告已丢弃, 不会再来 / Dropped, by the gateway's own word.", "lost"),
            _at(6, 0),
        ),
        (
            _sum(
                "未编号即丢 Lost unnumbered",
                "网关磁盘不可写时测得 / Measured while the disk took nothing.",
                "unnumbered",
            ),
            _at(12, 0),
        ),
        (
            _sum(
                "未判 Not judged", "已入库, 规则服务没有回执 / Stored, and no word of the rules.", "unjudged"
            ),
            _at(18, 0),
        ),
        (_open_by_day(), models.GridPos(x=0, y=4, w=24, h=8)),
        (_days(), models.GridPos(x=0, y=12, w=24, h=11)),
        (_gaps(), models.GridPos(x=0, y=23, w=24, h=9)),
    ]


def _at(x: int, y: int) -> models.GridPos:
    return models.GridPos(x=x, y=y, w=6, h=4)


def _gateway_variable() -> dashboard.QueryVariable:
    everyone = models.VariableOption(text="All", value="$__all")
    return (
        dashboard.QueryVariable("gateway")
        .label("网关 Gateway")
        .datasource(SOURCE)
        .query('SHOW TAG VALUES FROM "ledger_day" WITH KEY = "gateway"')
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .include_all(True)
        .all_value(".*")
        .current(everyone)
    )


def _sum(title: str, description: str, figure: str) -> stat.Panel:
    """There is one point for each gateway and day, so a sum over the period counts every reading once."""
    query = f'SELECT sum("{figure}") FROM "ledger_day" WHERE {_WHERE}'  # noqa: S608 - constants
    return newest(title, description, query).thresholds(style.steps((None, style.BLUE), (1, style.RED)))


def _open_by_day() -> timeseries.Panel:
    query = (
        'SELECT "missing" AS "未到 missing", "lost" AS "丢失 lost" FROM "ledger_day"'  # noqa: S608 - constants
        f' WHERE {_WHERE} GROUP BY "gateway"'
    )
    return (
        timeseries.Panel()
        .title("每日未到与丢失 Missing and lost, by day")
        .description("每个网关每天一点, 在当天零点 / One point for each gateway and day, at its midnight.")
        .with_target(Query(InfluxQL(query, alias="$tag_gateway $col")))
        .draw_style(common_models.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .line_width(1)
        .no_value(style.UNKNOWN)
    )


def _days() -> table.Panel:
    what = ", ".join(f'"{name}"' for name in _DAY_COLUMNS)
    query = f'SELECT {what} FROM "ledger_day" WHERE {_WHERE} ORDER BY time DESC LIMIT 5000'  # noqa: S608 - constants
    return (
        table.Panel()
        .title("每日对账 By gateway and day")
        .description("测得 = 入库 + 隔离 + 丢失 + 未到 / measured = stored + set aside + lost + missing.")
        .with_target(Query(InfluxQL(query, result="table")))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {TIME_COLUMN: True},
                    "renameByName": _DAY_COLUMNS,
                    "indexByName": {name: place for place, name in enumerate(_DAY_COLUMNS)},
                },
            )
        )
        .sort_by([common.TableSortByFieldState().display_name(_DAY_COLUMNS["day"]).desc(True)])
        .no_value(style.UNKNOWN)
        .thresholds(style.always(style.NOTHING))
    )


def _gaps() -> table.Panel:
    columns = {
        TIME_COLUMN: "时间 Time",
        "gateway": "网关 Gateway",
        "kind": "缺口 Gap",
        "condition": "状态 Condition",
        "reason": "原因 Reason",
        "missing_count": "条数 Readings",
        "first_seq": "起 First",
        "last_seq": "止 Last",
    }
    what = ", ".join(f'"{name}"' for name in columns if name != TIME_COLUMN)
    query = f'SELECT {what} FROM "ledger_gap" WHERE {_WHERE} ORDER BY time DESC LIMIT 500'  # noqa: S608 - constants
    return merged_table(
        "缺口事件 Gap events",
        "超过期限的缺口, 以及后来补齐的 / Gaps past their deadline, and those that were filled since.",
        [query],
        columns,
        style.GAPS,
    )
