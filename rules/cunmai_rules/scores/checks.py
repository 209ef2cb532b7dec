"""What the models of a score table cannot see by themselves: gaps, overlaps, forgotten cases. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from itertools import pairwise, product
from typing import Any

from cunmai_rules.scores.table import (
    Band,
    Choice,
    Condition,
    Input,
    NamedRow,
    Row,
    ScoreTable,
    Table,
    among,
    as_written,
    fits,
)
from cunmai_rules.thresholds.catalogue import NUMBERS, WORDED, nearest

Path = tuple[str | int, ...]


def faults_of(table: ScoreTable) -> Iterator[tuple[Path, str]]:
    """What the models by themselves cannot see: where, and what is wrong, Chinese / English."""
    for name, one_input in table.inputs.items():
        if (fault := _fault(partial(_check_source, name, one_input))) is not None:
            yield ("inputs", name), fault
    for name, tables in table.parts.items():
        checks = [partial(_check_table, name, one, table.inputs) for one in tables]
        checks.append(partial(_check_circumstances, name, tables, table.inputs))
        for index, check in enumerate(checks):
            if (fault := _fault(check)) is not None:
                yield ("parts", name, index), fault
                break
    for index, row in enumerate(table.by_row):
        if (fault := _fault(partial(_check_row, row, table))) is not None:
            yield ("by_row", index), fault
    if (fault := _fault(partial(_check_bands, table.bands))) is not None:
        yield ("bands",), fault


def _fault(check: Callable[[], None]) -> str | None:
    try:
        check()
    except ValueError as error:
        return str(error)
    return None


def _check_source(name: str, one: Input) -> None:
    """Where a rule finds the input must be one place, and hold what the input asks for."""
    if sum((bool(one.reads), one.fact is not None, bool(one.by_condition))) > 1:
        raise ValueError(
            f"{name}: reads, fact, by_condition 只写一个 / give one of reads, fact and by_condition"
        )
    for value in one.reads:
        _check_read(name, one, value)
    if one.by_condition and (one.default is None or one.choices is None):
        raise ValueError(
            f"{name}: by_condition 要有 choices 和 default / by_condition needs choices and a default"
        )
    for choice in one.by_condition.values():
        if not among(choice, one.choices or ()):
            raise ValueError(f"{name}: {choice!r} 不是选项 / {choice!r} is no choice of it")


def _check_read(name: str, one: Input, value: str) -> None:
    if value in NUMBERS and one.unit != NUMBERS[value].ucum:
        unit = NUMBERS[value].ucum
        raise ValueError(
            f"{name}: {value} 的单位是 {unit!r}, 不是 {one.unit!r} / {value} is in {unit!r}, not {one.unit!r}"
        )
    if value not in NUMBERS and value not in WORDED:
        near = nearest(value, (*NUMBERS, *WORDED))
        raise ValueError(f"{name}: 没有 {value}, 相近的有: {near} / no value {value}; near it: {near}")
    if value in WORDED:
        known = {as_written(choice) for choice in one.choices or ()}
        lacking = ", ".join(choice for choice in WORDED[value].choices if choice not in known)
        if lacking:
            raise ValueError(
                f"{name}: choices 缺少 {value} 的 {lacking} / choices lack what {value} can be: {lacking}"
            )


def _check_row(row: NamedRow, table: ScoreTable) -> None:
    _check_given("by_row", row.given, table.inputs)
    if row.band not in {band.band for band in table.bands}:
        raise ValueError(f"没有等级 {row.band} / there is no band {row.band}")


def _check_given(where: str, given: Mapping[str, Any], inputs: dict[str, Input]) -> None:
    for name, wanted in given.items():
        if name not in inputs:
            raise ValueError(f"{where}: 没有项目 {name} / there is no input {name}")
        choices = inputs[name].choices
        if isinstance(wanted, Condition):
            if choices is not None:
                raise ValueError(f"{where}: {name} 是选择项 / {name} is a choice, not a number")
            continue
        for one in wanted if isinstance(wanted, tuple) else (wanted,):
            if choices is None or not among(one, choices):
                raise ValueError(f"{where}: {one!r} 不是 {name} 的选项 / {one!r} is no choice of {name}")


def _check_table(name: str, table: Table, inputs: dict[str, Input]) -> None:
    _check_given(name, table.given, inputs)
    if table.reads not in inputs:
        raise ValueError(f"{name}: 没有项目 {table.reads} / there is no input {table.reads}")
    read = inputs[table.reads]
    if table.choices is not None:
        wrong = ", ".join(sorted(set(table.choices) ^ {as_written(choice) for choice in read.choices or ()}))
        if wrong:
            raise ValueError(f"{name}: 选项不全或多余: {wrong} / choices left out or unknown: {wrong}")
    if table.rows is not None:
        if read.step is None:
            raise ValueError(f"{name}: {table.reads} 是选择项, 用 choices / {table.reads} is a choice")
        _check_rows(name, table.rows, read.step)


def _check_circumstances(name: str, tables: tuple[Table, ...], inputs: dict[str, Input]) -> None:
    """Whatever the circumstances, exactly one of a part's tables applies."""
    asked = {key: wanted for table in tables for key, wanted in table.given.items()}
    for case in product(*(_every(key, tables, inputs[key]) for key in asked)):
        circumstances = dict(zip(asked, case, strict=True))
        applying = [
            table
            for table in tables
            if all(fits(wanted, circumstances[key]) for key, wanted in table.given.items())
        ]
        if len(applying) != 1:
            said = ", ".join(f"{key} {value}" for key, value in circumstances.items())
            zh, en = ("没有表", "no table applies") if not applying else ("表重复", "several tables apply")
            raise ValueError(f"{name}: {said}: {zh} / {said}: {en}")


def _every(name: str, tables: tuple[Table, ...], one: Input) -> list[Choice | Decimal]:
    """Every choice of an input; of a number, each side of each boundary that the tables name."""
    if one.choices is not None:
        return list(one.choices)
    assert one.lowest is not None
    assert one.step is not None
    conditions = [wanted for table in tables if isinstance(wanted := table.given.get(name), Condition)]
    cuts = {cut for condition in conditions for cut in (condition.lowest, condition.below) if cut is not None}
    return [one.lowest, *(side for cut in sorted(cuts) for side in (cut - one.step, cut))]


def _check_rows(name: str, rows: tuple[Row, ...], step: Decimal) -> None:
    """Lowest first, each beginning one step above the end of the one before, open at both ends."""
    if rows[0].lowest is not None:
        raise ValueError(
            f"{name}: 最低一行缺少下方: 去掉 from / nothing covers below {rows[0].lowest}: drop its from"
        )
    if rows[-1].highest is not None:
        raise ValueError(
            f"{name}: 最高一行缺少上方: 去掉 to / nothing covers above {rows[-1].highest}: drop its to"
        )
    for below, above in pairwise(rows):
        if below.highest is None or above.lowest is None:
            raise ValueError(f"{name}: 只有首尾两行可以不封口 / only the first and the last row may be open")
        if below.lowest is not None and below.lowest > below.highest:
            raise ValueError(f"{name}: {below.lowest}-{below.highest} 颠倒 / is upside down")
        if above.lowest > below.highest + step:
            missing = f"{below.highest + step}-{above.lowest - step}"
            raise ValueError(f"{name}: 缺少 {missing} / nothing covers {missing}")
        if above.lowest <= below.highest:
            raise ValueError(
                f"{name}: {above.lowest}-{below.highest} 重叠 / rows overlap at {above.lowest}-{below.highest}"
            )


def _check_bands(bands: tuple[Band, ...]) -> None:
    """The totals are covered from 0 upwards, without gap or overlap."""
    by_total = [band for band in bands if band.any_part is None]
    expected: int | None = 0
    for band in by_total:
        if expected is None or band.lowest != expected:
            raise ValueError(
                f"bands: {band.band} 应从 {expected} 开始 / {band.band} should begin at {expected}"
            )
        expected = None if band.highest is None else band.highest + 1
    if expected is not None:
        raise ValueError(f"bands: {expected} 分以上没有等级 / nothing covers {expected} points and more")
