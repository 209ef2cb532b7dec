"""What must hold within one row, whatever else the registry says. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.registry.tables import Record

Fault = tuple[str, str, str]
"""The column's Chinese header, and what was expected in both languages."""

_LONGEST_SHIFT_MS = 14 * 86_400_000


def row_problems(table: str, record: Record) -> Iterator[Fault]:
    """Each fault of this row."""
    match table:
        case "sites":
            yield from _site(record)
        case "residents":
            yield from _resident(record)
        case "limits":
            yield from _limit(record)
        case "shifts":
            yield from _shift(record)
    if _both(record, "from_day", "until_day") and str(record["until_day"]) < str(record["from_day"]):
        yield "截止日期", "不能早于开始日期", "a day that is not before the first one"


def _site(record: Record) -> Iterator[Fault]:
    if ("latitude" in record or "longitude" in record) and (
        (record.get("latitude") is None) != (record.get("longitude") is None)
    ):
        yield "经度", "经度和纬度须一起填", "both latitude and longitude, or neither"


def _resident(record: Record) -> Iterator[Fault]:
    if _both(record, "birth", "age_band"):
        yield "年龄段", "出生年月和年龄段只填一个", "either a month of birth or an age band"
    if record.get("pregnant") == 1 and record.get("sex") == "male":
        yield "怀孕", "与性别不符", "a value that fits the sex"
    if record.get("pregnant_until") is not None and record.get("pregnant") == 0:
        yield "预产期", "未怀孕时不填", "nothing where pregnant is no"


def _limit(record: Record) -> Iterator[Fault]:
    if _both(record, "raises", "clears") and float(str(record["raises"])) == float(str(record["clears"])):
        yield "解除值", "应与报警值不同", "another value than the one that raises"


def _shift(record: Record) -> Iterator[Fault]:
    if not _both(record, "starts_ms", "ends_ms"):
        return
    length_ms = int(str(record["ends_ms"])) - int(str(record["starts_ms"]))
    if length_ms <= 0:
        yield "下班时间", "应晚于上班时间", "a time after the start"
    elif length_ms > _LONGEST_SHIFT_MS:
        yield "下班时间", "一个班次最长 14 天", "at most 14 days after the start"


def _both(record: Record, first: str, second: str) -> bool:
    return record.get(first) is not None and record.get(second) is not None
