from __future__ import annotations

from cunmai_ingest.messages import Message, Origin
from cunmai_ingest.points import Point
from cunmai_ingest.settle import settle
from cunmai_ingest.stores.base import RefusedPoint, WriteOutcome
from cunmai_wire.parsing import RefusalReason, Refused

ORIGIN = Origin("s-1", "clinic-01")


def _point(seq: int, part: str = "", stream: str = "s-1") -> Point:
    return Point(stream, seq, "m", (), {"v": 1.0}, seq, part)


def _message(*points: Point, refused: tuple[Refused, ...] = ()) -> Message:
    return Message("topic", b"payload", 1, ORIGIN, points, refused)


def test_what_the_store_took_is_stored() -> None:
    message = _message(_point(1), _point(2))
    (settled,) = settle([message], WriteOutcome(message.points, ()))
    assert (settled.stored, settled.refused) == ((1, 2), ())


def test_one_refused_part_sets_its_whole_reading_aside_once() -> None:
    message = _message(_point(1), _point(1, "阿莫西林"), _point(1, "布洛芬"), _point(2))
    outcome = WriteOutcome((), (RefusedPoint(message.points[1], "conflict"),))
    (settled,) = settle([message], outcome)
    assert settled.stored == (2,)
    assert settled.refused == (Refused(RefusalReason.STORE_REFUSED, "conflict", 1),)


def test_the_same_number_of_another_stream_is_another_reading() -> None:
    ours, theirs = _message(_point(1)), _message(_point(1, stream="s-2"))
    first, second = settle([ours, theirs], WriteOutcome((), (RefusedPoint(theirs.points[0], "no"),)))
    assert (first.stored, second.stored) == ((1,), ())


def test_a_reading_with_several_points_is_counted_once() -> None:
    (settled,) = settle([_message(_point(1), _point(1, "a"))], WriteOutcome((), ()))
    assert settled.stored == (1,)


def test_a_number_that_came_good_and_bad_is_stored() -> None:
    bad = Refused(RefusalReason.BAD_READING, "x", 1)
    nameless = Refused(RefusalReason.BAD_READING, "y")
    (settled,) = settle([_message(_point(1), refused=(bad, nameless))], WriteOutcome((), ()))
    assert (settled.stored, settled.refused) == ((1,), (nameless,))
