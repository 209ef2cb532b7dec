"""Publishing dashboards to a running Grafana through its HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from grafana_api.grafana_api import (  # type: ignore[import-untyped]
    GrafanaClientError,
    GrafanaException,
    GrafanaServerError,
    GrafanaUnauthorizedError,
)
from grafana_api.grafana_face import GrafanaFace  # type: ignore[import-untyped]

from cunmai_runtime.errors import UserError

_TIMEOUT_S = 15


class Grafana:
    """One Grafana server, spoken to with a service account's token. Every fault becomes a UserError."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"--url 应写成 http://主机:端口 / --url must be http://host:port, not {url!r}")
        if not token.strip() or not token.isascii() or not token.isprintable():
            raise UserError("--token 不像令牌 / --token does not look like a token: copy it again")
        self._url = url
        prefix = parts.path.strip("/")
        self._face = GrafanaFace(
            auth=token.strip(),
            host=parts.netloc,
            protocol=parts.scheme,
            url_path_prefix=f"{prefix}/" if prefix else "",
            timeout=_TIMEOUT_S,
        )

    def put_datasource(self, source: dict[str, Any]) -> None:
        """Create the data source, or bring the one with its uid up to date."""
        path = f"/datasources/uid/{source['uid']}"
        with self._faults():
            if self._exists(path):
                self._face.api.PUT(path, json=source)
            else:
                self._face.api.POST("/datasources", json=source)

    def put_dashboards(self, built: list[dict[str, Any]], folder: str) -> list[str]:
        """Create or replace dashboards in a folder, which is made where there is none; their addresses."""
        with self._faults():
            uid = self._folder_uid(folder)
            answers = [
                self._face.dashboard.update_dashboard(
                    {
                        "dashboard": one,
                        "folderUid": uid,
                        "overwrite": True,
                        "message": "cunmai dashboards push",
                    }
                )
                for one in built
            ]
            return [self._url.rstrip("/") + str(answer["url"]) for answer in answers]

    def _folder_uid(self, title: str) -> str:
        for folder in self._face.folder.get_all_folders():
            if folder["title"] == title:
                return str(folder["uid"])
        return str(self._face.folder.create_folder(title)["uid"])

    def _exists(self, path: str) -> bool:
        try:
            self._face.api.GET(path)
        except GrafanaClientError as error:
            if error.status_code == 404:
                return False
            raise
        return True

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except GrafanaUnauthorizedError:
            raise UserError(
                "Grafana 不接受令牌, 请检查 --token / Grafana refuses the token: check --token"
            ) from None
        except GrafanaServerError as error:
            raise UserError(
                f"Grafana 内部出错({error.status_code}), 请稍后重试 / "
                f"Grafana answered {error.status_code}: try again later"
            ) from None
        except GrafanaException as error:
            raise UserError(_client_error(error.status_code, str(error.message))) from None
        except requests.JSONDecodeError:
            raise self._not_grafana() from None
        except requests.RequestException as error:
            raise UserError(
                f"连不上 Grafana, 请检查 --url, 待其启动后重试 / Grafana cannot be reached at {self._url} "
                f"({type(error).__name__}): check --url, and try again when it is up"
            ) from None
        except (KeyError, TypeError):
            raise self._not_grafana() from None

    def _not_grafana(self) -> UserError:
        return UserError(
            f"{self._url} 不像 Grafana, 请检查 --url / {self._url} does not answer as Grafana does: check --url"
        )


def _client_error(status: int, message: str) -> str:
    if status == 403:
        return (
            "令牌权限不足, 服务账号需要 Editor(建数据源需要 Admin) / "
            "the token may not do this: its service account needs Editor (Admin for the data source)"
        )
    return f"Grafana 拒绝了请求 / Grafana refused: {message}"
