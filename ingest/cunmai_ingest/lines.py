"""Line protocol: points to text, so that every InfluxDB reads back exactly what was written. Pure.

The protocol cannot carry every text in a name or a tag value: a newline ends the line, a backslash at the
end swallows the delimiter, and versions differ in what a backslash means. Such characters are written as
`%5C` (the percent sign itself only where two hex digits follow it), which `readable` undoes. String
*fields* have quotes around them and carry any text as it is.

The caches hold what comes again and again: a gateway's series are few, and vital signs take few values.
Their bounds only matter to a hostile sender.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite

FieldValue = float | int | bool | str
Tags = tuple[tuple[str, str], ...]

_INT64_MAX = 2**63 - 1

_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]|%(?=[0-9A-F]{2})")
_WRITTEN = re.compile(r"%([0-9A-F]{2})")
_KEY_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_MEASUREMENT_ESCAPES = str.maketrans({",": r"\,", " ": r"\ "})
_STRING_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\""})


def encode_line(measurement: str, tags: Tags, fields: Mapping[str, FieldValue], t_ns: int) -> str:
    """One line, without its newline.

    Raises ValueError where the protocol has no way to say it: no fields, an empty name, a number that is
    not finite, an integer or a time beyond 64 bits.
    """
    if not fields:
        raise ValueError("a point needs a field")
    if abs(t_ns) > _INT64_MAX:
        raise ValueError("the time does not fit 64 bits of nanoseconds")
    written = ",".join([f"{key_text(name)}={value_text(value)}" for name, value in fields.items()])
    return f"{series_text(measurement, tags)} {written} {t_ns}"


def storable(text: str) -> str:
    """A tag value, or a name, as the store holds it: what a query must ask for."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text)


def readable(text: str) -> str:
    """The inverse of `storable`."""
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), text)


@lru_cache(maxsize=32_768)
def series_text(measurement: str, tags: Tags) -> str:
    """What a line begins with: the measurement and its tags."""
    if not measurement:
        raise ValueError("a measurement needs a name")
    name = storable(measurement)
    if name[0] == "#":  # A line that begins so is a comment.
        name = "%23" + name[1:]
    parts = [name.translate(_MEASUREMENT_ESCAPES)]
    # An empty value cannot be written, and means the same as no tag.
    parts += [f"{key_text(key)}={storable(value).translate(_KEY_ESCAPES)}" for key, value in tags if value]
    return ",".join(parts)


@lru_cache(maxsize=1024)
def key_text(name: str) -> str:
    """The name of a tag or of a field."""
    if not name:
        raise ValueError("a tag or field needs a name")
    return storable(name).translate(_KEY_ESCAPES)


def value_text(value: FieldValue) -> str:
    """A field's value. A whole float keeps its point: without it, it would be of another type."""
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, bool):
        return bool_text(value)
    return integer_text(value)


def bool_text(value: bool) -> str:
    """In the one spelling that every version takes."""
    return "true" if value else "false"


@lru_cache(maxsize=65_536)
def float_text(value: float) -> str:
    """Always with a point: without one, some versions take a number for an integer and refuse the next."""
    if not isfinite(value):
        raise ValueError("a number is not finite")
    text = repr(value)
    if "." in text:
        return text
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}"


def integer_text(value: int) -> str:
    """With the `i` that makes it an integer."""
    if abs(value) > _INT64_MAX:
        raise ValueError("an integer does not fit 64 bits")
    return f"{value}i"


def string_text(value: str) -> str:
    """In quotes, with quotes and backslashes escaped: everything else is carried as it is."""
    if '"' in value or "\\" in value:
        value = value.translate(_STRING_ESCAPES)
    return f'"{value}"'
