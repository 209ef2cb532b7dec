"""One encoder for each kind, made from the contract's models: a reading's values to line protocol. Pure.

`points.Point` and `lines.encode_line` say the same in general terms, and are the reference: this is the
short way for what comes in thousands, where the names and the types of the fields are known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from cunmai_ingest.lines import bool_text, float_text, integer_text, key_text, string_text
from cunmai_wire.readings import COMMON_FIELDS, KINDS, ReadingBase

Encoder = Callable[[Mapping[str, Any]], str]
"""From a reading's values by name to `name=value,` for each that is present."""

_TABLES = frozenset({"stock_days"})
"""Values that are tables become points of their own."""


def encoder_of(model: type[ReadingBase]) -> Encoder:
    """The encoder for one kind's own values, in the order of the contract."""
    steps = tuple(
        (name, f"{key_text(name)}=", _writer(field.annotation))
        for name, field in model.model_fields.items()
        if name not in COMMON_FIELDS and name not in _TABLES
    )

    def encode(values: Mapping[str, Any]) -> str:
        text = ""
        for name, key, write in steps:
            value = values[name]
            if value is not None:
                text += f"{key}{write(value)},"
        return text

    return encode


def _writer(annotation: Any) -> Callable[[Any], str]:
    """By the field's type in the contract; one that may be absent is written as its type is."""
    types = {_plain(part) for part in get_args(annotation) or (annotation,)} - {type(None)}
    if types == {float}:
        return float_text
    if types == {bool}:
        return bool_text
    if types == {int}:
        return integer_text
    if all(isinstance(kind, type) and issubclass(kind, str) for kind in types):
        return string_text
    raise TypeError(f"the contract has grown a value that has no place in a line: {annotation}")


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


ENCODERS: dict[str, Encoder] = {kind: encoder_of(model) for kind, model in KINDS.items()}
