"""What happens, as it happens, in lines that a person can read. It listens to the services' own log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timedelta, timezone
from typing import Any

import structlog
from rich.console import Console
from rich.markup import escape

from cunmai_rules.thresholds.events import Reason
from cunmai_runtime.clock import Clock
from cunmai_wire.events import Answer, Lane

_PLUMBING = ("event", "level", "timestamp")

_CHINA = timezone(timedelta(hours=8))


def clinic_time(t_ms: int) -> str:
    """The time of day at the clinics, as the messages and the pages tell it."""
    return f"{datetime.fromtimestamp(t_ms / 1000, _CHINA):%H:%M:%S}"


Line = tuple[str, str]
"""A rich style, and the sentence."""


class Narrator:
    """A structlog processor that prints some events and drops the rest."""

    def __init__(
        self, console: Console, clinics: Mapping[str, str], roles: Mapping[str, str], clock: Clock
    ) -> None:
        """`clinics`: gateway or device id to the clinic's name. `roles`: contact id to role.

        `clock` is the one that readings and messages carry: in a replay it runs faster than the wall's.
        """
        self._clock = clock
        self._console = console
        self._clinics = clinics
        self._roles = roles
        self._lock = threading.Lock()
        self._well: set[str] = set()

    def is_newly_well(self, subject: str) -> bool:
        """Whether this is the first time that it is said of this subject."""
        with self._lock:
            newly = subject not in self._well
            self._well.add(subject)
        return newly

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
        tell = _TELLERS.get(event["event"])
        if tell is not None:
            line = tell(self, event)
            if line is not None:
                self.say(*reversed(line))
        elif event.get("level") in ("warning", "error"):
            facts = " ".join(f"{key}={value}" for key, value in event.items() if key not in _PLUMBING)
            self.say(f"{event['event']} {facts}", "yellow")
        raise structlog.DropEvent

    def say(self, sentence: str, style: str = "") -> None:
        """One line, with the time."""
        with self._lock:
            now = clinic_time(self._clock())
            self._console.print(f"[dim]{now}[/dim]  {escape(sentence)}", style=style, highlight=False)

    def clinic(self, id_: str) -> str:
        return self._clinics.get(id_, id_)

    def role(self, id_: str) -> str:
        return self._roles.get(id_, id_)


def _device(narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    where = f"{narrator.clinic(event['gateway'])} {event['device']}"
    if event["condition"] == "connected":
        return "", f"{where} 已连接 connected"
    return "yellow", f"{where} 已断开 disconnected: {event['reason']}"


def _exam(narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    return "cyan", f"{narrator.clinic(event['gateway'])} 收到超声检查 ultrasound exam received"


_ENTERED = {
    "respiration": "呼吸次数 breaths a minute",
    "assessment": "意识和吸氧 consciousness and oxygen",
    "follow_up": "一次随访 a follow-up",
    "ultrasound_report": "超声报告情况 how an exam's report stands",
}


def _entered(_narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    whom = event["resident"] or "未登记 nobody yet"
    return "cyan", f"居民 resident {whom}: 人工录入 entered by a person: {_ENTERED[event['kind']]}"


_GRADES = {"red": ("red", "红 red"), "yellow": ("yellow", "黄 yellow"), "green": ("green", "绿 green"),
           "grey": ("dim", "灰 grey (未知 unknown)")}  # fmt: skip


_WHY = {
    Reason.NORMAL: "数值正常 normal",
    Reason.SPELL_BEGAN: "出现异常, 等待确认 abnormal, to be confirmed",
    Reason.SPELL_ENDED: "恢复, 未达到预警 back before it was confirmed",
    Reason.SPELL_UNCONFIRMED: "没有复测 nothing confirmed it",
    Reason.LIMIT_MET: "达到预警线并持续 limit met for long enough",
    Reason.LIMIT_MET_LATE: "补传数据达到预警线 limit met in late readings",
    Reason.CONFIRMED_LIVE: "实时数据证实 confirmed live",
    Reason.CLEARED: "已恢复 recovered",
    Reason.STALE: "太久没有数据 no readings for too long",
    Reason.DOUBTFUL: "信号不可靠, 请重测 doubtful, measure again",
    Reason.INCOMPLETE: "缺少数据 something is missing",
    Reason.NOT_APPLICABLE: "规则不适用 the rule does not apply",
    Reason.AWAITED: "等待数据 awaited",
    Reason.HEARD: "收到数据 heard again",
    Reason.NOTHING_HEARD: "一直没有数据 nothing was heard",
    Reason.JUDGED_AGAIN: "补传或更正后重新判断 judged again after a late reading or a correction",
    Reason.RULE_CHANGED: "规则已修改 the rule changed",
    Reason.RULE_REMOVED: "规则已删除 the rule was removed",
}

_LANES = {Lane.PAGE: "立即通知 page", Lane.REVIEW: "待复核 review"}

_ANSWERS = {
    Answer.SEEN: "已看 seen",
    Answer.CONTACTED: "已联系 contacted",
    Answer.REFERRED: "转诊 referred",
    Answer.FALSE_ALARM: "误报 false alarm",
}


def _grade(narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    style, words = _GRADES[event["grade"]]
    if event["grade"] == "green" and event.get("previous") == "grey":
        # Each of some forty rules finds somebody well: that is one thing to tell, once.
        return (style, f"{_who(event)}: {words}") if narrator.is_newly_well(event["subject"]) else None
    why = _WHY.get(event["reason"], event["reason"])
    return style, f"{_who(event)} {event['rule']}: {words}, {why}"


def _who(event: Mapping[str, Any]) -> str:
    """Whom a rule is about. A subject that is nobody's begins with '?': a device has a '/' in it."""
    subject = str(event["subject"])
    if not subject.startswith("?"):
        return f"居民 resident {subject}"
    return f"{'设备 device' if '/' in subject else '网关 gateway'} {subject[1:]}"


def _escalation(_narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    rule, lane = f"{event['rule']} {event['version']}", _LANES[event["lane"]]
    return "bold red", f"预警上报 escalation: {_who(event)}, 规则 rule {rule}, {lane}"


def _accepted(narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    return "bold", f"短信已被接收 SMS accepted → {narrator.role(event['contact'])}"


def _answered(narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    return "bold green", f"{narrator.role(event['contact'])} 答复 answered: {_ANSWERS[event['answer']]}"


_TELLERS: dict[str, Callable[[Narrator, Mapping[str, Any]], Line | None]] = {
    "gateway.device": _device,
    "gateway.exam": _exam,
    "kiosk.entered": _entered,
    "rules.grade": _grade,
    "rules.escalation": _escalation,
    "rules.answered": _answered,
    # The demo does use the files that come with the program.
    "rules.caution": lambda _narrator, _event: None,
    "notify.accepted": _accepted,
    "mqtt.up": lambda _narrator, _event: None,
    "ingest.started": lambda _narrator, _event: None,
}
