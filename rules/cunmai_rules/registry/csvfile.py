"""Reading a spreadsheet's CSV: UTF-8 with or without BOM, UTF-16, or GB18030; headers in Chinese or English."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from cunmai_rules.registry.cells import Stored, Unreadable, plain, trimmed, unguarded
from cunmai_rules.registry.tables import Column, Record, Table

_PIECE_BYTES = 1 << 20
MOST_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a file, and what was expected there. Never what stands there."""

    file: str
    line: int
    column: str
    zh: str
    en: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f" [{self.column}]" if self.column else "")
        return f"{where}: {self.zh} / expected {self.en}"


@dataclass(slots=True)
class Problems:
    """The first ones, and how many there are in all."""

    most: int = 200
    first: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, problem: Problem) -> None:
        self.count += 1
        if len(self.first) < self.most:
            self.first.append(problem)


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what its cells hold. Columns that the file does not have are not in `record`."""

    number: int
    record: Record


class CsvFile:
    """One file of one table. Iterating gives the rows that can be read; the rest goes to `problems`."""

    def __init__(self, path: Path, table: Table, problems: Problems) -> None:
        self.path = path
        self.table = table
        self._problems = problems
        self.bytes = path.stat().st_size
        self._reading: BinaryIO | None = None

    @property
    def done_bytes(self) -> int:
        """How far the reading has come, roughly."""
        return 0 if self._reading is None or self._reading.closed else self._reading.tell()

    def __iter__(self) -> Iterator[Line]:
        encoding = encoding_of(self.path)
        if encoding is None:
            self._problem(1, "", "文件编码应为 UTF-8 或 GB18030", "a file in UTF-8 or GB18030")
            return
        with self.path.open(encoding=encoding, newline="") as file:
            self._reading = cast("BinaryIO", file.buffer)
            yield from self._lines(file)

    def _lines(self, file: TextIOWrapper) -> Iterator[Line]:
        reader = csv.reader(file, delimiter=_delimiter(file), strict=True)
        columns: list[Column | None] | None = None
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error:
                self._problem(
                    number, "", "引号不成对或行中有非法字符", "quotes in pairs and no control characters"
                )
                return
            if not any(trimmed(cell) for cell in cells):
                continue
            if columns is None:
                columns = self._header(cells, number)
                if columns is None:
                    return
                continue
            record = self._record(cells, columns, number)
            if record is not None:
                yield Line(number, record)
        if columns is None:
            self._problem(1, "", "第一行应为表头", "a header in the first line")

    def _header(self, cells: list[str], number: int) -> list[Column | None] | None:
        before = self._problems.count
        columns = [self._column(at, cell, number) for at, cell in enumerate(cells[:MOST_COLUMNS], 1)]
        named = [column.name for column in columns if column is not None]
        for name in sorted({name for name in named if named.count(name) > 1}):
            self._problem(number, name, "这一列出现了两次", "this column once")
        for column in self.table.columns:
            if column.required and column.name not in named:
                self._problem(
                    number, column.name, f"缺少“{column.zh}”列", f"a column {column.name} ({column.zh})"
                )
        return columns if self._problems.count == before else None

    def _column(self, at: int, cell: str, number: int) -> Column | None:
        header = plain(trimmed(cell)).casefold()
        if not header:
            return None
        for column in self.table.columns:
            names = (column.name, column.zh, *column.also)
            if header in [plain(name).casefold() for name in names]:
                return column
        known = "、".join(column.zh for column in self.table.columns)
        english = ", ".join(column.name for column in self.table.columns)
        # By its place: in a file without a header, this is somebody's name.
        self._problem(number, f"第{at}列 column {at}", f"不认识这个表头, 可用: {known}", f"one of {english}")
        return None

    def _record(self, cells: list[str], columns: list[Column | None], number: int) -> Record | None:
        record: Record = {}
        good = True
        for column, cell in zip(columns, cells, strict=False):
            text = trimmed(cell)
            if column is None:
                if text:
                    self._problem(number, "", "表头为空的列里有内容", "nothing below an empty header")
                    good = False
                continue
            try:
                record[column.name] = _value(column, text)
            except Unreadable as error:
                self._problem(number, column.zh, error.zh, error.en)
                good = False
        for column in columns[len(cells) :]:
            if column is not None:
                good = self._missing(column, record, number) and good
        if any(trimmed(cell) for cell in cells[len(columns) :]):
            self._problem(number, "", "这一行的列数多于表头", "no more cells than the header has")
            good = False
        return record if good else None

    def _missing(self, column: Column, record: Record, number: int) -> bool:
        record[column.name] = None
        if column.required:
            self._problem(number, column.zh, "不能为空", "a value")
        return not column.required

    def _problem(self, number: int, column: str, zh: str, en: str) -> None:
        self._problems.add(Problem(self.path.name, number, column, zh, en))


def _value(column: Column, text: str) -> Stored:
    if text:
        return column.cell.read(unguarded(text))
    if column.required:
        raise Unreadable("不能为空", "a value")
    return None


def _delimiter(file: TextIOWrapper) -> str:
    """What the header's cells are separated by: a comma, or what some spreadsheets write in its place."""
    header = file.readline()
    file.seek(0)
    return max(",\t;", key=header.count)


def encoding_of(path: Path) -> str | None:
    """The encoding that all of the file can be read in. UTF-8 is tried first: GB18030 text is never valid in it."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    return next((encoding for encoding in candidates if _reads(path, encoding)), None)


def _reads(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True
