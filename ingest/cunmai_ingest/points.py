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
from typing import NamedTuple, Protocol, get_args

from cunmai_ingest.encoders import ENCODERS
from cunmai_ingest.lines import FieldValue, Tags, encode_line, series_text
from cunmai_ingest.sanity import Placed
from cunmai_wire.events import Event
from cunmai_wire.readings import KINDS, Reading, SiteStatus, values_of

__all__ = ["FieldValue", "Tags"]

NS_PER_MS = 1_000_000

MEDICINE_STOCK = "medicine_stock"
"""`site_status.stock_days`, which is a table: one point for each medicine, with the tag `medicine`."""

READING_MEASUREMENTS = tuple(KINDS)
EVENT_MEASUREMENTS = tuple(
    str(get_args(model.model_fields["type"].annotation)[0]) for model in get_args(Event)
)

_EVENT_TAGS = ("gateway", "device", "resident", "rule", "team", "person")
_NOT_EVENT_FIELDS = frozenset({*_EVENT_TAGS, "type", "t"})


class Storable(Protocol):
    """What a store takes: a point, and the reading or event `(stream, seq)` that it comes from."""

    @property
    def stream(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def part(self) -> str: ...
    @property
    def measurement(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def t_ms(self) -> int: ...
    def line(self) -> str:
        """Line protocol, without the newline. Raises ValueError where it cannot be said."""

    def plain(self) -> Point: ...


@dataclass(frozen=True, slots=True)
class Point:
    """One point of one series, in general terms.

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
    marks: tuple[str, int] | None = None
    """Set where this is a mark on another reading's point, `(stream, seq)`: its fields join that one's."""

    @property
    def t_ms(self) -> int:
        return self.t_ns // NS_PER_MS

    @property
    def device(self) -> str:
        """Empty where the point has none."""
        return dict(self.tags).get("device", "")

    def line(self) -> str:
        return encode_line(self.measurement, self.tags, self.fields, self.t_ns)

    def plain(self) -> Point:
        return self


class Frame(NamedTuple):
    """What the readings of one message share."""

    gateway: str
    stream: str
    arrived_ms: int


class ReadingPoint:
    """A reading's own point: `line()` is the short way, `plain()` the general terms that it must equal."""

    __slots__ = ("frame", "placed", "reading", "superseded")

    def __init__(
        self, frame: Frame, reading: Reading, placed: Placed | None = None, superseded: bool = False
    ) -> None:
        """`placed` is None where the reading is stored at its own time, with nothing to be said about it."""
        self.frame = frame
        self.reading = reading
        self.placed = placed
        self.superseded = superseded

    @property
    def stream(self) -> str:
        return self.frame.stream

    @property
    def seq(self) -> int:
        return self.reading.seq

    @property
    def part(self) -> str:
        """A reading's own point."""
        return ""

    @property
    def measurement(self) -> str:
        return self.reading.kind

    @property
    def device(self) -> str:
        return self.reading.device

    def line(self) -> str:
        # Straight from the model's dictionary: this is run for every reading there is.
        values, frame = self.reading.__dict__, self.frame
        kind, seq, quality = values["kind"], values["seq"], values["quality"]
        series = _reading_series(kind, frame.gateway, frame.stream, values["device"], values["resident"])
        t_ms = values["t"] if self.placed is None else self.placed.t_ms
        notes = "" if self.placed is None else self._notes_text()
        return (
            f"{series} {ENCODERS[kind](values)}"
            f'seq={seq}i,clock="{values["clock"]}",quality="{",".join(quality) if quality else ""}",'
            f"arrived_ms={frame.arrived_ms}i,superseded={'true' if self.superseded else 'false'}{notes} "
            f"{t_ms * NS_PER_MS + seq % NS_PER_MS}"
        )

    def _notes_text(self) -> str:
        return "".join([f",{name}={_note_text(value)}" for name, value in self._notes().items()])

    def _notes(self) -> dict[str, FieldValue]:
        """Fields that only an unusual reading has."""
        notes: dict[str, FieldValue] = {}
        placed = self.placed
        if placed is not None and placed.flag is not None:
            notes["time_flag"] = placed.flag.value
        if placed is not None and placed.offset_ms:
            notes["clock_offset_ms"] = placed.offset_ms
        corrects = self.reading.corrects
        if corrects is not None:
            notes["corrects"] = f"{corrects.stream}/{corrects.seq}"
        return notes

    def plain(self) -> Point:
        reading, frame = self.reading, self.frame
        tags = reading_tags(frame.gateway, frame.stream, reading.device, reading.resident)
        fields: dict[str, FieldValue] = {
            name: _plain(value) for name, value in values_of(reading).items() if not isinstance(value, dict)
        }
        fields.update(self.about())
        return Point(frame.stream, reading.seq, reading.kind, tags, fields, self.t_ns)

    @property
    def t_ms(self) -> int:
        """When it was measured, by our clock as far as that can be known."""
        return self.reading.t if self.placed is None else self.placed.t_ms

    @property
    def t_ns(self) -> int:
        return t_ns_of(self.t_ms, self.reading.seq)

    def about(self) -> dict[str, FieldValue]:
        """The fields that every reading has, whatever its kind."""
        return {
            "seq": self.reading.seq,
            "clock": self.reading.clock.value,
            "quality": ",".join(self.reading.quality),
            "arrived_ms": self.frame.arrived_ms,
            "superseded": self.superseded,
            **self._notes(),
        }


def stock_points(status: ReadingPoint) -> Iterator[Point]:
    """One for each medicine of a site's stock; none for any other kind."""
    reading = status.reading
    if not isinstance(reading, SiteStatus) or not reading.stock_days:
        return
    own = status.plain()
    for medicine, days in reading.stock_days.items():
        tags = (*own.tags, ("medicine", medicine))
        fields = {"stock_days": days, **status.about()}
        yield Point(own.stream, own.seq, MEDICINE_STOCK, tags, fields, own.t_ns, medicine)


def mark_of_correction(correction: ReadingPoint) -> Point:
    """The mark on the point that a correction stands in for: same series, same time.

    It belongs to the correction's own number: where the store refuses it, the correction is set aside.
    """
    reading, frame = correction.reading, correction.frame
    corrects = reading.corrects
    if corrects is None:
        raise ValueError("not a correction")
    return Point(
        frame.stream,
        reading.seq,
        reading.kind,
        reading_tags(frame.gateway, corrects.stream, reading.device, corrects.resident),
        {"superseded": True, "superseded_by": f"{frame.stream}/{reading.seq}"},
        t_ns_of(correction.t_ms, corrects.seq),
        part="corrects",
        marks=(corrects.stream, corrects.seq),
    )


def point_of_event(stream: str, event: Event, arrived_ms: int) -> Point:
    """An event's point; its measurement is the event's type."""
    tags = _tags(stream=stream, **{name: getattr(event, name, None) for name in _EVENT_TAGS})
    fields = {
        name: _plain(value)
        for name in type(event).model_fields
        if name not in _NOT_EVENT_FIELDS and (value := getattr(event, name)) is not None
    }
    fields["arrived_ms"] = arrived_ms
    return Point(stream, event.seq, event.type, tags, fields, t_ns_of(event.t, event.seq))


def t_ns_of(t_ms: int, seq: int) -> int:
    """The time of the point of reading or event `seq`."""
    return t_ms * NS_PER_MS + seq % NS_PER_MS


# A device's readings share their tags, and the tuple's identity makes the encoder's cache cheap as well.
@lru_cache(maxsize=8192)
def reading_tags(gateway: str, stream: str, device: str, resident: str | None) -> Tags:
    """The tags of every point of a reading."""
    return _tags(gateway=gateway, stream=stream, device=device, resident=resident)


@lru_cache(maxsize=32_768)
def _reading_series(kind: str, gateway: str, stream: str, device: str, resident: str | None) -> str:
    return series_text(kind, reading_tags(gateway, stream, device, resident))


def _tags(**values: str | None) -> Tags:
    return tuple((name, value) for name, value in values.items() if value is not None)


def _note_text(value: FieldValue) -> str:
    return f"{value}i" if isinstance(value, int) else f'"{value}"'


def _plain(value: object) -> FieldValue:
    """A contract value as the store takes it: an enumeration's member becomes its text."""
    if isinstance(value, float | int):
        return value
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"the contract has grown a value that has no place in a point: {type(value).__name__}")
