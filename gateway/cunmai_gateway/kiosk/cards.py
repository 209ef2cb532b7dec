"""The clinic's table of cards: which card number stands for which resident id. A CSV file, read again when changed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog

from cunmai_gateway.kiosk.identify import looks_personal, normalised
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import OnChange

MAX_FILE_BYTES = 4 << 20
MAX_CARDS = 50_000


def read_cards(path: Path, resident_ids: re.Pattern[str]) -> dict[str, str]:
    """Card numbers to resident ids. Raises UserError with the line, and never with a card's number."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UserError(f"{path}: 文件过大 / larger than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(
            f"{path}: 读不到卡片表({error.strerror}) / cannot be read: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: 不是 UTF-8 编码 / not UTF-8 text") from None
    rows = csv.reader(text.splitlines())
    if [cell.strip().lower() for cell in next(rows, [])] != ["card", "resident"]:
        raise UserError(f"{path}:1: 第一行应为 card,resident / the first line should be card,resident")
    cards: dict[str, str] = {}
    for line, card, resident in _rows(path, rows):
        _check(path, line, card, resident, resident_ids)
        if cards.setdefault(card, resident) != resident:
            raise UserError(f"{path}:{line}: 同一张卡写了两次 / one card is given to two residents")
    if len(cards) > MAX_CARDS:
        raise UserError(f"{path}: 卡片太多 / more than {MAX_CARDS} cards")
    return cards


def _rows(path: Path, rows: Iterator[list[str]]) -> Iterator[tuple[int, str, str]]:
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != 2:
            raise UserError(f"{path}:{line}: 应为两列 card,resident / two columns are expected")
        yield line, normalised(row[0]).upper(), row[1].strip()


def _check(path: Path, line: int, card: str, resident: str, resident_ids: re.Pattern[str]) -> None:
    if not card or looks_personal(card) or looks_personal(resident):
        raise UserError(
            f"{path}:{line}: 空的, 或像身份证号、手机号 / empty, or looks like an identity or phone number"
        )
    if not resident_ids.fullmatch(resident):
        raise UserError(f"{path}:{line}: 居民编号不合格式 / the resident id is not of the configured form")


class Cards:
    """The table in force. A file with a fault changes nothing: the table before it stays."""

    def __init__(self, path: Path | None, resident_ids: re.Pattern[str]) -> None:
        self._path = path
        self._resident_ids = resident_ids
        self._stamp: tuple[int, int] | None = None
        self._table: dict[str, str] = {}
        self._changed = OnChange()
        self.problem: str | None = None

    def table(self) -> Mapping[str, str]:
        """The newest table that was without fault."""
        if self._path is not None and (stamp := _stamp(self._path)) != self._stamp:
            self._stamp = stamp
            self._read(self._path)
        return self._table

    def _read(self, path: Path) -> None:
        try:
            self._table = read_cards(path, self._resident_ids)
        except UserError as error:
            self.problem = str(error)
            if self._changed("cards", self.problem):
                structlog.get_logger("kiosk").error("kiosk.cards", problem=self.problem)
        else:
            self.problem = None
            self._changed.clear("cards")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1)
    return found.st_mtime_ns, found.st_size
