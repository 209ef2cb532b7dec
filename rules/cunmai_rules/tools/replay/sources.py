"""Where a history comes from: files of readings, or what the rules' own journal still keeps.

A file is one of
- JSON lines: one wire envelope a line, or one reading a line (`t`, `kind`, its values; `resident`, `gateway`,
  `device`, `stream`, `seq`, `clock`, `quality` where they are known). `arrived` (ms) on either: when it came;
  without it an envelope came when it was sent, and a reading when it was measured;
- CSV: a column `t` (ms, or ISO 8601 with its zone) or `t_s` (seconds from the beginning), any of `resident`,
  `gateway`, `device`, `quality` (flags with blanks between), and values named `kind.field`, such as
  `oximetry.spo2_pct`. Without `resident`, the file is one resident, by its name;
- the numerics CSV of PhysioNet's BIDMC (`Time [s], HR, PULSE, RESP, SpO2`). A 0 there is a lost signal.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import TypeAdapter, ValidationError

from cunmai_rules.arrival import Placed, Sent, place
from cunmai_rules.journal.judgements import subject_of
from cunmai_rules.moments import read_moment
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.tools.replay.tape import Heard
from cunmai_runtime.slips import system_words
from cunmai_runtime.yamlfile import FileProblems, Problem
from cunmai_wire.base import ClockTrust
from cunmai_wire.envelope import AnyReading, EnvelopeHeader, parse_envelope
from cunmai_wire.parsing import explain
from cunmai_wire.readings import KINDS, Reading, values_of
from cunmai_wire.topics import Channel, gateway_topic

BIDMC_COLUMNS = ("Time [s]", "HR", "PULSE", "RESP", "SpO2")
BEGINS_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: where the seconds of a file without a date are counted from."""
NO_GATEWAY = "file"

_ABOUT = frozenset({"t", "t_s", "resident", "gateway", "device", "quality"})
_READING: TypeAdapter[Reading] = TypeAdapter(AnyReading)


class _Wrong(ValueError):
    """One line cannot be read; its text is `zh / en`."""


def read_file(path: Path, late_after_ms: int, begins_ms: int = BEGINS_MS) -> Iterator[Heard]:
    """The readings of one file, in the file's order. Raises FileProblems at the first line that is none."""
    reader = _Reader(path.stem, late_after_ms, begins_ms)
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = reader.table(file) if path.suffix.lower() == ".csv" else reader.lines(file)
            for line, heard in found:  # noqa: B007 - told where a later one is wrong
                yield from heard
    except OSError as error:
        zh, en = system_words(error)
        raise FileProblems([Problem(str(path), 1, f"读不到文件({zh})", f"cannot be read: {en}")]) from None
    except (UnicodeDecodeError, csv.Error):
        raise FileProblems([Problem(str(path), line + 1, "不是 UTF-8 文本", "not UTF-8 text")]) from None
    except _Wrong as error:
        zh, _, en = str(error).partition(" / ")
        raise FileProblems([Problem(str(path), reader.line, zh, en or zh)]) from None


class _Reader:
    """One file. `line` is where it is."""

    def __init__(self, name: str, late_after_ms: int, begins_ms: int) -> None:
        self.line = 0
        self._stream = str(uuid5(NAMESPACE_URL, name))
        self._late_after_ms = late_after_ms
        self._begins_ms = begins_ms
        self._seq = 0
        self._resident = _resident_of(name)

    # -- JSON lines -----------------------------------------------------------------------------------

    def lines(self, file: IO[str]) -> Iterator[tuple[int, list[Heard]]]:
        for self.line, text in enumerate(file, 1):
            if text.strip():
                yield self.line, self._line(text)

    def _line(self, text: str) -> list[Heard]:
        try:
            given = json.loads(text)
        except ValueError:
            raise _Wrong("不是 JSON / not JSON") from None
        if not isinstance(given, dict):
            raise _Wrong("每行应是一个 JSON 对象 / each line is one JSON object")
        arrived_ms = given.pop("arrived", None)
        if arrived_ms is not None and type(arrived_ms) is not int:
            raise _Wrong("arrived 应是毫秒整数 / arrived is a whole number of milliseconds")
        if "readings" in given:
            return self._envelope(given, text, arrived_ms)
        return [self._reading(given, arrived_ms)]

    def _envelope(self, given: dict[str, Any], text: str, arrived_ms: int | None) -> list[Heard]:
        parsed = parse_envelope(gateway_topic(str(given.get("gateway")), Channel.READINGS), text.encode())
        if parsed.header is None or parsed.refused:
            detail = parsed.refused[0].detail
            raise _Wrong(f"不是测量值信封: {detail} / not a readings envelope: {detail}")
        header = parsed.header
        return [self._heard(header, reading, arrived_ms) for reading in parsed.readings]

    def _reading(self, given: dict[str, Any], arrived_ms: int | None) -> Heard:
        self._seq += 1
        defaults = {"seq": self._seq, "clock": "trusted", "device": NO_GATEWAY}
        if given.get("kind") == "oximetry":
            defaults["mode"] = "continuous"
        header = _header(given, self._stream)
        reading = _checked(defaults | given)
        return self._heard(header.model_copy(update={"sent": reading.t}), reading, arrived_ms)

    def _heard(self, header: EnvelopeHeader, reading: Reading, arrived_ms: int | None) -> Heard:
        sent = Sent(header.sent, header.clock, header.sent if arrived_ms is None else arrived_ms)
        placed = place(reading.t, reading.clock, sent, self._late_after_ms)
        if not isinstance(placed, Placed):
            raise _Wrong(f"时间不可信: {placed} / {placed}")
        corrects = (reading.corrects.stream, reading.corrects.seq) if reading.corrects else None
        event = Observation(
            header.stream, reading.seq, reading.kind, placed.at_ms, values_of(reading), reading.quality,
            placed.late or corrects is not None, sent.arrived_ms,
        )  # fmt: skip
        subject = subject_of(header.gateway, reading.device, reading.resident)
        return Heard(subject, event, sent.arrived_ms, corrects)

    # -- tables ---------------------------------------------------------------------------------------

    def table(self, file: IO[str]) -> Iterator[tuple[int, list[Heard]]]:
        rows = csv.DictReader(file, skipinitialspace=True)
        names = tuple(name.strip() for name in rows.fieldnames or () if name)
        recorded = names[: len(BIDMC_COLUMNS)] == BIDMC_COLUMNS
        self.line = 1
        columns = {} if recorded else _columns(names)
        for row in rows:
            self.line = rows.line_num
            given = _recorded(row) if recorded else _tabulated(row, columns)
            yield self.line, [self._cells(row, kind, values) for kind, values in given.items()]

    def _cells(self, row: Mapping[str, str | None], kind: str, values: dict[str, Any]) -> Heard:
        about: dict[str, Any] = {
            name: row[name] for name in ("resident", "gateway", "device") if row.get(name)
        }
        if "resident" not in row:
            about["resident"] = self._resident
        quality = [*values.pop("quality", ()), *(row.get("quality") or "").split()]
        return self._reading(values | about | {"kind": kind, "t": self._t_ms(row), "quality": quality}, None)

    def _t_ms(self, row: Mapping[str, str | None]) -> int:
        seconds = row.get("t_s") or row.get("Time [s]")
        text = (row.get("t") or "").strip()
        try:
            if seconds:
                return self._begins_ms + round(float(seconds) * 1000)
            return int(text) if text.isdigit() else _instant_ms(text)
        except (ValueError, OverflowError):
            raise _Wrong(
                f"时间 {seconds or text!r} 读不懂: t 写毫秒或带时区的 ISO 8601, t_s 写秒 / "
                f"cannot read the time {seconds or text!r}: t in ms or ISO 8601 with its zone, t_s in seconds"
            ) from None


def _resident_of(name: str) -> str:
    """A resident id from a file's name. One that looks like a phone number is refused like any other."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in name).strip("-")
    return plain if len(plain) > 1 else f"file-{plain or uuid5(NAMESPACE_URL, name).hex[:8]}"


def _instant_ms(text: str) -> int:
    t_ms = read_moment(text, None)
    if t_ms is None:
        raise ValueError("no moment, or no zone")
    return t_ms


def _columns(names: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """The value columns of a table: name to kind and field."""
    found = {}
    for name in names:
        kind, _, field = name.partition(".")
        if name in _ABOUT:
            continue
        if kind not in KINDS or field not in KINDS[kind].model_fields:
            raise _Wrong(
                f"没有列 {name!r}, 应为 t, t_s, resident, gateway, device, quality 或 种类.字段 / "
                f"unknown column {name!r}: t, t_s, resident, gateway, device, quality, or kind.field"
            )
        found[name] = (kind, field)
    if not found or not {"t", "t_s"} & set(names):
        raise _Wrong(
            "表格须有 t 或 t_s 列和至少一个 种类.字段 列 / a table needs t or t_s, and at least one kind.field"
        )
    return found


def _tabulated(
    row: Mapping[str, str | None], columns: dict[str, tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """The readings of one row, by kind. An empty cell or NaN is no value."""
    kinds: dict[str, dict[str, Any]] = {}
    for name, (kind, field) in columns.items():
        value = _cell(row.get(name))
        if value is not None:
            kinds.setdefault(kind, {})[field] = value
    return kinds


def _recorded(row: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """The readings of one row of a BIDMC record. Without SpO2 a frame of an oximeter is no reading."""
    spo2, pulse = _cell(row.get("SpO2")), _cell(row.get("PULSE"))
    kinds: dict[str, dict[str, Any]] = {}
    if spo2 is not None:
        kinds["oximetry"] = {"spo2_pct": spo2} | ({} if pulse is None else {"pulse_bpm": pulse})
    singles = (("HR", "heart_rate", "heart_rate_bpm"), ("RESP", "respiration", "respiratory_rate_per_min"))
    for column, kind, field in singles:
        value = _cell(row.get(column))
        if value is not None and kind in KINDS:
            kinds[kind] = {field: value} | ({} if value else {"quality": ["poor_signal"]})
    return kinds


def _cell(text: str | None) -> float | str | None:
    text = (text or "").strip()
    if text in ("", "NaN", "nan"):
        return None
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _header(given: dict[str, Any], stream: str) -> EnvelopeHeader:
    """Whom a single reading is from, where it says so."""
    try:
        return EnvelopeHeader(
            v=1,
            gateway=given.pop("gateway", NO_GATEWAY),
            stream=given.pop("stream", stream),
            sent=0,
            clock=ClockTrust.TRUSTED,
        )
    except ValidationError as error:
        raise _Wrong(f"{explain(error)}") from None


def _checked(given: dict[str, Any]) -> Reading:
    try:
        return _READING.validate_json(json.dumps(given))
    except (ValidationError, ValueError) as error:
        why = explain(error) if isinstance(error, ValidationError) else str(error)
        raise _Wrong(f"不是测量值: {why} / not a reading: {why}") from None
