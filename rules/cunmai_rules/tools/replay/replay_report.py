"""A replay as tables for people and as JSON for machines."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Column, Table

from cunmai_rules.tools.replay.compare import Difference, How
from cunmai_rules.tools.replay.replaying import Named, Replayed, Setting
from cunmai_rules.tools.replay.sources import NO_GATEWAY
from cunmai_rules.tools.replay.tally import Tally

MOST_SHOWN = 40
HOW = {How.APPEARS: "新增 appears", How.VANISHES: "消失 vanishes", How.MOVES: "改时 moves"}


def print_report(console: Console, replayed: Replayed, setting: Setting) -> None:
    """The whole report."""
    console.print(
        f"{setting.time(replayed.from_ms)} - {setting.time(replayed.to_ms)}: "
        f"{replayed.subjects} 人, {replayed.resident_days} 人日, {replayed.span.readings} 次测量 / "
        f"{replayed.subjects} residents, {replayed.resident_days} resident-days, {replayed.span.readings} readings",
        highlight=False,
    )
    console.print(_summary(replayed, setting))
    _print_rows(console, _by_rule(replayed), "没有规则发现什么 / no rule found anything")
    _print_rows(console, _by_team(replayed), "不会有人收到通知 / nobody would have had a message")
    for index in range(1, len(replayed.tallies)):
        _print_differences(console, replayed, index, setting)
    console.print(
        f"假设通知后 {setting.answered_after_s} 秒有处理结果; 催办不计 / "
        f"assumed: an outcome {setting.answered_after_s} s after each message; reminders are not counted",
        style="dim", highlight=False,
    )  # fmt: skip
    console.print(
        "通知已按升级办法汇总: 多条合成一条的算一条 / messages are folded as the policy says: a summary counts as one"
        if setting.folding.looks_back_s
        else "通知没有汇总: 没有升级办法文件, 或它不汇总, 或有的短信平台发不了汇总 / "
        "messages are not folded: there is no policy file, or it folds nothing, "
        "or some SMS provider cannot send a summary",
        style="dim", highlight=False,
    )  # fmt: skip


def _print_rows(console: Console, table: Table, none: str) -> None:
    """A table, or in words that there is nothing for it."""
    if table.row_count:
        console.print(table)
    else:
        console.print(none, highlight=False)


def _summary(replayed: Replayed, setting: Setting) -> Table:
    table = Table("", *(named.name for named, _ in replayed.tallies), title="合计 / in all")
    rows = {
        "预警 alarms": [str(tally.alarm_count) for _, tally in replayed.tallies],
        "每人日预警 per resident-day": [
            f"{tally.alarm_count / max(1, replayed.resident_days):.3f}" for _, tally in replayed.tallies
        ],
        "待查看任务 review tasks": [
            str(sum(count.tasks for count in tally.rules.values())) for _, tally in replayed.tallies
        ],
        **_messages(replayed, setting),
        "最多的十分之一居民占 share of the top tenth": [
            _percent(tally.top_share(replayed.subjects)) for _, tally in replayed.tallies
        ],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _messages(replayed: Replayed, setting: Setting) -> dict[str, list[str]]:
    """What teams are asked, and what they get where several of it come as one."""
    rows = {"发给团队的通知 messages to teams": [str(tally.message_count) for _, tally in replayed.tallies]}
    if setting.folding.looks_back_s:
        asked = [str(tally.asked_count) for _, tally in replayed.tallies]
        return {"应通知(汇总前) asked, before summaries": asked} | rows
    return rows


def _by_rule(replayed: Replayed) -> Table:
    table = Table(
        Column("规则\nrule", overflow="fold"), "规则集\nrules", "预警\nalarms",
        "立即通知\npaging", "任务\ntasks", "居民\nresidents",
        "持续\nraised for", title="按规则 / by rule",
    )  # fmt: skip
    rules = _rules(replayed)
    heard = [rule for rule in rules if any(_found(tally, rule) for _, tally in replayed.tallies)]
    for rule in heard:
        for named, tally in replayed.tallies:
            if rule in named.rules.by_id:
                one = tally.rules[rule]
                cells = map(str, (one.alarms, one.paging, one.tasks, one.subjects, span_text(one.raised_ms)))
                table.add_row(rule, named.name, *cells)
    if len(heard) < len(rules):
        silent = len(rules) - len(heard)
        table.caption = f"另外 {silent} 条规则没有发现 / {silent} more rules found nothing"
    return table


def _found(tally: Tally, rule: str) -> bool:
    one = tally.rules[rule]
    return bool(one.alarms or one.tasks or one.raised_ms)


def _by_team(replayed: Replayed) -> Table:
    table = Table(
        "团队 team", *(named.name for named, _ in replayed.tallies), title="每个团队的通知 / messages by team"
    )
    teams = sorted(
        {team for _, tally in replayed.tallies for team in tally.messages},
        key=lambda team: (-max(tally.messages[team] for _, tally in replayed.tallies), team),
    )
    for team in teams[:MOST_SHOWN]:
        table.add_row(team_name(team), *(str(tally.messages[team]) for _, tally in replayed.tallies))
    if len(teams) > MOST_SHOWN:
        table.add_row(f"… {len(teams) - MOST_SHOWN}", *("" for _ in replayed.tallies))
    return table


def team_name(team: str) -> str:
    """Without rules.yaml nothing is known of teams."""
    return "没有团队 no team (--config rules.yaml)" if team == NO_GATEWAY else team


def _print_differences(console: Console, replayed: Replayed, index: int, setting: Setting) -> None:
    old, new = replayed.tallies[0][0].name, replayed.tallies[index][0].name
    found = replayed.differences(index)
    heads = ("时间 time", "居民 resident", "规则 rule", "变化 change")
    title = f"{old} -> {new}: {len(found)} 处不同 / {len(found)} differences"
    table = Table(*(Column(head, overflow="fold") for head in heads), title=title)
    for one in found[:MOST_SHOWN]:
        alarm = one.alarm
        table.add_row(setting.time(alarm.t_ms), alarm.subject, alarm.rule, _how(one))
    _print_rows(console, table, f"{old} -> {new}: 没有不同 / no difference")
    if len(found) > MOST_SHOWN:
        more = len(found) - MOST_SHOWN
        console.print(
            f"… 还有 {more} 条, 用 --json 看全部 / {more} more: --json has them all", highlight=False
        )
    if replayed.tallies[0][1].cut or replayed.tallies[index][1].cut:
        console.print("预警太多, 只比较了前一部分 / too many alarms: only the first of them are compared")


def _how(one: Difference) -> str:
    return HOW[one.how] + (f" {one.moved_ms / 1000:+g} s" if one.how is How.MOVES else "")


def _rules(replayed: Replayed) -> list[str]:
    return list(dict.fromkeys(rule for named, _ in replayed.tallies for rule in named.rules.by_id))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def span_text(ms: int) -> str:
    """Hours, minutes and seconds."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


# -- for machines ------------------------------------------------------------------------------------------


def as_json(replayed: Replayed, setting: Setting) -> dict[str, Any]:
    """Times are ms since 1970 UTC."""
    return {
        "from": replayed.from_ms,
        "to": replayed.to_ms,
        "readings": replayed.span.readings,
        "residents": replayed.subjects,
        "resident_days": replayed.resident_days,
        "answered_after_s": setting.answered_after_s,
        "rule_sets": [_tally(named, tally, replayed) for named, tally in replayed.tallies],
        "differences": {
            replayed.tallies[index][0].name: [_difference(one) for one in replayed.differences(index)]
            for index in range(1, len(replayed.tallies))
        },
    }


def _tally(named: Named, tally: Tally, replayed: Replayed) -> dict[str, Any]:
    return {
        "name": named.name,
        "versions": named.rules.versions,
        "alarms": tally.alarm_count,
        "alarms_per_resident_day": tally.alarm_count / max(1, replayed.resident_days),
        "messages": tally.message_count,
        "messages_before_summaries": tally.asked_count,
        "messages_by_team": dict(tally.messages.most_common()),
        "top_tenth_share": tally.top_share(replayed.subjects),
        "top_residents": [
            {"resident": subject, "alarms": count} for subject, count in tally.by_subject.most_common(10)
        ],
        "rules": {
            rule: {
                "alarms": one.alarms,
                "paging": one.paging,
                "tasks": one.tasks,
                "residents": one.subjects,
                "raised_s": one.raised_ms // 1000,
            }
            for rule in named.rules.by_id
            for one in [tally.rules[rule]]
        },
        "alarms_cut": tally.cut,
    }


def _difference(one: Difference) -> dict[str, Any]:
    alarm = one.alarm
    moved = {"moved_s": one.moved_ms / 1000} if one.how is How.MOVES else {}
    return {
        "how": one.how.value, "t": alarm.t_ms, "resident": alarm.subject, "rule": alarm.rule,
        "grade": alarm.grade, "lane": alarm.lane,
    } | moved  # fmt: skip
