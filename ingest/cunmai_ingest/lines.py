"""Line protocol: points to bytes, so that every InfluxDB reads back exactly what was written. Pure.

The protocol cannot carry every text in a name or a tag value: a newline ends the line, a backslash at the
end swallows the delimiter, and versions differ in what a backslash means. Such characters are written as
`%5C` (the percent sign itself only where two hex digits follow it), which `readable` undoes. String
*fields* have quotes around them and carry any text as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import isfinite

from cunmai_ingest.points import FieldValue, Point, Tags

_INT64_MAX = 2**63 - 1

_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]|%(?=[0-9A-F]{2})")
_WRITTEN = re.compile(r"%([0-9A-F]{2})")
_KEY_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_MEASUREMENT_ESCAPES = str.maketrans({",": r"\,", " ": r"\ "})
_STRING_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\""})


def encode_point(point: Point) -> bytes:
    """One line, without its newline.

    Raises ValueError where the protocol has no way to say it: no fields, an empty name, a number that is
    not finite, an integer or a time beyond 64 bits.
    """
    if not point.fields:
        raise ValueError("a point needs a field")
    if abs(point.t_ns) > _INT64_MAX:
        raise ValueError("the time does not fit 64 bits of nanoseconds")
    fields = ",".join([f"{_key(name)}={_value(value)}" for name, value in point.fields.items()])
    return f"{_series(point.measurement, point.tags)} {fields} {point.t_ns}".encode()


def storable(text: str) -> str:
    """A tag value, or a name, as the store holds it: what a query must ask for."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text)


def readable(text: str) -> str:
    """The inverse of `storable`."""
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), text)


# A gateway's series are few and come again and again; the bound only matters to a hostile sender.
@lru_cache(maxsize=8192)
def _series(measurement: str, tags: Tags) -> str:
    if not measurement:
        raise ValueError("a measurement needs a name")
    name = storable(measurement)
    if name[0] == "#":  # A line that begins so is a comment.
        name = "%23" + name[1:]
    parts = [name.translate(_MEASUREMENT_ESCAPES)]
    # An empty value cannot be written, and means the same as no tag.
    parts += [f"{_key(key)}={storable(value).translate(_KEY_ESCAPES)}" for key, value in tags if value]
    return ",".join(parts)


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    if not name:
        raise ValueError("a tag or field needs a name")
    return storable(name).translate(_KEY_ESCAPES)


def _value(value: FieldValue) -> str:
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return f'"{value.translate(_STRING_ESCAPES)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if abs(value) > _INT64_MAX:
        raise ValueError("an integer does not fit 64 bits")
    return f"{value}i"


def _float(value: float) -> str:
    """Always with a point: without one, some versions take a number for an integer and refuse the next."""
    if not isfinite(value):
        raise ValueError("a number is not finite")
    text = repr(value)
    if "." in text:
        return text
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}"
