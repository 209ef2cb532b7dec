"""Lengths of time as authors write them: `90s`, `2m30s`, `1d`. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

MOST_MS = 400 * 24 * 3_600_000
"""A little over a year: no case needs more."""

_UNITS_MS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_PATTERN = r"^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$"


def parse_span(text: object) -> int:
    """Milliseconds. Raises ValueError with words for the author."""
    found = re.fullmatch(_PATTERN, text) if isinstance(text, str) and text else None
    if found is None:
        raise ValueError(
            f"时间要写单位, 例如 30s, 2m30s, 1d, 不是 {text!r} / "
            f"a time needs units, for example 30s, 2m30s, 1d, not {text!r}"
        )
    length_ms = sum(
        int(count) * unit_ms for count, (_, unit_ms) in zip(found.groups("0"), _UNITS_MS, strict=True)
    )
    if length_ms > MOST_MS:
        raise ValueError("时间最长 400 天 / a time is 400 days at most")
    return length_ms


def show_span(length_ms: int) -> str:
    """The same again: the largest units first, none that is empty."""
    parts = []
    for unit, unit_ms in _UNITS_MS:
        count, length_ms = divmod(length_ms, unit_ms)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


Span = Annotated[
    int, BeforeValidator(parse_span), WithJsonSchema({"type": "string", "pattern": _PATTERN, "minLength": 2})
]
"""In a file, text; in the program, milliseconds."""
