"""The languages that messages are written in. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh-CN", "en"]
