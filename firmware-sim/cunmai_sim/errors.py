"""What the simulator tells the person who runs it."""

from __future__ import annotations

from pathlib import Path


class SimError(ValueError):
    """Something the caller can mend: a file, an option, an address. One sentence, Chinese and English."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese} / {english}")
        self.chinese = chinese
        self.english = english


class RecordingError(SimError):
    """A recording that cannot be played: which file, which line (1 is the header), what was expected."""

    def __init__(self, path: Path, line: int, chinese: str, english: str) -> None:
        super().__init__(f"{path}:{line}: {chinese}", english)
        self.path = path
        self.line = line
