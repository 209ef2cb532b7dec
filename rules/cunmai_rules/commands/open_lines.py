"""One open escalation in a few lines. No table: it would cut what does not fit the window."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.moments import local_time
from cunmai_wire.events import Grade, Lane

_GRADES = {Grade.RED: "红 red", Grade.YELLOW: "黄 yellow"}
_LANES = {Lane.PAGE: "通知 page", Lane.REVIEW: "待办 review"}
_STATUS = {
    Status.OPEN: "等待答复 open",
    Status.SEEN: "已看待结果 seen",
    Status.EXHAUSTED: "无人答复 exhausted",
    Status.CLOSED: "已结束 closed",
}
_STYLES = {Grade.RED: "bold red", Grade.YELLOW: "yellow"}


def print_open(console: Console, one: Escalation, utc_offset_minutes: int) -> None:
    """When, how grave and where it stands, with its id; then whom and what it is about."""
    opened = local_time(one.opened_ms, utc_offset_minutes)
    head = Text.assemble(
        f"{opened:%m-%d %H:%M:%S}  ",
        (_GRADES.get(one.grade, str(one.grade)), _STYLES.get(one.grade, "")),
        f"  {_LANES.get(one.lane, str(one.lane))}  {_STATUS[one.status]}  {one.id}",
    )
    console.print(head, overflow="fold", highlight=False)
    resident = one.resident or "无 none"
    for line in (
        f"居民 resident {resident}",
        f"规则 rule {', '.join(one.rules or (one.rule,))}",
        f"网关 gateway {one.gateway}",
    ):
        console.print(Padding(Text(line, overflow="fold"), (0, 0, 0, 4), expand=False), highlight=False)
