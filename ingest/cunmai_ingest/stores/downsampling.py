"""Down-sampling as text: mean, least and greatest of each minute and hour, of what is measured of residents. Pure.

Readings that a correction stands in for are left out. A window is made again for 26 hours, so that what
arrives late by as much is still in it; what arrives later is in the raw readings only.
"""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_wire.codes import CODES
from cunmai_wire.readings import KINDS, Assessment, DeviceStatus, SiteStatus, UltrasoundExam

RESOLUTIONS = (("minute", "1m", "30m"), ("hour", "1h", "1h"))
"""Name, length of a window, how often it is made."""

_LATE = "26h"
_AGGREGATES = ("mean", "min", "max")
_NOT_OF_A_BODY = (Assessment, DeviceStatus, SiteStatus, UltrasoundExam)
_coded = {kind for kind, _ in CODES}

VITALS: dict[str, tuple[str, ...]] = {
    kind: tuple(name for coded, name in CODES if coded == kind)
    for kind, model in KINDS.items()
    if kind in _coded and model not in _NOT_OF_A_BODY
}
"""Which fields of which kinds: everything that has a code and is measured of a person."""


def continuous_queries(database: str, raw: str) -> Iterator[tuple[str, str]]:
    """Name and InfluxQL of each, for 1.x. `raw`: the retention policy of the readings."""
    for policy, window, every in RESOLUTIONS:
        for kind, fields in VITALS.items():
            name = f"cunmai_{policy}_{kind}"
            columns = ", ".join(
                f'{aggregate}("{field}") AS "{field}_{aggregate}"'
                for field in fields
                for aggregate in _AGGREGATES
            )
            select = (
                f'SELECT {columns} INTO "{database}"."{policy}"."{kind}" FROM "{database}"."{raw}"."{kind}"'  # noqa: S608
                f' WHERE "superseded" = false GROUP BY time({window}), "gateway", "device", "resident"'
            )
            yield (
                name,
                (
                    f'CREATE CONTINUOUS QUERY "{name}" ON "{database}" RESAMPLE EVERY {every} FOR {_LATE}'
                    f" BEGIN {select} END"
                ),
            )


def tasks(bucket: str) -> Iterator[tuple[str, str]]:
    """Name and Flux of each task, for 2.x."""
    for policy, window, every in RESOLUTIONS:
        name = f"cunmai_{policy}"
        calls = "\n".join(
            f'shrink(kind: "{kind}", field: "{field}", what: "{aggregate}", fn: {aggregate})'
            for kind, fields in VITALS.items()
            for field in fields
            for aggregate in _AGGREGATES
        )
        yield (
            name,
            _FLUX.format(
                name=name,
                every=every,
                late=_LATE,
                window=window,
                bucket=bucket,
                to=f"{bucket}-{policy}",
                calls=calls,
            ),
        )


_FLUX = """option task = {{name: "{name}", every: {every}, offset: 1m}}

shrink = (kind, field, what, fn) =>
    from(bucket: "{bucket}")
        |> range(start: -{late})
        |> filter(fn: (r) => r._measurement == kind and (r._field == field or r._field == "superseded"))
        |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
        |> filter(fn: (r) => exists r[field] and not r.superseded)
        |> map(fn: (r) => ({{r with _value: float(v: r[field])}}))
        |> group(columns: ["_start", "_stop", "_measurement", "gateway", "device", "resident"])
        |> aggregateWindow(every: {window}, fn: fn, createEmpty: false)
        |> set(key: "_field", value: field + "_" + what)
        |> to(bucket: "{to}", tagColumns: ["gateway", "device", "resident"])

{calls}
"""
