"""Which columns of a recording hold what: known layouts by their header, others by the caller's map. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cunmai_sim.errors import SimError

FIELDS = ("spo2", "pulse", "pi", "time")
"""What a map may name."""

_SENSORS = 9


@dataclass(frozen=True, slots=True)
class Columns:
    """Column names as written in the header, without the spaces around them. None: not recorded."""

    layout: str
    spo2: str
    pulse: str | None = None
    pi: str | None = None
    time: str | None = None

    @property
    def told(self) -> str:
        """For the person who replays: what was taken from where."""
        parts = [f"{field}={getattr(self, field)}" for field in FIELDS if getattr(self, field)]
        return f"{self.layout}: {', '.join(parts)}"


def parse_map(text: str) -> dict[str, str]:
    """`spo2=COLUMN,pulse=COLUMN,pi=COLUMN,time=COLUMN` to a dictionary. Raises SimError."""
    mapping: dict[str, str] = {}
    for part in text.split(","):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if field not in FIELDS or not equals or not column or field in mapping:
            raise SimError(
                f"--map 中的 {part.strip()!r} 无法识别, 写法是 spo2=列名,pulse=列名,pi=列名,time=列名",
                f"cannot read {part.strip()!r} in --map: "
                "write spo2=COLUMN,pulse=COLUMN,pi=COLUMN,time=COLUMN",
            )
        mapping[field] = column
    _require_spo2(mapping)
    return mapping


def _require_spo2(mapping: Mapping[str, str]) -> None:
    if "spo2" not in mapping:
        raise SimError("--map 必须说明 spo2 是哪一列", "--map must say which column is spo2")


def mapped(header: Sequence[str], mapping: Mapping[str, str]) -> Columns:
    """The caller's columns. Without `time=`, a column called Time or Time [s] is used if there is one.

    Raises SimError naming the column that the header lacks.
    """
    _require_spo2(mapping)
    found = {field: _find(header, column) for field, column in mapping.items()}
    usual_time = next((name for name in header if re.fullmatch(r"(?i)time(\s*\[s\])?", name)), None)
    return Columns("map", found["spo2"], found.get("pulse"), found.get("pi"), found.get("time", usual_time))


def _find(header: Sequence[str], column: str) -> str:
    for same in (str, str.casefold):
        for name in header:
            if same(name) == same(column):
                return name
    raise SimError(
        f"没有名为 {column!r} 的列, 文件里有: {_listed(header)}",
        f"there is no column {column!r}; the file has {_listed(header)}",
    )


def recognise(header: Sequence[str], has_data: Callable[[str], float]) -> Columns:
    """A known layout by its header. `has_data` tells which share of a column's rows hold a value.

    Raises SimError where the header is of no known layout.
    """
    names = set(header)
    if {"Time [s]", "PULSE", "SpO2"} <= names:
        return Columns("bidmc", spo2="SpO2", pulse="PULSE", time="Time [s]")
    sensors = [n for n in range(1, _SENSORS + 1) if f"SpO2 {n}" in names]
    if "Time" in names and sensors:
        return _varied_fio2(names, _best_sensor(sensors, has_data))
    raise SimError(
        f"无法识别的表头 ({_listed(header)}), 请用 --map spo2=列名,pulse=列名,pi=列名",
        f"the header is of no known layout ({_listed(header)}): use --map spo2=COLUMN,pulse=COLUMN,pi=COLUMN",
    )


def _best_sensor(sensors: Sequence[int], has_data: Callable[[str], float]) -> int:
    """The first sensor that gives data in at least half of the rows, else the one that gives most."""
    shares = {sensor: has_data(f"SpO2 {sensor}") for sensor in sensors}
    return next((sensor for sensor in sensors if shares[sensor] >= 0.5), max(sensors, key=shares.__getitem__))


def _varied_fio2(names: set[str], sensor: int) -> Columns:
    def of_sensor(quantity: str) -> str | None:
        name = f"{quantity} {sensor}"
        return name if name in names else None

    return Columns(
        f"varied_fio2, sensor {sensor}",
        spo2=f"SpO2 {sensor}",
        pulse=of_sensor("Pulse"),
        pi=of_sensor("PI"),
        time="Time",
    )


def _listed(header: Sequence[str]) -> str:
    shown = [name for name in header if name][:12]
    more = ", …" if len([name for name in header if name]) > len(shown) else ""
    return ", ".join(shown) + more if shown else "(empty)"
