"""InfluxQL text, with every name and value quoted. Pure.

Quoting rather than bound parameters: the `/query` of InfluxDB 2 does not promise to bind them.
"""

from __future__ import annotations

from collections.abc import Sequence

from cunmai_ingest.lines import storable


def select(
    fields: Sequence[str], measurements: Sequence[str], where: Sequence[str], *, newest: int | None = None
) -> str:
    """A SELECT of these fields, or of everything where none is named.

    `newest`: only that many rows of each measurement, the latest first.
    """
    what = ", ".join(map(_name, fields)) or "*"
    tables = ", ".join(map(_name, measurements))
    order = "" if newest is None else f" ORDER BY time DESC LIMIT {int(newest)}"
    return f"SELECT {what} FROM {tables} WHERE {' AND '.join(where)}{order}"  # noqa: S608 - all of it is quoted


def tag_is(tag: str, text: str) -> str:
    """A condition on a tag."""
    escaped = storable(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"{_name(tag)} = '{escaped}'"


def time_within(from_ms: int, to_ms: int) -> tuple[str, str]:
    """The conditions for `from_ms <= time < to_ms`."""
    return f"time >= {int(from_ms)}ms", f"time < {int(to_ms)}ms"


def not_superseded() -> str:
    """The condition that leaves out readings which a correction stands in for. Events have no such field."""
    return f"{_name('superseded')} = false"


def _name(name: str) -> str:
    escaped = storable(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
