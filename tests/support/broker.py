"""A real mosquitto with the settings we ship, on a port and in a folder of its own."""

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
        store = self.folder / "store"
        store.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text(self._config(store))
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        wait_until(lambda: listening(self.port), what="mosquitto listens")

    def _config(self, store: Path) -> str:
        own = {
            "persistence_location": f"{store}/",
            "listener": f"{self.port} 127.0.0.1",
        }
        lines = []
        for line in _SHIPPED.read_text().splitlines():
            key = line.split(" ", 1)[0]
            lines.append(f"{key} {own[key]}" if key in own else line)
        return "\n".join([*lines, "user root", ""])

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(5)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
