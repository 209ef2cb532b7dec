"""What one look at one thing found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `todo_zh` and `todo_en` are empty when all is well."""

    check: str
    zh: str
    en: str
    todo_zh: str = ""
    todo_en: str = ""

    @property
    def ok(self) -> bool:
        return not self.todo_en

    def __str__(self) -> str:
        line = f"{'✓' if self.ok else '✗'} {self.zh} / {self.en}"
        return line if self.ok else f"{line}\n    → {self.todo_zh}\n    → {self.todo_en}"
