"""What stands in the documents' samples where a person's own value belongs. Pure.

A number nobody has is found out at the first alarm, and a secret that is printed is everybody's. So settings
that still hold one are refused when they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

KNOWN = frozenset({"anotherOneOfAtLeast24Letters", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"})
"""Samples that were printed, and that no pattern finds."""
_PATTERN = re.compile(
    r"put-(the|your|a)-\S+-here|put\w+Here|\S*(?<![a-z])(replace|change)[-_]?me(?![a-z])\S*|<[\w -]+>|\.{3}|…",
    re.IGNORECASE,
)

_INSTEAD = {
    "to": ("这位联系人的手机号", "this contact's phone number"),
    "secret": (" cunmai rules new-secret 生成的密钥", "a secret made by cunmai rules new-secret"),
    "callback_token": (
        "自己的口令, 至少 24 位字母和数字",
        "a token of your own, of at least 24 letters and digits",
    ),
    "token": ("数据库发给您的令牌", "the token that the database gave you"),
    "password": ("这个账号自己的密码", "this account's own password"),
}
_ELSE = ("您自己的内容", "a value of your own")
_KEYS = ("短信平台控制台里的密钥", "the key from the SMS provider's console")
_INSTEAD |= dict.fromkeys(
    ("access_key_id", "access_key_secret", "secret_id", "secret_key", "auth_token"), _KEYS
)

Where = tuple[str | int, ...]


def is_placeholder(text: str) -> bool:
    """Whether this is a sample, and nobody's own value."""
    return text.strip() in KNOWN or _PATTERN.fullmatch(text.strip()) is not None


def placeholders(value: Any, where: Where = ()) -> Iterator[Where]:
    """The places in a document, which is of bounded depth, that hold one."""
    if isinstance(value, str):
        if is_placeholder(value):
            yield where
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from placeholders(inner, (*where, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from placeholders(inner, (*where, index))


def placeholder_words(where: Where) -> tuple[str, str]:
    """What is wrong, and what to write instead. The value is not repeated: part of it may be somebody's own."""
    zh, en = _INSTEAD.get(str(where[-1]) if where else "", _ELSE)
    return f"还是文档里的示例, 请写{zh}", f"this is still the documents' sample: write {en}"
