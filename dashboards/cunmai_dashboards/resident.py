"""The dashboard of one resident: oxygen, pulse, signal, grade, and what became of every escalation.

What is missing is grey and says so. Nothing is green because nobody measured: gaps stay gaps, a period
without a reading shows 未知 unknown, and the empty part of a graph has no colour.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from cunmai_dashboards import style
from cunmai_dashboards.influxql import SOURCE
from cunmai_dashboards.panels import TIME_COLUMN, Panel, graph, merged_table, newest, timeline

UID = "cunmai-resident"

# An empty choice must find nobody: without the second condition it would find all unattributed readings.
_WHO = '"resident" = \'$resident\' AND "resident" != \'\' AND "gateway" =~ /^$gateway$/'

_READINGS = frozenset({"oximetry", "respiration", "assessment", "follow_up"})


def _select(what: str, measurement: str, tail: str = "") -> str:
    # A reading that a correction stands in for was somebody else's. Events cannot be corrected.
    whose = f'{_WHO} AND "superseded" = false' if measurement in _READINGS else _WHO
    return f'SELECT {what} FROM "{measurement}" WHERE {whose} AND $timeFilter{tail}'  # noqa: S608 - constants


def _by_interval(what: str, measurement: str) -> str:
    return _select(what, measurement, " GROUP BY time($__interval) fill(null)")


def _by_rule(what: str, measurement: str) -> str:
    """Each rule by itself: the green of one must not hide the red of another."""
    return _select(what, measurement, ' GROUP BY "rule"')


def _rows(measurement: str, *columns: str) -> str:
    what = ", ".join(f'"{name}"' for name in columns)
    return _select(what, measurement, " ORDER BY time DESC LIMIT 200")


def resident_dashboard() -> models.Dashboard:
    """Build it: the same dashboard every time."""
    built = (
        dashboard.Dashboard("居民生命体征 Resident vital signs")
        .uid(UID)
        .tags(["cunmai"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(_gateway_variable())
        .with_variable(_resident_variable())
    )
    for number, (panel, place) in enumerate(_layout(), 1):
        built.with_panel(panel.id(number).datasource(SOURCE).grid_pos(place))
    return built.build()


def _layout() -> list[tuple[Panel, models.GridPos]]:
    return [
        (_grade_now(), _at(0, 0, 6, 4)),
        (_spo2_now(), _at(6, 0, 6, 4)),
        (_pulse_now(), _at(12, 0, 6, 4)),
        (_last_arrival(), _at(18, 0, 6, 4)),
        (_spo2(), _at(0, 4, 24, 9)),
        (_pulse(), _at(0, 13, 12, 7)),
        (_perfusion(), _at(12, 13, 12, 7)),
        (_quality(), _at(0, 20, 24, 4)),
        (_grades(), _at(0, 31, 24, 4)),
        (_escalations(), _at(0, 35, 24, 9)),
        (_respiration(), _at(0, 24, 12, 7)),
        (_observed(), _at(12, 24, 12, 7)),
    ]


def _at(x: int, y: int, width: int, height: int) -> models.GridPos:
    return models.GridPos(x=x, y=y, w=width, h=height)


# -- whose --------------------------------------------------------------------------------------------


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _gateway_variable() -> dashboard.QueryVariable:
    query = 'SHOW TAG VALUES FROM "oximetry" WITH KEY = "gateway"'
    everyone = models.VariableOption(text="All", value="$__all")
    return _variable("gateway", "网关 Gateway", query).include_all(True).all_value(".*").current(everyone)


def _resident_variable() -> dashboard.QueryVariable:
    query = 'SHOW TAG VALUES FROM "oximetry" WITH KEY = "resident" WHERE "gateway" =~ /^$gateway$/'
    return _variable("resident", "居民 Resident", query)


# -- now ----------------------------------------------------------------------------------------------


def _grade_now() -> stat.Panel:
    return newest(
        "预警级别 Grade",
        "每条规则在所选时段内最近一次定级; 没有即为未知 / The last grade by each rule in the period; none: unknown.",
        _by_rule('last("grade")', "grade_changed"),
        alias="$tag_rule",
    ).mappings(style.GRADES)


def _spo2_now() -> stat.Panel:
    panel = newest(
        "最近血氧 Latest SpO2",
        "所选时段内最近一次测量 / The last reading in the period shown.",
        _select('last("spo2_pct")', "oximetry"),
    )
    return panel.unit("percent").thresholds(style.spo2_limits(style.GREEN))


def _pulse_now() -> stat.Panel:
    panel = newest(
        "最近脉率 Latest pulse",
        "所选时段内最近一次测量 / The last reading in the period shown.",
        _select('last("pulse_bpm")', "oximetry"),
    )
    return panel.unit("bpm").thresholds(style.always(style.BLUE))


def _last_arrival() -> stat.Panel:
    panel = newest(
        "最近一次入库 Last arrival",
        "时段内最近一次测量值何时入库 / When the last reading of the period reached the store.",
        _select('last("arrived_ms")', "oximetry"),
    )
    return panel.unit("dateTimeFromNow").thresholds(style.always(style.BLUE))


# -- through time -------------------------------------------------------------------------------------


def _spo2() -> timeseries.Panel:
    lines = common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.LINE_AND_AREA)
    panel = graph(
        "血氧饱和度, 各时段最低值 SpO2, lowest of each interval",
        _by_interval('min("spo2_pct")', "oximetry"),
    )
    return (
        panel.description(
            "红: 93% 及以下, 重型标准; 黄: 低于 95%。取最低值, 因为平均会掩盖低谷 / "
            "Red up to 93 %, the severe criterion; yellow below 95 %. Lowest, because a mean hides the nadir."
        )
        .unit("percent")
        .axis_soft_min(80)
        .max(100)
        .thresholds(style.spo2_limits(style.NOTHING))
        .thresholds_style(lines)
    )


def _pulse() -> timeseries.Panel:
    query = _by_interval('mean("pulse_bpm")', "oximetry")
    return graph("脉率 Pulse", query).unit("bpm")


def _perfusion() -> timeseries.Panel:
    query = _by_interval('mean("perfusion_index_pct")', "oximetry")
    panel = graph("灌注指数 Perfusion index", query).unit("percent").axis_soft_min(0)
    return panel.description("不同厂家的灌注指数不可互比 / Not comparable across makers.")


def _quality() -> statetimeline.Panel:
    return timeline(
        "信号质量 Signal quality",
        "没有质疑为良好; 其余为设备给出的标志; 空白为没有测量 / "
        "Good: nothing to object to; else the device's flags; blank: not measured.",
        _by_interval('last("quality")', "oximetry"),
        style.QUALITIES,
    )


def _respiration() -> timeseries.Panel:
    panel = graph(
        "呼吸频率 Respiratory rate", _by_interval('last("respiratory_rate_per_min")', "respiration")
    )
    return (
        panel.description(
            "人工计数, 一点为一次; 点之间没有测量 / Counted by a person; between the points nothing was."
        )
        .unit("次/分 /min")
        .axis_soft_min(0)
        .show_points(common_models.VisibilityMode.ALWAYS)
    )


def _grades() -> statetimeline.Panel:
    return timeline(
        "预警级别变化 Grade through time",
        "每条规则一行; 首次定级之前为未知 / A row for each rule; unknown before its first grade.",
        _by_rule('"grade"', "grade_changed"),
        style.GRADES,
        alias="$tag_rule",
    )


# -- what people saw ---------------------------------------------------------------------------------


def _observed() -> table.Panel:
    return merged_table(
        "观察与随访 Observed, and followed up",
        "工作人员看到后录入; 空白是没有看, 不是正常 / Entered by a person; blank: not looked at, never normal.",
        [
            _rows("assessment", "consciousness", "on_oxygen", "oxygen_flow_l_min", "febrile_or_crying"),
            _rows("follow_up", "method"),
        ],
        {
            TIME_COLUMN: "时间 Time",
            "consciousness": "意识 Consciousness",
            "on_oxygen": "吸氧 On oxygen",
            "oxygen_flow_l_min": "氧流量 (升/分) Flow, L/min",
            "febrile_or_crying": "发热或哭闹 Fever or crying",
            "method": "随访 Follow-up",
        },
        style.OBSERVED,
    )


# -- what was done ------------------------------------------------------------------------------------


def _escalations() -> table.Panel:
    return merged_table(
        "预警上报与答复 Escalations and answers",
        "每行是一件事: 上报, 通知, 答复或结束 / Each row is one thing: opened, notified, answered or closed.",
        [
            _rows("escalation_opened", "escalation", "grade", "lane", "rule", "rule_version", "reason"),
            _rows("notice_changed", "escalation", "contact", "state"),
            _rows("escalation_answered", "escalation", "contact", "answer"),
            _rows("escalation_closed", "escalation", "reason"),
        ],
        {
            TIME_COLUMN: "时间 Time",
            "escalation": "上报 Escalation",
            "grade": "级别 Grade",
            "lane": "通道 Lane",
            "rule": "规则 Rule",
            "rule_version": "规则版本 Rule version",
            "reason": "原因 Reason",
            "contact": "联系人 Contact",
            "state": "通知 Notice",
            "answer": "答复 Answer",
        },
        style.OUTCOMES,
    )
