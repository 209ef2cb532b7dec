"""What makes the next step quicker, kept beside a state. Pure."""

from __future__ import annotations


class Hint:
    """Says nothing that the state does not say: any two are equal, and none is written to the journal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hint)

    def __hash__(self) -> int:
        return 0


NO_HINT = Hint()
