"""Reading the embedded store, beside the ingest that writes it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cunmai_ingest.query.base import Question, Row, TooSlow
from cunmai_ingest.query.sites import Sites
from cunmai_runtime.errors import Retryable

_INT64_MAX = 2**63 - 1
_STEPS_BETWEEN_LOOKS = 10_000
_NS_PER_MS = 1_000_000


class SqliteReader:
    """Opens the file anew for every question: each may come on another thread."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def close(self) -> None:
        """Nothing is held."""

    def rows(self, question: Question) -> list[Row]:
        query, values = _statement(question)
        deadline_s = time.monotonic() + self._timeout_s
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                db.execute(f"PRAGMA busy_timeout = {int(self._timeout_s * 1000)}")
                db.set_progress_handler(lambda: time.monotonic() > deadline_s, _STEPS_BETWEEN_LOOKS)
                found = db.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise TooSlow(f"longer than {self._timeout_s:g} s") from error
            raise Retryable(f"the store at {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise Retryable(f"the store at {self._path}: {error}") from error
        rows = [
            Row(measurement, t_ns, json.loads(tags), json.loads(fields))
            for measurement, t_ns, tags, fields in found
        ]
        return rows[question.place.skip if question.place else 0 :]


def _statement(question: Question) -> tuple[str, list[str | int]]:
    """Every name in it is ours; every value is bound."""
    where = [f"measurement IN ({', '.join('?' * len(question.measurements))})", "part = ''", "t_ns >= ?"]
    values: list[str | int] = [*question.measurements, min(question.from_ms * _NS_PER_MS, _INT64_MAX)]
    place = question.place
    last_ns = question.to_ms * _NS_PER_MS - 1
    where.append("t_ns <= ?")
    values.append(min(last_ns if place is None else min(place.t_ns, last_ns), _INT64_MAX))
    for tag, text in question.tags.items():
        where.append("resident = ?" if tag == "resident" else "json_extract(tags, '$.' || ?) = ?")
        values += [text] if tag == "resident" else [tag, text]
    for name, value in question.fields.items():
        where.append("json_extract(fields, '$.' || ?) = ?")
        values += [name, value]
    condition, sites = _sites(question.sites)
    where.append(condition)
    values += sites
    limit = question.limit + (place.skip if place else 0)
    query = (
        f"SELECT measurement, t_ns, tags, fields FROM points WHERE {' AND '.join(where)}"  # noqa: S608 - bound
        " ORDER BY t_ns DESC, measurement, stream, seq LIMIT ?"
    )
    return query, [*values, limit]


def _sites(sites: Sites) -> tuple[str, Sequence[str]]:
    if sites.all:
        return "1", []
    conditions = ["json_extract(tags, '$.gateway') = ?" for _ in sites.ids]
    # No id holds a character that GLOB takes for anything but itself.
    conditions += ["json_extract(tags, '$.gateway') GLOB ?" for _ in sites.prefixes]
    return f"({' OR '.join(conditions)})", [*sites.ids, *(f"{prefix}*" for prefix in sites.prefixes)]
