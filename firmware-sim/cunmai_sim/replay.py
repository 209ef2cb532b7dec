"""Recorded vital signs from a CSV file, as samples."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_sim.errors import RecordingError, SimError
from cunmai_sim.replay_cells import BadCell, Clock, read_value
from cunmai_sim.replay_columns import Columns, mapped, recognise
from cunmai_sim.scenario import INTERVAL_S, Sample

MAX_BYTES = 256 << 20
MAX_ROWS = 1_000_000
_END_MARK = "collection halted"

_LIMITS = {"spo2": 100.0, "pulse": 400.0, "pi": 100.0}
"""The largest credible value of each field; 0 is how a device without a finger or a sensor says "none"."""


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that could not be read: its line (1 is the header), and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file held. `columns.told` says which columns were taken."""

    path: Path
    columns: Columns
    samples: tuple[Sample, ...]
    skipped: tuple[SkippedRow, ...]

    @property
    def duration_s(self) -> float:
        return self.samples[-1].at_s


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: list[str]


def read_recording(path: Path, mapping: Mapping[str, str] | None = None) -> Recording:
    """Read a CSV file with a header line.

    `mapping` names the columns (fields spo2, pulse, pi, time); without it the layouts of BIDMC and
    varied-FiO2 recordings are recognised. Times are seconds, clock times (midnight may pass) or ISO
    8601; without a time column rows are one second apart. Missing and zero values become None. Bad
    rows are left out and told in `skipped`. Raises RecordingError where nothing can be played.
    """
    header, rows = _load(path)
    try:
        columns = mapped(header, mapping) if mapping else recognise(header, _Shares(header, rows))
    except SimError as error:
        raise RecordingError(path, 1, error.chinese, error.english) from None
    samples, skipped = _samples(header, rows, columns)
    if not any(sample.spo2_pct is not None for sample in samples):
        line = skipped[0].line if skipped else rows[0].line
        why = f" ({skipped[0].reason})" if skipped else ""
        raise RecordingError(
            path,
            line,
            f"{columns.spo2} 列没有一个可用的血氧值",
            f"column {columns.spo2} has no usable SpO2{why}",
        )
    return Recording(path, columns, tuple(samples), tuple(skipped))


# -- the file -------------------------------------------------------------------------------------


def _load(path: Path) -> tuple[list[str], list[_Row]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    rows: list[_Row] = []
    header: list[str] | None = None
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if header is None:
                header = stripped
            elif _is_end(stripped):
                break
            elif stripped:  # a blank line is no row, one of empty cells is
                rows.append(_Row(reader.line_num, stripped))
            if len(rows) > MAX_ROWS:
                raise RecordingError(
                    path, reader.line_num, f"超过 {MAX_ROWS} 行", f"more than {MAX_ROWS} rows"
                )
    except csv.Error as error:
        raise RecordingError(path, reader.line_num, "不是有效的 CSV", f"not valid CSV: {error}") from None
    if not header or not rows:
        raise RecordingError(
            path, 1, "需要一行表头和至少一行数据", "expected a header line and at least one row of data"
        )
    return header, rows


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecordingError(path, 1, "文件超过 256 MiB", "the file is larger than 256 MiB")
        raw = path.read_bytes()
    except OSError as error:
        raise SimError(f"无法读取 {path}", f"cannot read {path}: {error.strerror}") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RecordingError(path, 1, "不是文本文件 (UTF-8 或 GB18030)", "not a text file (UTF-8 or GB18030)")


def _is_end(cells: Sequence[str]) -> bool:
    return cells[:1] != [] and cells[0].casefold() == _END_MARK and not any(cells[1:])


class _Shares:
    """Which share of the rows hold a value in a column."""

    def __init__(self, header: Sequence[str], rows: Sequence[_Row]) -> None:
        self._header = header
        self._rows = rows

    def __call__(self, column: str) -> float:
        index = self._header.index(column)
        return sum(self._holds(row.cells, index) for row in self._rows) / len(self._rows)

    @staticmethod
    def _holds(cells: Sequence[str], index: int) -> bool:
        try:
            return index < len(cells) and read_value(cells[index], _LIMITS["spo2"]) is not None
        except BadCell:
            return False


# -- the rows -------------------------------------------------------------------------------------


def _samples(
    header: Sequence[str], rows: Sequence[_Row], columns: Columns
) -> tuple[list[Sample], list[SkippedRow]]:
    samples: list[Sample] = []
    skipped: list[SkippedRow] = []
    clock = Clock(columns.time or "")
    for number, row in enumerate(rows):
        if columns.time and not any(row.cells):
            continue  # padding of a spreadsheet, not a moment without values
        try:
            values = {field: _value(header, row, columns, field) for field in _LIMITS}
            at_s = clock.at_s(_cell(header, row, columns.time)) if columns.time else number * INTERVAL_S
        except BadCell as error:
            skipped.append(SkippedRow(row.line, str(error)))
            continue
        samples.append(Sample(at_s, values["spo2"], values["pulse"], values["pi"]))
    return samples, skipped


def _value(header: Sequence[str], row: _Row, columns: Columns, field: str) -> float | None:
    column: str | None = getattr(columns, field)
    if column is None:
        return None
    try:
        return read_value(_cell(header, row, column), _LIMITS[field])
    except BadCell as error:
        raise BadCell(f"{column}: {error.chinese}", error.english) from None


def _cell(header: Sequence[str], row: _Row, column: str) -> str:
    index = header.index(column)
    if index >= len(row.cells):
        raise BadCell(
            f"只有 {len(row.cells)} 列, 缺少 {column}", f"has {len(row.cells)} cells, {column} is missing"
        )
    return row.cells[index]


def lines_of(skipped: Sequence[SkippedRow], *, at_most: int = 5) -> Iterator[str]:
    """What to tell of skipped rows: each of the first few, then how many more."""
    for row in skipped[:at_most]:
        yield f"{row.line}: {row.reason}"
    if len(skipped) > at_most:
        yield f"… 另有 {len(skipped) - at_most} 行 / and {len(skipped) - at_most} more"
