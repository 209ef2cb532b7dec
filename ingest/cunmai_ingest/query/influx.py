"""Reading InfluxDB by InfluxQL through `/query`, which 1.8, 2.7 and 3 all answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from cunmai_ingest.lines import readable
from cunmai_ingest.query.base import Question, Row, TooSlow
from cunmai_ingest.query.sites import Sites
from cunmai_ingest.settings import InfluxSettings
from cunmai_ingest.stores.influxql import select, tag_is
from cunmai_runtime.errors import Retryable

TAGS = frozenset({"gateway", "stream", "device", "resident", "rule", "medicine", "team", "person"})
MOST_AT_ONCE = 10_000
"""Rows of one nanosecond: readings of as many gateways."""

_LAST_NS = 2**63 - 1
_NS_PER_MS = 1_000_000


class InfluxReader:
    """One pool of connections, which any thread may use."""

    def __init__(self, settings: InfluxSettings, timeout_s: float) -> None:
        self._settings = settings
        self._http = httpx.Client(
            base_url=settings.url,
            headers={"Authorization": f"Token {settings.token.get_secret_value()}"},
            timeout=timeout_s,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def rows(self, question: Question) -> list[Row]:
        statement = _statement(question)
        if statement is None:
            return []
        skip = question.place.skip if question.place else 0
        asked_for = question.limit + skip + 1
        found: list[Row] = []
        for series in self._series(statement):
            rows = _rows(series)
            found += self._whole_moment(rows, question) if len(rows) == asked_for else rows
        found.sort(key=_order)
        return found[skip : skip + question.limit]

    def _whole_moment(self, rows: list[Row], question: Question) -> list[Row]:
        """The same rows, where the cut fell between two moments. Else all rows of the moment that was cut.

        Which of several rows of one moment InfluxDB leaves out is not the same every time.
        """
        last = rows[-1]
        if rows[-2].t_ns != last.t_ns:
            return rows
        at_once = replace(question, measurements=(last.measurement,), place=None, limit=MOST_AT_ONCE)
        statement = _statement(at_once, moment_ns=last.t_ns) or ""
        before = [row for row in rows if row.t_ns != last.t_ns]
        return before + [row for series in self._series(statement) for row in _rows(series)]

    def _series(self, statement: str) -> list[dict[str, Any]]:
        parameters = {"db": self._settings.bucket, "q": statement, "epoch": "ns"}
        where = f"InfluxDB at {self._settings.url}"
        try:
            answer = self._http.get("/query", params=parameters)
        except httpx.ReadTimeout as error:
            raise TooSlow(f"{where} did not answer in time") from error
        except httpx.HTTPError as error:
            raise Retryable(f"{where} cannot be reached ({type(error).__name__})") from error
        if answer.status_code != 200:
            raise Retryable(f"{where} answered {answer.status_code}")
        try:
            result = answer.json()["results"][0]
            if "error" in result:
                raise Retryable(f"{where}: {result['error']}")
            series: list[dict[str, Any]] = result.get("series", [])
        except (ValueError, LookupError, TypeError) as error:
            raise Retryable(f"{where} does not answer as InfluxDB does") from error
        return series


def _order(row: Row) -> tuple[int, str, str, int]:
    seq = row.fields.get("seq", 0)
    return -row.t_ns, row.measurement, row.tags.get("stream", ""), int(seq)


def _statement(question: Question, *, moment_ns: int | None = None) -> str | None:
    """None where nothing can be found: the times are beyond what InfluxDB can hold.

    `moment_ns`: rows of exactly this time.
    """
    first_ns = question.from_ms * _NS_PER_MS
    last_ns = min(question.to_ms * _NS_PER_MS - 1, _LAST_NS)
    if question.place is not None:
        last_ns = min(last_ns, question.place.t_ns)
    if first_ns > last_ns:
        return None
    if moment_ns is not None:
        first_ns = last_ns = moment_ns
    where = [f"time >= {first_ns}", f"time <= {last_ns}"]
    where += [tag_is(tag, text) for tag, text in question.tags.items()]
    where += [_field_is(name, value) for name, value in question.fields.items()]
    where += _sites(question.sites)
    # One more than is wanted, to see whether the cut falls within one moment.
    limit = question.limit + (question.place.skip if question.place else 0) + 1
    return select([], question.measurements, where, newest=limit)


def _field_is(name: str, value: str | int) -> str:
    return f'"{name}" = {value}' if isinstance(value, int) else tag_is(name, value)


def _sites(sites: Sites) -> list[str]:
    if sites.all:
        return []
    # An id holds only small letters, digits and dashes: nothing that a regular expression takes otherwise.
    whole = [f"^{gateway}$" for gateway in sites.ids]
    return [f'"gateway" =~ /{"|".join([*whole, *(f"^{prefix}" for prefix in sites.prefixes)])}/']


def _rows(series: dict[str, Any]) -> list[Row]:
    columns: list[str] = series["columns"]
    return [
        _row(series["name"], dict(zip(columns, values, strict=True))) for values in series.get("values", [])
    ]


def _row(measurement: str, cells: dict[str, Any]) -> Row:
    t_ns = int(cells.pop("time"))
    present = {name: value for name, value in cells.items() if value is not None}
    tags = {name: readable(value) for name, value in present.items() if name in TAGS}
    fields = {name: value for name, value in present.items() if name not in TAGS}
    return Row(measurement, t_ns, tags, fields)
