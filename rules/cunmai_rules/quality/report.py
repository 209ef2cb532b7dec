"""The figures as tables for people, and as JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from cunmai_rules.quality.episodes import Verdict
from cunmai_rules.quality.measures import Load, Quality, RuleQuality, Wait

FEW = 10
"""Of fewer judged escalations a precision is shown with a warning."""

_STEPS = {
    "acceptance": "运营商接收 acceptance",
    "delivery": "送达手机 delivery",
    "answer": "有人应答 first answer",
    "outcome": "有处理结果 outcome",
}


@dataclass(frozen=True, slots=True)
class Days:
    """How many there is data for, and how many were asked for. Loads are divided by the first."""

    counted: float
    wanted: float

    @property
    def short(self) -> bool:
        """Whether there is data for fewer than were asked for, by more than an hour."""
        return self.wanted - self.counted > 1 / 24


def as_json(quality: Quality) -> dict[str, Any]:
    """Everything, with precision and its interval worked out."""
    rules = [
        asdict(rule)
        | {"judged": rule.judged, "precision": rule.precision, "precision_95": list(rule.interval)}
        for rule in quality.rules
    ]
    return asdict(quality) | {"rules": rules}


def print_report(console: Console, quality: Quality, days: Days, names: dict[str, str]) -> None:
    """Tables; `names`: what a site is called, by gateway."""
    console.print(_rules(quality.rules))
    console.print(_loads("通知量(人) / messages per contact", quality.contacts, {}))
    if quality.teams:
        console.print(_loads("通知量(团队) / messages per team", quality.teams, {}))
    console.print(_loads("通知量(机构) / messages per site", quality.sites, names))
    console.print(_waits(quality.waits))
    zh, en = _of_days(days)
    console.print(
        f"{zh}。正确率 = (已联系+转诊) ÷ (已联系+转诊+误报), 括号内为 95% 区间; "
        f"少于 {FEW} 次的不可据以改规则。\n"
        f"{en}. Precision: contacted or referred among those judged, with its 95 % interval; "
        f"fewer than {FEW} are no reason to change a rule."
    )


def _of_days(days: Days) -> tuple[str, str]:
    if days.counted <= 0:
        return "还没有任何数据", "No data yet"
    zh, en = f"共 {days.counted:.1f} 天", f"{days.counted:.1f} days"
    if not days.short:
        return zh, en
    return (
        f"{zh}有数据(要的是 {days.wanted:g} 天), “每天”按这 {days.counted:.1f} 天计算",
        f"{en} with data ({days.wanted:g} were asked for): “per day” is of these {days.counted:.1f}",
    )


def _rules(rules: Sequence[RuleQuality]) -> Table:
    table = Table(title="规则 / rules")
    table.add_column("规则 rule", no_wrap=True)
    for head in (
        "通知\npages",
        "任务\nreviews",
        "有效\nacted",
        "误报\nfalse",
        "撤回\nwithdrawn",
        "未处理\nopen",
    ):
        table.add_column(head, justify="right")
    table.add_column("正确率 precision")
    for rule in rules:
        table.add_row(
            rule.rule, str(rule.pages), str(rule.reviews), str(rule.verdicts[Verdict.ACTED]),
            str(rule.verdicts[Verdict.FALSE]), str(rule.verdicts[Verdict.WITHDRAWN]),
            str(rule.verdicts[Verdict.OPEN]), _precision(rule),
        )  # fmt: skip
    return table


def _precision(rule: RuleQuality) -> str:
    if rule.precision is None:
        return "未知 unknown"
    low, high = rule.interval
    few = " 样本少 few" if rule.judged < FEW else ""
    return f"{rule.precision:.0%} ({low:.0%}-{high:.0%}){few}"


def _loads(title: str, loads: Sequence[Load], names: dict[str, str]) -> Table:
    table = Table(title=title)
    table.add_column("谁 who", no_wrap=True)
    for head in ("条数\nmessages", "每天\nper day", "其中打扰\nnuisance"):
        table.add_column(head, justify="right")
    for load in loads:
        name = f"{names[load.who]} {load.who}" if load.who in names else load.who
        table.add_row(name, str(load.messages), f"{load.per_day:.1f}", str(load.nuisance))
    return table


def _waits(waits: dict[str, Wait]) -> Table:
    table = Table(title="从发现到… / from opening a page to …")
    table.add_column("步骤 step")
    for head in ("中位数\nmedian", "90%", "没有发生\nnever", "共\nof"):
        table.add_column(head, justify="right")
    for step, wait in waits.items():
        table.add_row(
            _STEPS[step], _seconds(wait.p50_s), _seconds(wait.p90_s), str(wait.never), str(wait.count)
        )
    return table


def _seconds(span_s: float | None) -> str:
    if span_s is None:
        return "-"
    if span_s < 120:
        return f"{span_s:.1f} s"
    return f"{span_s / 60:.1f} min" if span_s < 7200 else f"{span_s / 3600:.1f} h"
