"""A page that is not shown, and the sentence that says why."""

from __future__ import annotations


class Refusal(Exception):
    """A link that opens nothing: which sentence to show, and the HTTP status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
