"""Receipts on their way out: they wait for the link, and everything else goes on without them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

MOST_WAITING = 10_000

Publication = tuple[str, bytes]
"""Topic and payload."""


class Outgoing:
    """A bounded queue of receipts. One that falls out is harmless: the gateway sends again, and is receipted.

    They wait at every restart: the broker sends what it has kept for us before it confirms our
    subscriptions, and only then does the session count as up.
    """

    def __init__(
        self,
        publish: Callable[[str, bytes], bool],
        *,
        on_outcome: Callable[[bool], None] = lambda _sent: None,
        most: int = MOST_WAITING,
    ) -> None:
        """`publish` says whether it took the message; `on_outcome` is told of each that was sent or fell out."""
        self._publish = publish
        self._on_outcome = on_outcome
        self._waiting: deque[Publication] = deque(maxlen=most)

    def send(self, receipts: Iterable[Publication]) -> None:
        """Send now, in order behind what waits already, or when the link is back."""
        for receipt in receipts:
            if len(self._waiting) == self._waiting.maxlen:
                self._on_outcome(False)
            self._waiting.append(receipt)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the link takes it."""
        while self._waiting and self._publish(*self._waiting[0]):
            self._waiting.popleft()
            self._on_outcome(True)
