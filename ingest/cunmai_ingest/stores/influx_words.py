"""What InfluxDB's answers mean, in one sentence for each language. Pure."""

from __future__ import annotations

import json

_MAX_DETAIL_CHARS = 300

EXPLAINED = {
    401: ("不接受令牌, 请检查 token", "refuses the token: check token"),
    403: ("令牌没有写权限, 请检查 token", "says the token may not do this: check token and bucket"),
    404: (
        "没有这个存储桶或组织, 请检查 bucket 和 org",
        "has no such bucket or organisation: check bucket and org",
    ),
}


def is_too_old(status: int, said: str) -> bool:
    """Whether a write was refused because there is no such path, rather than no such bucket."""
    return status == 404 and "page not found" in said


def said_by(body: str | bytes | None) -> str:
    """The server's own words, from an error answer that may be JSON or may be anything."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        text = str(document.get("message") or document.get("error") or text)
    return " ".join(text.split())[:_MAX_DETAIL_CHARS]
