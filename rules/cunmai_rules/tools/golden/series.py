"""Values over time in shorthand: `97x10 92x20 _x5 96..91x6`. Pure.

`97x10` ten times 97; `_` no value; `97..91` from one to the other by whole steps, `97..91x13` in 13 equal
steps. Words (`connectedx3 silent`) and yes or no (`true false`) repeat in the same way. A YAML list is taken
as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from cunmai_rules.thresholds.catalogue import NUMBERS, WORDED, Worded
from cunmai_wire.codes import Code

MOST_READINGS = 20_000
"""Of one series: over five hours of one a second."""

Expanded = tuple[object | None, ...]

_NUMBER = r"-?\d{1,9}(?:\.\d{1,6})?"
_TOKEN = re.compile(rf"(?P<value>_|{_NUMBER}(?:\.\.{_NUMBER})?)(?:x(?P<times>\d{{1,6}}))?")
_WORD = re.compile(r"(?P<value>_|[a-z][a-z_]*?|[A-Z])(?:x(?P<times>\d{1,6}))?")
_YES_OR_NO = {"true": True, "false": False}


def expand(kind: str, field: str, given: object) -> Expanded:
    """One field's values, in order; None where there is none. Raises ValueError with words for the author."""
    if isinstance(given, list):
        values = tuple(given)
    elif isinstance(given, str):
        values = _from_text(given, WORDED.get(f"{kind}.{field}") or NUMBERS.get(f"{kind}.{field}"))
    else:
        values = (given,)
    if not values or len(values) > MOST_READINGS:
        raise ValueError(f"一段序列 1 到 {MOST_READINGS} 个值 / a series has 1 to {MOST_READINGS} values")
    return values


def _from_text(text: str, type_: Worded | Code | None) -> Expanded:
    if isinstance(type_, Worded) and type_.yes_no:
        return _limited(_YES_OR_NO.get(str(word), word) for word in _words(text))
    if isinstance(type_, Worded) and type_.words:
        return _limited(_words(text))
    if isinstance(type_, Code):
        return _limited(_numbers(text))
    return (text,)


def _limited(values: Iterable[object | None]) -> Expanded:
    """No more than one too many: a mistyped count must not fill the memory."""
    found: list[object | None] = []
    for value in values:
        found.append(value)
        if len(found) > MOST_READINGS:
            break
    return tuple(found)


def _words(text: str) -> Iterator[object | None]:
    for token in text.split():
        found = _WORD.fullmatch(token)
        if found is None:
            raise _not_understood(token, "connectedx3 silent")
        yield from _repeat(None if found["value"] == "_" else found["value"], found["times"])


def _numbers(text: str) -> Iterator[object | None]:
    for token in text.split():
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise _not_understood(token, "97x10 92x20 _x5 96..91x6")
        value = found["value"]
        if ".." in value:
            first, _, last = value.partition("..")
            yield from _ramp(Fraction(first), Fraction(last), found["times"])
        else:
            yield from _repeat(None if value == "_" else _plain(Fraction(value)), found["times"])


def _repeat(value: object | None, times: str | None) -> Iterator[object | None]:
    for _ in range(min(int(times or 1), MOST_READINGS + 1)):
        yield value


def _ramp(first: Fraction, last: Fraction, times: str | None) -> Iterator[object]:
    count = int(times) if times else int(abs(last - first)) + 1
    if count < 2 or (times is None and (last - first).denominator != 1):
        raise ValueError(
            f"{_plain(first)}..{_plain(last)} 要写成几个值, 例如 97..91x7 / "
            f"{_plain(first)}..{_plain(last)} needs a count of values, for example 97..91x7"
        )
    for n in range(min(count, MOST_READINGS + 1)):
        yield _plain(first + (last - first) * n / (count - 1))


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else round(float(value), 6)


def _not_understood(token: str, example: str) -> ValueError:
    shown = token if len(token) <= 40 else token[:37] + "..."
    return ValueError(f"看不懂 {shown!r}, 写法如 {example} / {shown!r} is not understood; write {example}")
