"""States that were read or written lately, beside the very text that the journal holds of each.

A state that is read anew costs its parsing, and its first readings are judged in full (docs/decisions/0012). Here it
is found by that text, never by the subject alone: whatever else has written the row, or taken it back, it is the
state that the row says, or it is read anew.
"""

from __future__ import annotations

from collections.abc import Callable

from cunmai_rules.thresholds.memory import Memory, load_memory
from cunmai_rules.thresholds.state import Profile

MOST_STATES = 4_000
"""Some 20 kB each."""


class RecentStates:
    """Of one connection. Bounded: what was used least lately goes first."""

    def __init__(self, most: int = MOST_STATES) -> None:
        self._most = most
        self._known: dict[str, tuple[str, Memory]] = {}

    def read(self, subject: str, text: str, profiles: Callable[[str], Profile | None]) -> Memory:
        """The state that this text says."""
        known = self._known.get(subject)
        memory = known[1] if known is not None and known[0] == text else load_memory(text, profiles)
        self.keep(subject, text, memory)
        return memory

    def keep(self, subject: str, text: str, memory: Memory) -> None:
        """`text`: what `dump_memory` has made of it, or what it was loaded from."""
        self._known.pop(subject, None)
        self._known[subject] = text, memory
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
