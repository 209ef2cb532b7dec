"""Search parameters, read strictly: what cannot be honoured is refused, never ignored. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from cunmai_ingest.fhir.catalogue import LOINC
from cunmai_ingest.fhir.observation import SYSTEM
from cunmai_ingest.query.base import Place
from cunmai_wire.base import refuse_personal_number

MOST_COUNT = 200
DEFAULT_COUNT = 50
MOST_CODES = 50
MOST_MS = 253_402_300_800_000

_DATE = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_RESIDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}")
_PAGE = re.compile(r"(\d{1,19})-(\d{1,6})-(\d{1,2})")


class BadSearch(Exception):
    """A search that is refused: the parameter, an issue code of FHIR, and one sentence."""

    def __init__(self, parameter: str, code: str, text: str) -> None:
        super().__init__(text)
        self.parameter = parameter
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins: at a place in the store, after so many resources of the reading that is there."""

    place: Place | None = None
    part: int = 0

    def text(self) -> str:
        assert self.place is not None
        return f"{self.place.t_ns}-{self.place.skip}-{self.part}"


def read_page(text: str | None) -> Page:
    """The page that a `next` link asks for; the first where there is none."""
    if text is None:
        return Page()
    found = _PAGE.fullmatch(text)
    if found is None or int(found[1]) >= 1 << 63 or int(found[2]) > 10_000:
        raise BadSearch("_page", "value", "follow the link of the page before; do not make one up")
    return Page(Place(int(found[1]), int(found[2])), int(found[3]))


def read_subject(subject: str | None, patient: str | None) -> str:
    """The resident's id. One is required: nobody browses everybody."""
    given = {text for text in (subject, patient) if text is not None}
    if not given:
        raise BadSearch("subject", "required", "name the resident: subject=Patient/ID")
    if len(given) > 1:
        raise BadSearch("subject", "value", "name one resident only")
    text = given.pop().removeprefix(f"{SYSTEM}:resident|").removeprefix("Patient/")
    if not _RESIDENT.fullmatch(text):
        raise BadSearch("subject", "value", "write subject=Patient/ID or subject=ID")
    try:
        return refuse_personal_number(text)
    except ValueError as error:
        raise BadSearch("subject", "value", str(error)) from None


def read_codes(text: str | None) -> tuple[str, ...] | None:
    """LOINC codes, with or without their system, with commas between; None where any will do."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) > MOST_CODES:
        raise BadSearch("code", "too-costly", f"at most {MOST_CODES} codes in one search")
    return tuple(found for part in parts if (found := _code(part)) is not None)


def _code(part: str) -> str | None:
    system, bar, code = part.rpartition("|")
    if not code:
        raise BadSearch("code", "value", "write code=http://loinc.org|59408-5 or code=59408-5")
    return code if not bar or system == LOINC else None


def read_count(text: str | None) -> int:
    """How many resources on a page. More than the most is the most, as FHIR allows."""
    if text is None:
        return DEFAULT_COUNT
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise BadSearch("_count", "value", "write a number from 1 up")
    return min(int(text), MOST_COUNT)


def read_dates(texts: Sequence[str], utc_offset_minutes: int) -> tuple[int, int]:
    """`from_ms <= t < to_ms`, where every given condition holds. Without a zone: the clinic's time."""
    from_ms, to_ms = 0, MOST_MS
    for text in texts:
        first, last = _condition(text, utc_offset_minutes)
        from_ms, to_ms = max(from_ms, first), min(to_ms, last)
    return from_ms, to_ms


def _condition(text: str, utc_offset_minutes: int) -> tuple[int, int]:
    found = _DATE.fullmatch(text)
    if found is None:
        raise BadSearch(
            "date", "value", "write date=2026-07-01, date=ge2026-07-01T08:00:00+08:00 or the like"
        )
    try:
        begin, end = _span(found, utc_offset_minutes)
    except (ValueError, OverflowError):
        raise BadSearch("date", "value", "there is no such day or time") from None
    match found[1]:
        case "ge":
            return begin, MOST_MS
        case "gt" | "sa":
            return end, MOST_MS
        case "le":
            return 0, end
        case "lt" | "eb":
            return 0, begin
        case _:
            return begin, end


def _span(found: re.Match[str], utc_offset_minutes: int) -> tuple[int, int]:
    """The span that a date of any precision covers. Raises ValueError, OverflowError."""
    year, month, day, hour, minute, second, fraction, zone = found.groups()[1:]
    begin = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
        int((fraction or "").ljust(6, "0")[:3]) * 1000, _zone(zone, utc_offset_minutes),
    )  # fmt: skip
    if month is None:
        end = begin.replace(year=begin.year + 1)
    elif day is None:
        end = (begin + timedelta(days=31)).replace(day=1)
    elif hour is None:
        end = begin + timedelta(days=1)
    elif second is None:
        end = begin + timedelta(minutes=1)
    else:
        end = begin + (timedelta(seconds=1) if fraction is None else timedelta(milliseconds=1))
    return _ms(begin), _ms(end)


def _zone(text: str | None, utc_offset_minutes: int) -> timezone:
    if text is None:
        return timezone(timedelta(minutes=utc_offset_minutes))
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _ms(moment: datetime) -> int:
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return min(
        max((elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000, 0), MOST_MS
    )
