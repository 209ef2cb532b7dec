"""From readings and events to points of a time series. Pure.

A point's time is the reading's, in nanoseconds: `t_ms * 1_000_000 + seq % 1_000_000`. A time-series store
tells points of one series apart by their time alone, so two readings of the same millisecond would
overwrite one another; with the sequence number in the nanoseconds they cannot, unless a stream held a
million readings in one millisecond. A reading sent again makes the same point again and overwrites itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

from cunmai_wire.envelope import EnvelopeHeader
from cunmai_wire.events import Event
from cunmai_wire.readings import KINDS, Reading, values_of

NS_PER_MS = 1_000_000

FieldValue = float | int | bool | str
Tags = tuple[tuple[str, str], ...]

MEDICINE_STOCK = "medicine_stock"
"""`site_status.stock_days`, which is a table: one point for each medicine, with the tag `medicine`."""

READING_MEASUREMENTS = tuple(KINDS)
EVENT_MEASUREMENTS = tuple(
    str(get_args(model.model_fields["type"].annotation)[0]) for model in get_args(Event)
)

_EVENT_TAGS = ("gateway", "device", "resident", "rule")
_NOT_EVENT_FIELDS = frozenset({*_EVENT_TAGS, "type", "t"})


@dataclass(frozen=True, slots=True)
class Point:
    """One point of one series, and the reading or event `(stream, seq)` that it comes from.

    `fields` carries `seq` too, and `tags` the stream. No name is both a tag and a field.
    """

    stream: str
    seq: int
    measurement: str
    tags: Tags
    fields: Mapping[str, FieldValue]
    t_ns: int
    part: str = ""
    """Tells points of one reading apart: empty for the reading itself, else what this point is of."""

    @property
    def t_ms(self) -> int:
        return self.t_ns // NS_PER_MS


def points_of_reading(header: EnvelopeHeader, reading: Reading, arrived_ms: int) -> Iterator[Point]:
    """The reading's own point, then one for each medicine where it is a site's stock."""
    tags = _reading_tags(header.gateway, header.stream, reading.device, reading.resident)
    fields: dict[str, FieldValue] = {}
    stock_days: Mapping[str, float] = {}
    for name, value in values_of(reading).items():
        if isinstance(value, dict):
            stock_days = value
        else:
            fields[name] = _plain(value)
    about: dict[str, FieldValue] = {
        "seq": reading.seq,
        "clock": reading.clock.value,
        "quality": ",".join(reading.quality),
        "arrived_ms": arrived_ms,
    }
    t_ns = _t_ns(reading.t, reading.seq)
    yield Point(header.stream, reading.seq, reading.kind, tags, {**fields, **about}, t_ns)
    for medicine, days in stock_days.items():
        stock_tags = (*tags, ("medicine", medicine))
        of_stock = {"stock_days": days, **about}
        yield Point(header.stream, reading.seq, MEDICINE_STOCK, stock_tags, of_stock, t_ns, medicine)


def point_of_event(stream: str, event: Event, arrived_ms: int) -> Point:
    """An event's point; its measurement is the event's type."""
    tags = _tags(stream=stream, **{name: getattr(event, name, None) for name in _EVENT_TAGS})
    fields = {
        name: _plain(value)
        for name in type(event).model_fields
        if name not in _NOT_EVENT_FIELDS and (value := getattr(event, name)) is not None
    }
    fields["arrived_ms"] = arrived_ms
    return Point(stream, event.seq, event.type, tags, fields, _t_ns(event.t, event.seq))


def _t_ns(t_ms: int, seq: int) -> int:
    return t_ms * NS_PER_MS + seq % NS_PER_MS


# A device's readings share their tags, and the tuple's identity makes the encoder's cache cheap as well.
@lru_cache(maxsize=8192)
def _reading_tags(gateway: str, stream: str, device: str, resident: str | None) -> Tags:
    return _tags(gateway=gateway, stream=stream, device=device, resident=resident)


def _tags(**values: str | None) -> Tags:
    return tuple((name, value) for name, value in values.items() if value is not None)


def _plain(value: object) -> FieldValue:
    """A contract value as the store takes it: an enumeration's member becomes its text."""
    if isinstance(value, float | int):
        return value
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"the contract has grown a value that has no place in a point: {type(value).__name__}")
