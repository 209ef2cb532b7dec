"""A Grafana on loopback that remembers what it was asked, and answers as Grafana 11 does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_right"


@dataclass
class FakeGrafana:
    """Its content, its moods, and the requests it has had: method, path, body."""

    prefix: str = ""
    folders: list[dict[str, str]] = field(default_factory=list)
    datasources: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    forbidden: bool = False
    broken: bool = False
    answers_html: bool = False
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def answer(self, method: str, path: str, authorization: str, body: Any) -> tuple[int, Any]:
        self.requests.append((method, path))
        if authorization != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        if self.forbidden:
            return 403, {"message": "You'll need additional permissions"}
        if self.broken:
            return 500, {"message": "Internal error"}
        route = path.removeprefix(f"{self.prefix}/api")
        if route.startswith("/datasources/uid/"):
            return self._datasource(method, route.rsplit("/", 1)[-1], body)
        routes: dict[tuple[str, str], Callable[[Any], tuple[int, Any]]] = {
            ("GET", "/folders"): self._list_folders,
            ("POST", "/folders"): self._add_folder,
            ("POST", "/dashboards/db"): self._put_dashboard,
            ("POST", "/datasources"): self._add_datasource,
        }
        serve = routes.get((method, route))
        return serve(body) if serve else (404, {"message": "Not found"})

    def _list_folders(self, _body: None) -> tuple[int, Any]:
        return 200, self.folders

    def _add_folder(self, body: dict[str, str]) -> tuple[int, Any]:
        self.folders.append({"uid": f"f{len(self.folders)}", "title": body["title"]})
        return 200, self.folders[-1]

    def _add_datasource(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.datasources[body["uid"]] = body
        return 200, {"id": 1, "message": "Datasource added"}

    def _put_dashboard(self, body: dict[str, Any]) -> tuple[int, Any]:
        dashboard = body["dashboard"]
        if dashboard["uid"] in self.dashboards and not body["overwrite"]:
            return 412, {"message": "The dashboard has been changed by someone else"}
        self.dashboards[dashboard["uid"]] = body
        return 200, {"status": "success", "url": f"{self.prefix}/d/{dashboard['uid']}/resident"}

    def _datasource(self, method: str, uid: str, body: Any) -> tuple[int, Any]:
        if uid not in self.datasources:
            return 404, {"message": "Data source not found"}
        if method == "PUT":
            self.datasources[uid] = body
        return 200, self.datasources[uid]

    def start(self) -> ThreadingHTTPServer:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Silence."""

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                authorization = self.headers.get("Authorization", "")
                status, answer = fake.answer(self.command, self.path, authorization, body)
                content = b"<html>hello</html>" if fake.answers_html else json.dumps(answer).encode()
                self.send_response(200 if fake.answers_html else status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def do_PUT(self) -> None:
                self._serve()

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server
