"""A real mosquitto with the settings we ship, installed as Debian has it, on a port of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.servers import end, free_port, listening, need_program, wait_until

_SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto" / "cunmai.conf"


class Mosquitto:
    """Start, stop, kill -9 and restart; the port and the store stay the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = need_program("mosquitto")
        config = self._write_config()
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        wait_until(lambda: listening(self.port), what="mosquitto listens")

    def _write_config(self) -> Path:
        """Debian's own file as it comes, which includes the shipped one; only the port is ours."""
        store, included = self.folder / "store", self.folder / "conf.d"
        store.mkdir(parents=True, exist_ok=True)
        included.mkdir(exist_ok=True)
        shipped = _SHIPPED.read_text()
        assert "\nlistener 1883 127.0.0.1\n" in shipped
        (included / "cunmai.conf").write_text(shipped.replace("listener 1883", f"listener {self.port}"))
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"persistence true\npersistence_location {store}/\ninclude_dir {included}\nuser root\n"
        )
        return config

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(5)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
