"""Debian's real InfluxDB 1.6 on loopback, in a folder of its own, one for the whole test run."""

from __future__ import annotations

import atexit
import itertools
import json
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from cunmai_ingest.settings import InfluxSettings
from support.influx_front import InfluxFront
from support.servers import end, free_port, listening, need_program, wait_until

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  max-series-per-database = 0
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[logging]
  level = "error"
[monitor]
  store-enabled = false
"""

TOKEN = "a-token"

_numbers = itertools.count(1)


class Influxd:
    """Start, stop, kill -9 and restart one influxd; the ports and the store stay the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._rpc_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = need_program("influxd")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "influxd.conf"
        config.write_text(_CONFIG.format(folder=self.folder, port=self.port, rpc_port=self._rpc_port))
        with (self.folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-config", str(config)], stdout=log, stderr=log)
        wait_until(lambda: listening(self.port), what="influxd listens")

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(5)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)

    def query(self, statement: str, database: str = "", **parameters: str) -> list[dict[str, Any]]:
        """The series of an InfluxQL statement's first result, straight from the server, times in ns."""
        query = urllib.parse.urlencode({"q": statement, "db": database, "epoch": "ns", **parameters})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/query", data=query.encode())
        with urllib.request.urlopen(request, timeout=30) as response:
            result = json.load(response)["results"][0]
        assert "error" not in result, result["error"]
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def new_database(self) -> str:
        """The name of a database that no other test uses."""
        name = f"test{next(_numbers)}"
        self.query(f'CREATE DATABASE "{name}"')
        return name

    def front(self) -> InfluxFront:
        """A front of its own for one test, started; the test cuts it."""
        front = InfluxFront(self.port)
        front.start()
        return front


def influx_settings(front: InfluxFront, bucket: str, token: str = TOKEN) -> InfluxSettings:
    """The settings of a store behind `front`."""
    return InfluxSettings(
        kind="influxdb", url=front.url, org="county", bucket=bucket, token=SecretStr(token), timeout_s=5
    )


@cache
def shared_influxd() -> Influxd:
    """One server for all tests of a run that do not kill it. Starting one takes a second or two."""
    need_program("influxd")
    folder = Path(tempfile.mkdtemp(prefix="cunmai-influxd-"))
    server = Influxd(folder)
    server.start()

    def end_it() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end_it)
    return server
