"""Preparing InfluxDB: the bucket, how long it keeps what, and down-sampling. Safe to run again.

What is there is never made smaller: a bucket that keeps readings for longer than the settings say is left as
it is, and that is said. The forms of the requests: docs.influxdata.com, InfluxQL (1.8), API v2 (2.7), API v3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from cunmai_ingest.settings import InfluxSettings
from cunmai_ingest.stores import downsampling
from cunmai_ingest.stores.influx_words import EXPLAINED, said_by
from cunmai_runtime.errors import UserError

_DAY_S = 86_400


def setup(settings: InfluxSettings) -> Iterator[str]:
    """Prepare the server that the settings name; one sentence for each step. Raises UserError."""
    with _Server(settings) as server:
        version = server.version()
        yield f"InfluxDB {version} @ {settings.url}"
        if version.startswith("1."):
            yield from _setup_1(server, settings)
        elif version.startswith("2."):
            yield from _setup_2(server, settings)
        elif version.startswith("3."):
            yield from _setup_3(server, settings)
        else:
            raise UserError(f"不认识的版本 {version} / 1.8, 2.7 and 3 are known, not version {version}")


class _Server:
    """Requests to one server, each fault in one sentence."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._token = settings.token.get_secret_value()
        self._http = httpx.Client(base_url=settings.url, timeout=settings.timeout_s, trust_env=False)

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def version(self) -> str:
        """As the server names itself, without a leading v."""
        answer = self._request("GET", "/ping")
        return str(answer.headers.get("X-Influxdb-Version", "?")).removeprefix("v")

    def call(
        self, method: str, path: str, *, accept: tuple[int, ...] = (), scheme: str = "Token", **request: Any
    ) -> Any:
        """The answer's document; None for an answer that is in `accept`, or has no document."""
        answer = self._request(method, path, headers={"Authorization": f"{scheme} {self._token}"}, **request)
        if answer.status_code in accept:
            return None
        if answer.is_success:
            return answer.json() if answer.content else None
        said = said_by(answer.content)
        zh, en = EXPLAINED.get(
            answer.status_code, (f"返回 {answer.status_code}", f"answered {answer.status_code}")
        )
        raise UserError(f"InfluxDB {zh} / InfluxDB at {self._settings.url} {en} ({method} {path}: {said})")

    def query(self, statement: str) -> list[dict[str, Any]]:
        """The series of an InfluxQL statement."""
        document = self.call("POST", "/query", data={"q": statement, "db": self._settings.bucket})
        result = document["results"][0]
        if "error" in result:
            raise UserError(f"InfluxDB 不执行语句 / InfluxDB refuses a statement: {result['error']}")
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise UserError(
                f"连不上 InfluxDB / InfluxDB cannot be reached at {self._settings.url} ({type(error).__name__})"
            ) from None


# -- 1.x: a database, retention policies, continuous queries -------------------------------------------


def _setup_1(server: _Server, settings: InfluxSettings) -> Iterator[str]:
    database, keep = settings.bucket, settings.retention
    is_new = database not in [row[0] for row in _values(server.query("SHOW DATABASES"))]
    server.query(f'CREATE DATABASE "{database}"')
    yield f"数据库 / database {database}: {'已创建 created' if is_new else '已存在 was there'}"
    policies = {row[0]: row for row in _values(server.query(f'SHOW RETENTION POLICIES ON "{database}"'))}
    raw = next((name for name, row in policies.items() if row[-1]), "autogen")
    if is_new:
        server.query(
            f'ALTER RETENTION POLICY "{raw}" ON "{database}" DURATION {_influxql_days(keep.raw_days)}'
        )
        yield f"原始数据保存 / raw readings are kept: {_days(keep.raw_days)}"
    else:
        yield f"原始数据保存期不变 / how long raw readings are kept is left as it was: {policies[raw][1]}"
    for name, days in (("minute", keep.minute_days), ("hour", keep.hour_days)):
        if name not in policies:
            duration = _influxql_days(days)
            server.query(
                f'CREATE RETENTION POLICY "{name}" ON "{database}" DURATION {duration} REPLICATION 1'
            )
            yield f"保存策略 / retention policy {name}: {_days(days)}"
    there = {row[0] for one in server.query("SHOW CONTINUOUS QUERIES") if one["name"] == database
             for row in one.get("values", [])}  # fmt: skip
    for name, statement in downsampling.continuous_queries(database, raw):
        if name not in there:
            server.query(statement)
            yield f"降采样 / continuous query {name}"


def _values(series: list[dict[str, Any]]) -> list[list[Any]]:
    return [row for one in series for row in one.get("values", [])]


def _influxql_days(days: int) -> str:
    return f"{days}d" if days else "INF"


# -- 2.x: buckets, mappings for InfluxQL, tasks ----------------------------------------------------------


def _setup_2(server: _Server, settings: InfluxSettings) -> Iterator[str]:
    name, keep = settings.bucket, settings.retention
    found = server.call("GET", "/api/v2/orgs", params={"org": settings.org}, accept=(404,))
    if not found or not found["orgs"]:
        raise UserError(
            f"没有组织 {settings.org}, 请检查 org / there is no organisation {settings.org}: check org"
        )
    org = str(found["orgs"][0]["id"])
    for bucket, policy, days in (
        (name, "autogen", keep.raw_days),
        (f"{name}-minute", "minute", keep.minute_days),
        (f"{name}-hour", "hour", keep.hour_days),
    ):
        bucket_id, is_new = _bucket(server, org, bucket, days)
        yield f"存储桶 / bucket {bucket}: {f'已创建 created, {_days(days)}' if is_new else '已存在 was there'}"
        if _map(server, org, bucket_id, name, policy):
            yield f"InfluxQL 映射 / mapping {name}.{policy} -> {bucket}"
    for task, flux in downsampling.tasks(name):
        listed = server.call("GET", "/api/v2/tasks", params={"orgID": org, "name": task})
        if not listed["tasks"]:
            server.call("POST", "/api/v2/tasks", json={"orgID": org, "flux": flux, "status": "active"})
            yield f"降采样 / task {task}"


def _bucket(server: _Server, org: str, name: str, days: int) -> tuple[str, bool]:
    """Its id, and whether it was made now."""
    found = server.call("GET", "/api/v2/buckets", params={"orgID": org, "name": name}, accept=(404,))
    if found and found["buckets"]:
        return str(found["buckets"][0]["id"]), False
    rules = [{"type": "expire", "everySeconds": days * _DAY_S}] if days else []
    made = server.call("POST", "/api/v2/buckets", json={"orgID": org, "name": name, "retentionRules": rules})
    return str(made["id"]), True


def _map(server: _Server, org: str, bucket_id: str, database: str, policy: str) -> bool:
    """Let InfluxQL find the bucket as `database`.`policy`; whether that was needed."""
    listed = server.call("GET", "/api/v2/dbrps", params={"orgID": org, "bucketID": bucket_id})
    if any(one["database"] == database and one["retention_policy"] == policy for one in listed["content"]):
        return False
    mapping = {"orgID": org, "bucketID": bucket_id, "database": database, "retention_policy": policy}
    server.call("POST", "/api/v2/dbrps", json={**mapping, "default": policy == "autogen"})
    return True


# -- 3: a database ---------------------------------------------------------------------------------------


def _setup_3(server: _Server, settings: InfluxSettings) -> Iterator[str]:
    keep = settings.retention
    document: dict[str, Any] = {"db": settings.bucket}
    if keep.raw_days:
        document["retention_period"] = f"{keep.raw_days}d"
    listed = server.call("GET", "/api/v3/configure/database", params={"format": "json"}, scheme="Bearer")
    if settings.bucket in [row.get("iox::database") for row in listed]:
        yield f"数据库 / database {settings.bucket}: 已存在 was there"
    else:
        server.call("POST", "/api/v3/configure/database", json=document, scheme="Bearer")
        yield f"数据库 / database {settings.bucket}: 已创建 created, {_days(keep.raw_days)}"
    yield (
        "InfluxDB 3 没有服务器端的降采样任务, 需要处理引擎插件; 长期曲线请用 2.7 或 3 Enterprise / InfluxDB 3 has no"
        " tasks: down-sampling needs a plugin of its processing engine, which this command does not install"
    )


def _days(days: int) -> str:
    return f"{days} 天 days" if days else "永久 for ever"
