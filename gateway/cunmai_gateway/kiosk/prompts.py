"""What the rules ask whoever stands at the kiosk: shown to that person alone, and not for long. Pure.

In memory only: after a restart the rules' question is stale, and the next measurement asks it anew.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from cunmai_wire.commands import Prompt

MOST_HELD = 20
MOST_SHOWN = 3
LONGEST_MS = 3_600_000
"""Whatever `until` says: by a clock that is wrong it may lie far away."""
USED_MS = 300_000
"""Somebody who has not checked in is taken to stand there still, this long after the last measurement."""
NEW_ATTEMPT_MS = 20_000
"""A series that was silent for this long has been begun anew."""
_CLOCK_STEP_MS = 2_000
_MOST_REMEMBERED = 200
_REST = re.compile(r"休息\s*(\d{1,2})\s*分钟")


class Told(StrEnum):
    """What became of a prompt."""

    TAKEN = "taken"
    LATE = "late"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt on the screen."""

    id: str
    zh: str
    en: str
    rest_s: int | None
    """What is left of the rest that it asks for, 0 when it is over; None where it asks for none."""

    def as_json(self) -> dict[str, str | int | None]:
        return {"id": self.id, "zh": self.zh, "en": self.en, "rest_s": self.rest_s}


@dataclass(frozen=True, slots=True)
class _Held:
    prompt: Prompt
    taken_ms: int
    kind: str | None
    """What its device had measured last: a newer one of these answers it."""

    def over(self, now_ms: int) -> bool:
        last_ms = min(self.prompt.until, self.taken_ms + LONGEST_MS)
        return now_ms >= last_ms or now_ms < self.taken_ms - _CLOCK_STEP_MS

    def shown(self, now_ms: int) -> Shown:
        rest = _REST.search(self.prompt.zh)
        rest_s = None
        if rest is not None:
            rest_s = max(0, self.taken_ms + int(rest[1]) * 60_000 - now_ms + 999) // 1000
        return Shown(self.prompt.id, self.prompt.zh, self.prompt.en, rest_s)


@dataclass(slots=True)
class _Use:
    """The last measurement by a device."""

    kind: str
    t_ms: int
    resident: str | None


class Prompts:
    """Every method takes the time now, or the time of a measurement."""

    def __init__(self) -> None:
        self._held: list[_Held] = []
        self._known: deque[str] = deque(maxlen=_MOST_REMEMBERED)
        self._used: dict[str, _Use] = {}

    def take(self, prompt: Prompt, now_ms: int) -> Told:
        """A prompt has come. The newest of a rule for somebody stands in for the one before."""
        if prompt.id in self._known:
            return Told.REPEATED
        if prompt.until <= now_ms:
            return Told.LATE
        self._known.append(prompt.id)
        same = (prompt.resident, prompt.device, prompt.rule)
        self._held = [
            one for one in self._held if (one.prompt.resident, one.prompt.device, one.prompt.rule) != same
        ]
        use = self._used.get(prompt.device)
        self._held.append(_Held(prompt, now_ms, use.kind if use else None))
        del self._held[:-MOST_HELD]
        return Told.TAKEN

    def measured(self, device: str, kind: str, resident: str | None, t_ms: int, *, series: bool) -> None:
        """Somebody was measured, or something was entered. `series`: one value of a running one.

        A series that goes on answers nothing: it is what the prompt is about.
        """
        before = self._used.get(device)
        goes_on = series and before is not None and t_ms - before.t_ms < NEW_ATTEMPT_MS
        if before is None or t_ms >= before.t_ms:
            self._used[device] = _Use(kind, t_ms, resident)
        if not goes_on:
            self._held = [one for one in self._held if not _answers(one, device, kind, resident, t_ms)]

    def checked_in(self) -> None:
        """Somebody else may stand there now: what was meant for nobody in particular is over."""
        self._held = [one for one in self._held if one.prompt.resident is not None]

    def dismiss(self, id_: str) -> bool:
        """Somebody has read it. False where it was over."""
        left = [one for one in self._held if one.prompt.id != id_]
        found = len(left) < len(self._held)
        self._held = left
        return found

    def view(self, resident: str | None, now_ms: int) -> list[Shown]:
        """What to show while `resident`, or nobody, is checked in; the newest first."""
        self._held = [one for one in self._held if not one.over(now_ms)]
        mine = [one for one in self._held if one.prompt.resident == resident]
        if resident is None:
            mine = [one for one in mine if self._used_lately(one.prompt.device, now_ms)]
        return [one.shown(now_ms) for one in mine[::-1][:MOST_SHOWN]]

    def _used_lately(self, device: str, now_ms: int) -> bool:
        """By somebody who had not checked in."""
        use = self._used.get(device)
        return use is not None and use.resident is None and 0 <= now_ms - use.t_ms < USED_MS


def _answers(held: _Held, device: str, kind: str, resident: str | None, t_ms: int) -> bool:
    if held.prompt.resident != resident or t_ms <= held.taken_ms:
        return False
    return kind == held.kind if held.kind is not None else device == held.prompt.device
