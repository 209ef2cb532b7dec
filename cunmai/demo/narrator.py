"""What happens, as it happens, in lines that a person can read. It listens to the services' own log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

import structlog
from rich.console import Console
from rich.markup import escape

_PLUMBING = ("event", "level", "timestamp")

Line = tuple[str, str]
"""A rich style, and the sentence."""


class Narrator:
    """A structlog processor that prints some events and drops the rest."""

    def __init__(self, console: Console, clinics: Mapping[str, str], roles: Mapping[str, str]) -> None:
        """`clinics`: gateway or device id to the clinic's name. `roles`: contact id to role."""
        self._console = console
        self._clinics = clinics
        self._roles = roles
        self._lock = threading.Lock()

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
            now = f"{datetime.now().astimezone():%H:%M:%S}"
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


_GRADES = {"red": ("red", "红 red"), "yellow": ("yellow", "黄 yellow"), "green": ("green", "绿 green"),
           "grey": ("dim", "灰 grey (未知 unknown)")}  # fmt: skip


def _grade(_narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    style, words = _GRADES[event["grade"]]
    return style, f"居民 {event['subject']} {event['rule']}: {words} ({event['reason']})"


def _escalation(_narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    return (
        "bold red",
        f"预警上报 escalation: 居民 {event['subject']}, 规则 {event['rule']} {event['version']}, {event['lane']}",
    )


def _accepted(narrator: Narrator, event: Mapping[str, Any]) -> Line | None:
    return "bold", f"短信已被接收 SMS accepted → {narrator.role(event['contact'])}"


_TELLERS: dict[str, Callable[[Narrator, Mapping[str, Any]], Line | None]] = {
    "gateway.device": _device,
    "gateway.exam": _exam,
    "rules.grade": _grade,
    "rules.escalation": _escalation,
    "notify.accepted": _accepted,
    "mqtt.up": lambda _narrator, _event: None,
    "ingest.started": lambda _narrator, _event: None,
}
