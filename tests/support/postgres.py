"""A real PostgreSQL of our own: a cluster in a temporary folder, on a Unix socket, run by an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
import pytest

from cunmai_rules.journal.database import PostgresAt
from support.servers import end, wait_until

_NUMBERS = count(1)


def need_postgres() -> Path:
    """The folder of its programs; skips the test where it is missing, and fails it under CI=true."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = [folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()]
    if found:
        return found[-1]
    message = "postgresql is not installed: run ./dev test as root, or apt install it"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


class Cluster:
    """Start, stop, kill -9 and restart; the data and the socket stay the same."""

    def __init__(self, *options: str) -> None:
        """`options`: settings of the server, such as `fsync=off`."""
        self._programs = need_postgres()
        # A short path: a Unix socket's name has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="cunmai-pg-"))
        self._user = _ordinary_user()
        self._options = [part for option in options for part in ("-c", option)]
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run(
            "initdb", "--no-sync", "--auth=trust", "--username=cunmai", "--encoding=UTF8", "--locale=C.UTF-8",
            "-D", str(self.data),
        )  # fmt: skip

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def dsn(self) -> str:
        return f"host={self.folder} user=cunmai dbname=postgres"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        command = [
            str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.folder),
            "-c", "listen_addresses=", "-c", "max_connections=60", *self._options,
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, user=self._user, cwd=self.folder
            )
        wait_until(self.answers, what="PostgreSQL answers")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """kill -9 of the server and of every process of it, as a power cut would."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self._process.kill()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(10)
        wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), what="all ended")

    def stop(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGQUIT)  # at once: its folder is thrown away
                try:
                    self._process.wait(10)
                except subprocess.TimeoutExpired:
                    end(self._process)
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def schema(self) -> PostgresAt:
        """A place for one more journal."""
        name = f"journal_{next(_NUMBERS)}"
        with closing(psycopg.connect(self.dsn, autocommit=True)) as db:
            db.execute(f"CREATE SCHEMA {name}")  # type: ignore[call-overload, unused-ignore]
        return PostgresAt(f"{self.dsn} options='-c search_path={name}'")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments], capture_output=True, text=True, user=self._user,
            cwd=self.folder, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _ordinary_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
