"""InfluxDB 2.7 and 3 as their API documentation describes them, and nothing more: every other request is a fault.

Not the real thing: neither can be installed where the tests run. The forms are those of docs.influxdata.com
(API v2: /orgs, /buckets, /dbrps, /tasks, /write; API v3: /configure/database; /ping). What a test learns here is
that our requests have the documented form, and that documented answers are understood. It stores lines by the
text of their series and time, so that a test can see what was written.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ORG = {"id": "0000000000000001", "name": "county"}
TOKEN = "a-token"

Answer = tuple[int, Any]


@dataclass
class FakeInflux:
    """`version`: "2.7.11" or "3.2.0". Serves until `close`."""

    version: str
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    dbrps: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    refuse: str = ""
    """Lines that hold this text are refused, as a field of another type is."""
    faults: list[str] = field(default_factory=list)
    """Requests that the documentation does not have."""

    def __post_init__(self) -> None:
        fake = self

        class Handler(_Handler):
            influx = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    # -- answers ------------------------------------------------------------------------------------

    def write(self, query: dict[str, str], body: str) -> Answer:
        if set(query) != {"org", "bucket", "precision"} or query["precision"] != "ns":
            return self.fault(f"write with {query}")
        if self.major == "2" and query["bucket"] not in self.buckets:
            return 404, {"code": "not found", "message": f'bucket "{query["bucket"]}" not found'}
        bad = [line for line in body.split("\n") if self.refuse and self.refuse in line]
        for line in body.split("\n"):
            if line and line not in bad:
                series, _, rest = line.partition(" ")
                self.lines[f"{series} {rest.rpartition(' ')[2]}"] = line
        if not bad:
            return 204, None
        if self.major == "2":
            said = (
                f"failure writing points to database: partial write: field type conflict dropped={len(bad)}"
            )
            return 422, {"code": "unprocessable entity", "message": said}
        data = [
            {"original_line": line, "line_number": 1, "error_message": "invalid column type"} for line in bad
        ]
        return 400, {"error": "partial write of line protocol occurred", "data": data}

    def v2(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:  # noqa: PLR0911 - a table
        if method == "GET" and path == "/orgs" and set(query) == {"org"}:
            return 200, {"orgs": [ORG] if query["org"] == ORG["name"] else []}
        if method == "GET" and path == "/buckets" and set(query) == {"orgID", "name"}:
            found = self.buckets.get(query["name"])
            return 200, {"buckets": [found] if found else []}
        if method == "POST" and path == "/buckets" and set(body) == {"orgID", "name", "retentionRules"}:
            return self._make_bucket(body)
        if method == "GET" and path == "/dbrps" and set(query) == {"orgID", "bucketID"}:
            return 200, {"content": [one for one in self.dbrps if one["bucketID"] == query["bucketID"]]}
        mapping = {"orgID", "bucketID", "database", "retention_policy", "default"}
        if method == "POST" and path == "/dbrps" and set(body) == mapping:
            self.dbrps.append({**body, "id": f"{len(self.dbrps):016x}", "virtual": False})
            return 201, self.dbrps[-1]
        if method == "GET" and path == "/tasks" and set(query) == {"orgID", "name"}:
            return 200, {"tasks": [one for one in self.tasks if one["name"] == query["name"]]}
        if method == "POST" and path == "/tasks" and set(body) == {"orgID", "flux", "status"}:
            name = body["flux"].split('name: "')[1].split('"')[0]
            self.tasks.append({**body, "name": name, "id": f"{len(self.tasks):016x}"})
            return 201, self.tasks[-1]
        return self.fault(f"{method} /api/v2{path} {query} {body}")

    def _make_bucket(self, body: dict[str, Any]) -> Answer:
        if body["name"] in self.buckets:
            return 422, {"code": "conflict", "message": f"bucket with name {body['name']} already exists"}
        for rule in body["retentionRules"]:
            if (
                set(rule) != {"type", "everySeconds"}
                or rule["type"] != "expire"
                or rule["everySeconds"] < 3600
            ):
                return self.fault(f"retention rule {rule}")
        self.buckets[body["name"]] = {**body, "id": f"{0xB0 + len(self.buckets):016x}"}
        # A bucket is mapped by its own name without being asked.
        mapping = {"database": body["name"], "retention_policy": "autogen", "default": True, "virtual": True}
        self.dbrps.append({**mapping, "bucketID": self.buckets[body["name"]]["id"], "orgID": body["orgID"]})
        return 201, self.buckets[body["name"]]

    def v3(self, method: str, query: dict[str, str], body: Any) -> Answer:
        if method == "GET" and query == {"format": "json"}:
            return 200, [{"iox::database": name} for name in self.databases]
        if method == "POST" and {"db"} <= set(body) <= {"db", "retention_period"}:
            if body["db"] in self.databases:
                return 409, {"error": "attempted to create a resource that already exists"}
            self.databases[body["db"]] = body
            return 200, None
        return self.fault(f"{method} /api/v3/configure/database {query} {body}")

    def fault(self, text: str) -> Answer:
        self.faults.append(text)
        return 400, {"code": "invalid", "message": f"not in the documentation: {text}"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    influx: FakeInflux

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, document = self._route(method, text)
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header(
            "X-Influxdb-Version", ("v" if self.influx.major == "2" else "") + self.influx.version
        )
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _route(self, method: str, text: str) -> Answer:  # noqa: PLR0911 - a table
        influx, url = self.influx, urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == "/ping":
            return (204, None) if influx.major == "2" else (200, {"version": influx.version})
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        allowed = {"Bearer"} if url.path.startswith("/api/v3/") else {"Token", "Bearer"}
        if scheme not in allowed or token != TOKEN:
            return 401, {"code": "unauthorized", "message": "unauthorized access"}
        if url.path == "/api/v2/write" and method == "POST":
            return influx.write(query, text)
        if url.path == "/query":
            return 200, {"results": [{"statement_id": 0}]}
        is_json = (self.headers.get("Content-Type") or "").startswith("application/json")
        if method == "POST" and not is_json:
            return influx.fault(f"{url.path} without a JSON body")
        body = json.loads(text) if text else {}
        if url.path.startswith("/api/v2/") and influx.major == "2":
            return influx.v2(method, url.path.removeprefix("/api/v2"), query, body)
        if url.path == "/api/v3/configure/database" and influx.major == "3":
            return influx.v3(method, query, body)
        return influx.fault(f"{method} {url.path}")
