"""The arithmetic: known values and a table in; a score, or honestly a range, out. Pure.

An unknown input is never counted as normal. Every value that it could still have is tried, so the
range is exact, and the inputs that would settle it are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product

from cunmai_rules.scores.table import Band, Choice, Input, ScoreTable, Table, as_written, fits

Known = Mapping[str, Decimal | Choice]
_NUMBERS = (int, float, Decimal)


class NotScorable(ValueError):
    """A value that no score may be made of. The message is for the person who entered it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Everything needed was known."""

    score: int
    band: str
    parts: dict[str, int]
    by_row: bool = False
    """The band was named by a row of the table, not by the points."""


@dataclass(frozen=True, slots=True)
class Range:
    """Something was missing: the score is not less than `least` and not more than `most`."""

    least: int
    most: int
    missing: tuple[str, ...]
    bands: tuple[str, ...]
    """The bands still possible, mildest first."""
    parts: dict[str, int]
    """The parts that are settled."""


def score(table: ScoreTable, given: Mapping[str, object]) -> Scored | Range:
    """Score one person. Unknown keys are passed over; a value that cannot be raises NotScorable."""
    known = dict(_known(table, given))
    tries = [_Try(table, case) for case in _cases(table, known)]
    totals = [total for one in tries for total in (one.least, one.most)]
    parts = _settled(table, tries)
    missing = _missing(table, known)
    bands = _in_order(table, {band for one in tries for band in one.bands()})
    if not missing:
        return Scored(tries[0].least, bands[0], parts, tries[0].row is not None)
    return Range(min(totals), max(totals), missing, bands, parts)


def readable(table: ScoreTable, given: Mapping[str, object]) -> dict[str, object]:
    """Of values that nobody can be asked about again, those that the table can read: the others are missing."""

    def reads(name: str) -> bool:
        try:
            _taken(name, table.inputs[name], given[name])
        except NotScorable:
            return False
        return True

    return {name: value for name, value in given.items() if reads(name)}


def _known(table: ScoreTable, given: Mapping[str, object]) -> Iterator[tuple[str, Decimal | Choice]]:
    for name, wanted in table.inputs.items():
        value = next((given[key] for key in (name, *wanted.also) if given.get(key) is not None), None)
        if value is None:
            value = wanted.default
        if value is not None:
            yield name, _taken(name, wanted, value)


def _taken(name: str, wanted: Input, value: object) -> Decimal | Choice:
    """A value as the table reads it. Raises NotScorable."""
    if wanted.choices is not None:
        for choice in wanted.choices:
            if value == choice and type(value) is type(choice):
                return choice
        allowed = ", ".join(_json(choice) for choice in wanted.choices)
        raise NotScorable(f"{name}: {_json(value)} 不可用, 可选 {allowed} / is not one of {allowed}")
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        raise NotScorable(f"{name}: {_json(value)} 应为数字 / should be a number")
    try:
        number = wanted.rounded(Decimal(str(value)))
    except InvalidOperation:
        number = Decimal("NaN")
    assert wanted.lowest is not None
    assert wanted.highest is not None
    if number.is_nan() or not wanted.lowest <= number <= wanted.highest:
        span = f"{wanted.lowest}-{wanted.highest} {wanted.unit}"
        raise NotScorable(f"{name}: {_json(value)} 不合理, 请核对 / is not within {span}: check the entry")
    return number


def _json(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)[:40]


def _cases(table: ScoreTable, known: Known) -> Iterator[Known]:
    """`known`, completed with every choice that the unknown circumstances could be.

    A choice that only gives points need not be tried: its part stands for all of them.
    """
    asked = {name for tables in table.parts.values() for one in tables for name in one.given}
    asked |= {name for row in table.by_row for name in row.given}
    open_ = [
        name
        for name, one in table.inputs.items()
        if name in asked and one.choices is not None and name not in known
    ]
    for chosen in product(*(table.inputs[name].choices or () for name in open_)):
        yield {**known, **dict(zip(open_, chosen, strict=True))}


class _Try:
    """The score of one case, in which only numbers may still be unknown."""

    def __init__(self, table: ScoreTable, case: Known) -> None:
        self._bands = table.bands
        self.points = {name: _possible(tables, case) for name, tables in table.parts.items()}
        self.least = sum(map(min, self.points.values()))
        self.most = sum(map(max, self.points.values()))
        rows = [row for row in table.by_row if _applies(row.given, case) is not False]
        self.row = next((row.band for row in rows if _applies(row.given, case)), None)
        self._row_maybe = {row.band for row in rows}

    def bands(self) -> set[str]:
        """Every band that this case can still end in."""
        if self.row is not None:
            return {self.row}
        outcomes = {(0, 0)}  # total, highest single part
        for points in self.points.values():
            outcomes = {(total + one, max(high, one)) for total, high in outcomes for one in points}
        return {_band(self._bands, *outcome) for outcome in outcomes} | self._row_maybe


def _applies(given: Mapping[str, object], case: Known) -> bool | None:
    """Whether the circumstances hold; None where that is unknown."""
    verdicts = [fits(wanted, case[name]) if name in case else None for name, wanted in given.items()]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _possible(tables: tuple[Table, ...], case: Known) -> frozenset[int]:
    """The points that one part can still have."""
    applying = [table for table in tables if _applies(table.given, case) is not False]
    if any(table.not_evidence for table in applying):
        applying = list(tables)  # the value says nothing: it could be any
        case = {}
    return frozenset(points for table in applying for points in _points(table, case))


def _points(table: Table, case: Known) -> tuple[int, ...]:
    """The points that a table gives for what is known; several where that leaves more than one."""
    value = case.get(table.reads)
    if value is None:
        return table.all_points()
    if table.rows is not None:
        return tuple(row.points for row in table.rows if isinstance(value, Decimal) and row.holds(value))
    return ((table.choices or {})[as_written(value)],) if not isinstance(value, Decimal) else ()


def _settled(table: ScoreTable, tries: list[_Try]) -> dict[str, int]:
    ends = {name: frozenset().union(*(one.points[name] for one in tries)) for name in table.parts}
    return {name: min(points) for name, points in ends.items() if len(points) == 1}


def _missing(table: ScoreTable, known: Known) -> tuple[str, ...]:
    """The inputs that were not given (or are no evidence) and that could change something."""
    unread = [name for name in table.inputs if name not in known and _matters(table, name, known)]
    blocked = [
        one.reads
        for tables in table.parts.values()
        for one in tables
        if one.not_evidence is not None and _applies(one.given, known)
    ]
    return tuple(dict.fromkeys(unread + blocked))


def _matters(table: ScoreTable, name: str, known: Known) -> bool:
    """Whether a table or a row that may still apply reads this input."""
    tables = [one for part in table.parts.values() for one in part if _applies(one.given, known) is not False]
    rows = [row for row in table.by_row if _applies(row.given, known) is not False]
    return any(name == one.reads or name in one.given for one in tables) or any(
        name in row.given for row in rows
    )


def _band(bands: tuple[Band, ...], total: int, highest_part: int) -> str:
    """The gravest band that the total or a single part gives."""
    found = [
        band.band
        for band in bands
        if (
            highest_part >= band.any_part
            if band.any_part is not None
            else (band.lowest or 0) <= total and (band.highest is None or total <= band.highest)
        )
    ]
    return found[-1]


def _in_order(table: ScoreTable, bands: set[str]) -> tuple[str, ...]:
    return tuple(band.band for band in table.bands if band.band in bands)
