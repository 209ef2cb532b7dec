"""One limit as a number line: where it raises, where it clears, and what lies between. Inline SVG, pure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from cunmai_rules.thresholds.limits import Direction, Limit

WIDTH, HEIGHT = 640, 64
_LEFT, _RIGHT, _TOP, _BAR = 12, 12, 10, 18


def number_line_svg(raises: Limit, clears: Limit | None, *, grade: str, unit: str, title: str) -> str:
    """The picture. A filled point belongs to its zone, a hollow one does not."""
    values = [raises.value] + ([clears.value] if clears is not None else [])
    margin = max(3 * (max(values) - min(values)), abs(raises.value) * 0.05, 1.0)
    low, high = min(values) - margin, max(values) + margin
    if unit == "%":
        low, high = max(low, 0.0), min(high, 100.0)
    frame = _Frame(low, high)
    zones = [_zone(frame, raises, grade)] + ([_zone(frame, clears, "clear")] if clears is not None else [])
    marks = [_mark(frame, raises)] + ([_mark(frame, clears)] if clears is not None else [])
    return "".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" class="numberline">',
            f'<rect class="zone between" x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" height="{_BAR}"/>',
            *zones,
            *marks,
            _end(frame, low, "start"),
            _end(frame, high, "end"),
            "</svg>",
        ]
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    low: float
    high: float

    def x(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (inside - self.low) / (self.high - self.low)


def _zone(frame: _Frame, limit: Limit, css: str) -> str:
    low_side = limit.direction.low_side
    start, end = (frame.low, limit.value) if low_side else (limit.value, frame.high)
    x, width = frame.x(start), frame.x(end) - frame.x(start)
    zh, en = ("解除", "ends") if css == "clear" else ("报警", "alarm")
    at = f'x="{x + width / 2:.1f}" y="{_TOP + _BAR - 5}" text-anchor="middle"'
    return (
        f'<rect class="zone {css}" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" height="{_BAR}"/>'
        f'<text class="zh" {at}>{zh}</text><text class="en" {at}>{en}</text>'
    )


def _mark(frame: _Frame, limit: Limit) -> str:
    included = limit.direction in (Direction.AT_OR_BELOW, Direction.AT_OR_ABOVE)
    x, y = frame.x(limit.value), _TOP + _BAR / 2
    fill = "var(--ink)" if included else "var(--card)"
    return (
        f'<circle class="tick" cx="{x:.1f}" cy="{y}" r="5" fill="{fill}"/>'
        f'<text x="{x:.1f}" y="{_TOP + _BAR + 18}" text-anchor="middle">{limit.value:g}</text>'
    )


def _end(frame: _Frame, value: float, anchor: str) -> str:
    return f'<text class="axis" x="{frame.x(value):.1f}" y="{_TOP + _BAR + 18}" text-anchor="{anchor}">{value:g}</text>'
