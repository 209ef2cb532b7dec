"""Figures as events: what one more line of an escalation's history adds to the counts. Pure.

The panels sum these up, and come to what `cunmai rules quality` counts from the same histories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cunmai_rules.quality.episodes import Episode, Message, Verdict, is_nuisance
from cunmai_wire.events import Lane

_VERDICTS = {Verdict.ACTED: "acted", Verdict.FALSE: "false_alarms", Verdict.WITHDRAWN: "withdrawn"}
_STEPS = {
    "accepted": ("accepted_ms", "acceptance_s"),
    "delivered": ("delivered_ms", "delivery_s"),
    "answered": ("answered_ms", "answer_s"),
    "outcomes": ("outcome_ms", "outcome_s"),
}
"""The count of each step, when it was taken, and how long that was after the opening."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One event to tell: its type, the time that it counts for, and its fields."""

    type: str
    t_ms: int
    fields: dict[str, object]


def opened(episode: Episode) -> Counted:
    """It is there."""
    return Counted("alarm_counted", episode.opened_ms, {**_about(episode), _shelf(episode.lane): 1})


def moved(before: Lane, episode: Episode) -> Counted:
    """A task has become a page, or the other way round."""
    changes = {_shelf(before): -1, _shelf(episode.lane): 1}
    return Counted("alarm_counted", episode.opened_ms, {**_about(episode), **changes})


def happened(before: Episode, after: Episode) -> Iterator[Counted]:
    """What has changed between two moments of one history."""
    changes: dict[str, object] = {**_steps(before, after), **_verdicts(before, after)}
    if changes:
        yield Counted("alarm_counted", after.opened_ms, {**_about(after), **changes})
    nuisance = is_nuisance(after) - is_nuisance(before)
    for message in before.messages if nuisance else ():
        yield _message(after, message, {"nuisance": nuisance})
    for message in after.messages[len(before.messages) :]:
        yield _message(after, message, {"messages": 1, "nuisance": int(is_nuisance(after))})


def _steps(before: Episode, after: Episode) -> dict[str, object]:
    changes: dict[str, object] = {}
    for count, (when, wait) in _STEPS.items():
        t_ms: int | None = getattr(after, when)
        if t_ms is not None and getattr(before, when) is None:
            # A clock that was set back meanwhile makes no negative wait.
            changes |= {count: 1, wait: max(0, t_ms - after.opened_ms) / 1000}
    return changes


def _verdicts(before: Episode, after: Episode) -> dict[str, object]:
    if before.verdict is after.verdict:
        return {}
    changes: dict[str, object] = {}
    for verdict, change in ((before.verdict, -1), (after.verdict, 1)):
        if verdict in _VERDICTS:
            changes[_VERDICTS[verdict]] = change
    return changes


def _message(episode: Episode, message: Message, counts: dict[str, object]) -> Counted:
    return Counted(
        "message_counted", message.taken_ms, {**_about(episode), "person": message.contact, **counts}
    )


def _about(episode: Episode) -> dict[str, object]:
    return {"rule": episode.rule, "lane": episode.lane, "team": episode.team}


def _shelf(lane: Lane) -> str:
    return "pages" if lane is Lane.PAGE else "reviews"
