"""Statements as SQLite writes parameters (`?`, `:name`), for psycopg (`%s`, `%(name)s`). Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""
    (?P<quoted> '(?:[^']|'')*' )
    | (?P<cast> :: )
    | :(?P<name> [a-z_][a-z_0-9]* )
    | (?P<mark> \? )
    | (?P<percent> % )
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=1000)
def to_postgres(sql: str) -> str:
    """The same statement in psycopg's words. Made once for each text."""
    return _TOKEN.sub(_token, sql)


def _token(found: re.Match[str]) -> str:
    if found["name"]:
        return f"%({found['name']})s"
    if found["mark"]:
        return "%s"
    return found[0].replace("%", "%%")
