"""The self-test's own stream: its readings are numbered like a gateway's, across restarts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from cunmai_runtime.errors import Retryable
from cunmai_runtime.wholefile import write_whole


@dataclass
class Numbers:
    """Kept in a small file. A file that cannot be read is a new stream: nothing is ever given out twice."""

    path: Path
    stream: str = field(default_factory=lambda: str(uuid4()))
    seq: int = 0
    started_ms: int = 0
    """When the newest test began: a restart begins no test of its own."""

    @classmethod
    def of(cls, path: Path) -> Numbers:
        try:
            kept = json.loads(path.read_text())
            return cls(path, str(kept["stream"]), int(kept["seq"]), int(kept["started_ms"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def next(self) -> int:
        """The next number, kept before it is used. Raises Retryable."""
        self.seq += 1
        self._keep()
        return self.seq

    def started(self, now_ms: int) -> None:
        """A test begins. Raises Retryable."""
        self.started_ms = now_ms
        self._keep()

    def _keep(self) -> None:
        text = json.dumps({"stream": self.stream, "seq": self.seq, "started_ms": self.started_ms})
        try:
            write_whole(self.path, text.encode())
        except OSError as error:
            raise Retryable(f"{self.path}: {error.strerror}") from None
