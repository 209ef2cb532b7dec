"""The base of everything that a rule author writes: threshold files and score files. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints


class Part(BaseModel):
    """Base of every part of such a file: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def form(pattern: str, zh: str, en: str) -> BeforeValidator:
    """For a text field with a pattern: what its form is, in words. The pattern itself is for editors."""

    def check(given: Any) -> Any:
        if isinstance(given, str) and not re.fullmatch(pattern, given):
            shown = repr(given if len(given) <= 40 else given[:37] + "...")
            raise ValueError(f"{shown} 不可用, {zh} / {shown} cannot be used: {en}")
        return given

    return BeforeValidator(check)


_SHORT_NAME = r"^[a-z][a-z0-9-]{1,39}$"
ShortName = Annotated[
    str,
    StringConstraints(pattern=_SHORT_NAME),
    form(
        _SHORT_NAME,
        "只用小写字母、数字和短横线, 以字母开头, 2 到 40 个字符, 例如 spo2-low",
        "lower-case letters, digits and dashes, beginning with a letter, 2 to 40 characters, as in spo2-low",
    ),
]
"""The id of a rule, the name of a pack."""

_VALUE_NAME = r"^[a-z_]+\.[a-z0-9_]+$"
ValueName = Annotated[
    str,
    StringConstraints(pattern=_VALUE_NAME),
    form(_VALUE_NAME, "写 种类.字段, 例如 oximetry.spo2_pct", "write kind.field, as in oximetry.spo2_pct"),
]
"""Which value of which kind."""
