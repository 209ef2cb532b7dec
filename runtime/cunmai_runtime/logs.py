"""Structured logs: one event name and its facts per line, readable on a terminal, JSON elsewhere.

Nothing personal and no secret is logged: callers pass opaque ids, and `SecretStr` prints as stars.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure_logging(*, level: str = "INFO", processors: tuple[Any, ...] = ()) -> None:
    """Send logs to stderr. `processors` come before the rendering one; the demo listens there."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *processors,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class OnChange:
    """Says whether a repeated message has changed: a failure that repeats is logged once, not each time."""

    def __init__(self, most_topics: int = 1000) -> None:
        self._last: dict[str, str] = {}
        self._most_topics = most_topics

    def __call__(self, topic: str, text: str) -> bool:
        if self._last.get(topic) == text:
            return False
        if topic not in self._last and len(self._last) >= self._most_topics:
            del self._last[next(iter(self._last))]
        self._last[topic] = text
        return True

    def clear(self, topic: str) -> bool:
        """Forget the last text; True where there was one, so that a recovery is logged once too."""
        return self._last.pop(topic, None) is not None
