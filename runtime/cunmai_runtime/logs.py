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

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def __call__(self, topic: str, text: str) -> bool:
        changed = self._last.get(topic) != text
        self._last[topic] = text
        return changed

    def clear(self, topic: str) -> bool:
        """Forget the last text; True where there was one, so that a recovery is logged once too."""
        return self._last.pop(topic, None) is not None
