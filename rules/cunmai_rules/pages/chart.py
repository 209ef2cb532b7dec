"""A trend as one inline SVG: no script, readable on a small phone and in black and white. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from cunmai_rules.moments import local_time

WIDTH, HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 10, 12, 26
MAX_POINTS = 400
GAP_MS = 60_000
"""Readings further apart than this are not joined: nothing is known between them."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One reading. `sound` is False where its quality was objected to: drawn hollow, and not joined."""

    t_ms: int
    value: float
    sound: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A level to draw across, with its label."""

    value: float
    label: str
    css: str


def trend_svg(
    dots: Sequence[Dot],
    lines: Sequence[Line],
    *,
    title: str,
    utc_offset_minutes: int,
    raised_ms: int | None = None,
) -> str:
    """Draw readings, oldest first; `raised_ms` marks the moment of the alarm. Empty text without readings."""
    shown = _thinned(dots)
    if not shown:
        return ""
    frame = _Frame(shown, lines)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" class="trend">',
        *_raised_at(frame, raised_ms),
        *(_level(frame, line) for line in lines),
        *(_segment(frame, run) for run in _runs(shown)),
        *(_mark(frame, dot) for dot in (*_unsound(shown), shown[-1])),
        _time(frame, shown[0].t_ms, "start", utc_offset_minutes),
        _time(frame, shown[-1].t_ms, "end", utc_offset_minutes),
        *(_scale(frame, value) for value in (frame.low, frame.high)),
        "</svg>",
    ]
    return "".join(parts)


def _thinned(dots: Sequence[Dot]) -> Sequence[Dot]:
    """At most MAX_POINTS: the lowest and the highest of each stretch, so that no dip is smoothed away."""
    if len(dots) <= MAX_POINTS:
        return dots
    length = -(-2 * len(dots) // MAX_POINTS)
    kept: list[Dot] = []
    for start in range(0, len(dots), length):
        stretch = dots[start : start + length]
        ends = {min(stretch, key=lambda dot: dot.value), max(stretch, key=lambda dot: dot.value)}
        kept += sorted(ends, key=lambda dot: dot.t_ms)
    return kept


class _Frame:
    """Where a moment and a value stand on the picture."""

    def __init__(self, dots: Sequence[Dot], lines: Sequence[Line]) -> None:
        values = [dot.value for dot in dots] + [line.value for line in lines]
        self.low, self.high = min(values) - 1, max(values) + 1
        self._from_ms = dots[0].t_ms
        self._span_ms = max(dots[-1].t_ms - dots[0].t_ms, 1)

    def holds(self, t_ms: int) -> bool:
        return 0 <= t_ms - self._from_ms <= self._span_ms

    def x(self, t_ms: int) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (t_ms - self._from_ms) / self._span_ms

    def y(self, value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (self.high - value) / (self.high - self.low)


def _runs(dots: Sequence[Dot]) -> list[list[Dot]]:
    """Spells of sound readings without a gap."""
    runs: list[list[Dot]] = []
    for dot in dots:
        if not dot.sound:
            continue
        if runs and dot.t_ms - runs[-1][-1].t_ms <= GAP_MS:
            runs[-1].append(dot)
        else:
            runs.append([dot])
    return runs


def _unsound(dots: Sequence[Dot]) -> list[Dot]:
    return [dot for dot in dots if not dot.sound]


def _segment(frame: _Frame, run: Sequence[Dot]) -> str:
    points = " ".join(f"{frame.x(dot.t_ms):.1f},{frame.y(dot.value):.1f}" for dot in run)
    return f'<polyline class="value" points="{points}"/>'


def _mark(frame: _Frame, dot: Dot) -> str:
    css = "dot" if dot.sound else "dot unsound"
    return f'<circle class="{css}" cx="{frame.x(dot.t_ms):.1f}" cy="{frame.y(dot.value):.1f}" r="3.5"/>'


def _level(frame: _Frame, line: Line) -> str:
    y = frame.y(line.value)
    return (
        f'<line class="level {line.css}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="level-label" x="{WIDTH - _RIGHT}" y="{y - 3:.1f}" text-anchor="end">{escape(line.label)}</text>'
    )


def _raised_at(frame: _Frame, t_ms: int | None) -> list[str]:
    if t_ms is None or not frame.holds(t_ms):
        return []
    x = f"{frame.x(t_ms):.1f}"
    return [f'<line class="raised-at" x1="{x}" x2="{x}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>']


def _scale(frame: _Frame, value: float) -> str:
    return (
        f'<text class="axis" x="{_LEFT - 6}" y="{frame.y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
    )


def _time(frame: _Frame, t_ms: int, anchor: str, utc_offset_minutes: int) -> str:
    moment = local_time(t_ms, utc_offset_minutes)
    at = f'x="{frame.x(t_ms):.1f}" y="{HEIGHT - 8}"'
    return f'<text class="axis" {at} text-anchor="{anchor}">{moment:%H:%M:%S}</text>'
