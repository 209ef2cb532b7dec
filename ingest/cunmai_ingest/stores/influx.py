"""InfluxDB: written synchronously through `/api/v2/write`, read by InfluxQL through `/query`.

Those two paths are what InfluxDB 1.8, 2.7 and 3 have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from cunmai_ingest.lines import readable
from cunmai_ingest.points import EVENT_MEASUREMENTS, NS_PER_MS, READING_MEASUREMENTS, FieldValue, Storable
from cunmai_ingest.settings import InfluxSettings
from cunmai_ingest.stores.base import Health, Latest, RefusedPoint, StoredSeqs, WriteOutcome, encoded
from cunmai_ingest.stores.influx_words import EXPLAINED, is_too_old, said_by
from cunmai_ingest.stores.influxql import not_superseded, select, tag_is, time_within
from cunmai_runtime.errors import Permanent, Retryable
from cunmai_wire.parsing import RefusalReason
from cunmai_wire.ranges import SeqRanges

_Line = tuple[Storable, str]

_MEASUREMENTS = (*READING_MEASUREMENTS, *EVENT_MEASUREMENTS)
_TAGS = frozenset({"gateway", "stream", "device", "resident", "rule", "medicine", "team", "person"})

# In the words of 1.x and of 2.x; newer 2.x count what they dropped in a sentence of their own.
_BEYOND_RETENTION = re.compile(r"points (beyond|outside) retention policy")
_DROPPED = re.compile(r"dropped[= ](\d+)")

# The body itself is at fault: the same bytes will be refused again. Anything else may pass.
_REFUSES_BODY = frozenset({400, 413, 422})


class InfluxStore:
    """`Store` over HTTP. No background batching: a write that returned is in the database."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        token = settings.token.get_secret_value()
        self._client = InfluxDBClient(
            settings.url, token=token, org=settings.org, timeout=int(settings.timeout_s * 1000)
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._http = httpx.Client(
            base_url=settings.url,
            headers={"Authorization": f"Token {token}"},
            timeout=settings.timeout_s,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.close()

    # -- writing ------------------------------------------------------------------------------------

    def write(self, points: Sequence[Storable]) -> WriteOutcome:
        lines, refused = encoded(points)
        for start in range(0, len(lines), self._settings.max_lines):
            refused += self._write_or_split(lines[start : start + self._settings.max_lines])
        if not refused:
            return WriteOutcome(tuple(points), ())
        bad = {id(entry.point) for entry in refused}
        return WriteOutcome(tuple(point for point in points if id(point) not in bad), tuple(refused))

    def _write_or_split(self, lines: Sequence[_Line]) -> Iterator[RefusedPoint]:
        """Halve a refused body until each bad point stands alone. What was stored before is stored again."""
        try:
            self._post("\n".join([line for _, line in lines]).encode())
        except Permanent as error:
            if len(lines) == 1 or _all_dropped(str(error), len(lines)):
                beyond = _BEYOND_RETENTION.search(str(error))
                reason = RefusalReason.BEYOND_RETENTION if beyond else RefusalReason.STORE_REFUSED
                yield from [RefusedPoint(point, str(error), reason) for point, _ in lines]
                return
            middle = len(lines) // 2
            yield from self._write_or_split(lines[:middle])
            yield from self._write_or_split(lines[middle:])

    def _post(self, body: bytes) -> None:
        try:
            self._writer.write(self._settings.bucket, self._settings.org, body)  # The default unit is ns.
        except ApiException as error:
            status, said = int(error.status or 0), said_by(error.body)
            # Early 2.x answered 500 to a write beyond retention.
            if status in _REFUSES_BODY or (status == 500 and _BEYOND_RETENTION.search(said)):
                raise Permanent(f"InfluxDB {status}: {said}") from error
            raise Retryable(self._explain(status, said)[1]) from error
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            raise self._unreachable(error) from error

    def _explain(self, status: int, said: str) -> tuple[str, str]:
        zh, en = EXPLAINED.get(status, (f"返回 {status}", f"answered {status}"))
        at = f"InfluxDB at {self._settings.url}, bucket {self._settings.bucket},"
        return f"InfluxDB {zh}", f"{at} {en} ({said})"

    def _unreachable(self, error: Exception) -> Retryable:
        # The error's own text can hold addresses of objects: it would change, and be logged, every time.
        return Retryable(f"InfluxDB cannot be reached at {self._settings.url} ({type(error).__name__})")

    # -- checking -----------------------------------------------------------------------------------

    def check(self) -> Health:
        bucket = self._settings.bucket
        parameters = {"bucket": bucket, "org": self._settings.org, "precision": "ns"}
        try:
            version = self._http.get("/ping").headers.get("X-Influxdb-Version", "?")
            # An empty write names what is wrong with the token or the bucket, and stores nothing.
            answer = self._http.post("/api/v2/write", params=parameters, content=b"")
            if answer.status_code not in (204, 400):
                if is_too_old(answer.status_code, said_by(answer.content)):
                    en = f"InfluxDB at {self._settings.url} is {version}, which is too old: 1.8, 2.7 or 3 is needed"
                    return Health(ok=False, zh=f"InfluxDB {version} 太旧, 需要 1.8, 2.7 或 3", en=en)
                zh, en = self._explain(answer.status_code, said_by(answer.content))
                return Health(ok=False, zh=zh, en=en)
            self._query("SHOW MEASUREMENTS LIMIT 1")
        except httpx.HTTPError as error:
            return Health(ok=False, zh="连不上 InfluxDB", en=str(self._unreachable(error)))
        except Retryable as error:
            return Health(ok=False, zh="InfluxDB 不能查询", en=str(error))
        return Health(
            ok=True, zh="InfluxDB 可写可读", en=f"InfluxDB {version}, bucket {bucket}, takes writes"
        )

    # -- reading ------------------------------------------------------------------------------------

    def sequences(self, stream: str) -> StoredSeqs:
        found = self._query(select(["seq"], _MEASUREMENTS, [tag_is("stream", stream)]))
        numbers = [row["seq"] for _, row in found]
        seqs = SeqRanges()
        for number in sorted(numbers):
            seqs.add(number)
        return StoredSeqs(seqs, len(numbers))

    def history(
        self, resident: str, measurement: str, field: str, from_ms: int, to_ms: int, *, limit: int = 10_000
    ) -> list[tuple[int, FieldValue]]:
        where = [tag_is("resident", resident), *time_within(from_ms, to_ms)]
        if measurement not in EVENT_MEASUREMENTS:
            where.append(not_superseded())
        found = self._query(select([field], [measurement], where, newest=limit))
        values = [(row["time"] // NS_PER_MS, row[field]) for _, row in found]
        return values[::-1]

    def latest(self, resident: str) -> list[Latest]:
        of_resident = tag_is("resident", resident)
        found = self._query(select([], READING_MEASUREMENTS, [of_resident, not_superseded()], newest=1))
        found += self._query(select([], EVENT_MEASUREMENTS, [of_resident], newest=1))
        newest = [_latest(measurement, row) for measurement, row in found]
        return sorted(newest, key=lambda latest: latest.measurement)

    def _query(self, statement: str) -> list[tuple[str, dict[str, Any]]]:
        """Name of series and row, for each row of the answer; times in ns. Raises Retryable."""
        parameters = {"db": self._settings.bucket, "q": statement, "epoch": "ns"}
        try:
            answer = self._http.get("/query", params=parameters)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status_code != 200:
            raise Retryable(self._explain(answer.status_code, said_by(answer.content))[1])
        try:
            result = answer.json()["results"][0]
            if "error" in result:
                raise Retryable(f"InfluxDB at {self._settings.url}: {result['error']}")
            return _rows(result)
        except (ValueError, LookupError, TypeError) as error:
            raise Retryable(f"{self._settings.url} does not answer as InfluxDB does") from error


def _all_dropped(said: str, lines: int) -> bool:
    """Whether the server says that it dropped every line of the body: then there is nothing to search for."""
    found = _DROPPED.search(said)
    return found is not None and int(found[1]) == lines


def _rows(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (series["name"], dict(zip(series["columns"], values, strict=True)))
        for series in result.get("series", [])
        for values in series.get("values", [])
    ]


def _latest(measurement: str, row: dict[str, Any]) -> Latest:
    t_ms = row.pop("time") // NS_PER_MS
    present = {name: value for name, value in row.items() if value is not None}
    tags = {name: readable(value) for name, value in present.items() if name in _TAGS}
    fields = {name: value for name, value in present.items() if name not in _TAGS}
    return Latest(measurement, t_ms, tags, fields)
