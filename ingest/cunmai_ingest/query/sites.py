"""Which sites someone may see: gateway ids, and prefixes of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\*?|\*")

MOST_SITES = 200


@dataclass(frozen=True, slots=True)
class Sites:
    """`clinic-01` is that gateway, `clinic-*` every gateway whose id begins so, `*` every gateway."""

    patterns: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises ValueError where a pattern could match by more than its beginning."""
        if not 1 <= len(self.patterns) <= MOST_SITES:
            raise ValueError(f"name 1 to {MOST_SITES} sites")
        for pattern in self.patterns:
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(f"not a gateway's id, nor the beginning of one with a star: {pattern!r}")

    @property
    def all(self) -> bool:
        return "*" in self.patterns

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(pattern for pattern in self.patterns if not pattern.endswith("*"))

    @property
    def prefixes(self) -> tuple[str, ...]:
        return tuple(pattern[:-1] for pattern in self.patterns if pattern.endswith("*"))

    def allow(self, gateway: str) -> bool:
        return gateway in self.ids or gateway.startswith(self.prefixes)


EVERYWHERE = Sites(("*",))
