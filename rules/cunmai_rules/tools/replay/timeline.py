"""One value over time with its limits, and beneath it when each rule was raised: one inline SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from cunmai_rules.moments import local_time

WIDTH, PLOT, ROW = 920, 170, 20
_LEFT, _RIGHT, _TOP, _AXIS = 190, 12, 12, 22
_LABEL = 28
"""Characters of a row's name that fit beside it."""
GAP_MS = 600_000
"""Readings further apart than this are not joined: nothing is known between them."""

Dots = Sequence[tuple[int, float]]
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Level:
    """A limit. `css` is `raise` or `clear`."""

    value: float
    css: str
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """When one rule of one rule set was raised (ms), and at which moments it raised an alarm."""

    label: str
    grade: str
    spans: Spans
    alarms: Sequence[int]


def timeline_svg(
    dots: Dots, levels: Sequence[Level], bands: Sequence[Band], *, title: str, utc_offset_minutes: int
) -> str:
    """Draw values, oldest first. Empty text without values."""
    if not dots:
        return ""
    frame = _Frame(dots, levels, bands)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {frame.height}" role="img" aria-label="{escape(title)}" class="timeline">',
        f'<rect class="plot" x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" height="{PLOT}"/>',
        *(_level(frame, level) for level in levels),
        *_line(frame, _thinned(dots, frame)),
        *_scale(frame),
        *_times(frame, utc_offset_minutes),
        *(part for row, band in enumerate(bands) for part in _band(frame, row, band)),
        "</svg>",
    ]
    return "".join(parts)


class _Frame:
    """Where a moment and a value stand on the picture."""

    def __init__(self, dots: Dots, levels: Sequence[Level], bands: Sequence[Band]) -> None:
        values = [value for _, value in dots] + [level.value for level in levels]
        margin = max(1.0, (max(values) - min(values)) * 0.05)
        self.low, self.high = min(values) - margin, max(values) + margin
        ends = [end for band in bands for _, end in band.spans]
        self.from_ms, self.to_ms = dots[0][0], max([dots[-1][0], *ends])
        self.height = _TOP + PLOT + _AXIS + ROW * len(bands) + 4

    def x(self, t_ms: int) -> float:
        inside = min(max(t_ms, self.from_ms), self.to_ms)
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (inside - self.from_ms) / max(1, self.to_ms - self.from_ms)

    def y(self, value: float) -> float:
        return _TOP + PLOT * (self.high - value) / (self.high - self.low)


def _thinned(dots: Dots, frame: _Frame) -> Dots:
    """The lowest and the highest of each two pixels, so that no dip is smoothed away."""
    columns: dict[int, list[tuple[int, float]]] = {}
    for dot in dots:
        columns.setdefault(int(frame.x(dot[0]) / 2), []).append(dot)
    kept: list[tuple[int, float]] = []
    for those in columns.values():
        ends = {those[0], min(those, key=_value), max(those, key=_value), those[-1]}
        kept += sorted(ends)
    return kept


def _value(dot: tuple[int, float]) -> float:
    return dot[1]


def _line(frame: _Frame, dots: Dots) -> Iterator[str]:
    run: list[str] = []
    last_ms = None
    for t_ms, value in dots:
        if last_ms is not None and t_ms - last_ms > GAP_MS:
            yield _run(run)
            run = []
        run.append(f"{frame.x(t_ms):.1f},{frame.y(value):.1f}")
        last_ms = t_ms
    yield _run(run)


def _run(points: Sequence[str]) -> str:
    if len(points) == 1:
        x, y = points[0].split(",")
        return f'<circle class="dot" cx="{x}" cy="{y}" r="2.5"/>'
    return f'<polyline class="value" points="{" ".join(points)}"/>'


def _level(frame: _Frame, level: Level) -> str:
    y = frame.y(level.value)
    return (
        f'<line class="level {level.css}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}">'
        f"<title>{escape(level.label)}</title></line>"
        f'<text class="mark {level.css}" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level.value:g}</text>'
    )


def _scale(frame: _Frame) -> Iterator[str]:
    for value, y in ((frame.high, _TOP + 10), (frame.low, _TOP + PLOT)):
        yield f'<text class="axis" x="{_LEFT - 36}" y="{y}" text-anchor="end">{value:.3g}</text>'


def _times(frame: _Frame, utc_offset_minutes: int) -> Iterator[str]:
    short = frame.to_ms - frame.from_ms < 24 * 3_600_000
    for part in range(5):
        t_ms = frame.from_ms + (frame.to_ms - frame.from_ms) * part // 4
        moment = local_time(t_ms, utc_offset_minutes)
        text = f"{moment:%H:%M:%S}" if short else f"{moment:%m-%d %H:%M}"
        anchor = ("start", "middle", "middle", "middle", "end")[part]
        yield (
            f'<text class="axis" x="{frame.x(t_ms):.1f}" y="{_TOP + PLOT + 16}" text-anchor="{anchor}">{text}</text>'
        )


def _band(frame: _Frame, row: int, band: Band) -> Iterator[str]:
    top = _TOP + PLOT + _AXIS + ROW * row
    yield f'<line class="base" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{top + 9}" y2="{top + 9}"/>'
    for start, end in band.spans:
        x = frame.x(start)
        width = max(2.0, frame.x(end) - x)
        yield f'<rect class="raised {band.grade}" x="{x:.1f}" y="{top + 3}" width="{width:.1f}" height="12"/>'
    for t_ms in band.alarms:
        x = frame.x(t_ms)
        yield f'<path class="alarm" d="M{x:.1f} {top + 1} v16"/>'
    label = band.label if len(band.label) <= _LABEL else band.label[: _LABEL - 1] + "…"
    yield f'<text class="band" x="4" y="{top + 13}">{escape(label)}<title>{escape(band.label)}</title></text>'
