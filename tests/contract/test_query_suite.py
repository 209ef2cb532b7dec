"""One suite for every reader: what `Reader` promises, over SQLite and over the real InfluxDB of Debian."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cunmai_ingest.assembly import understand
from cunmai_ingest.messages import points_of
from cunmai_ingest.points import Storable
from cunmai_ingest.query import open_reader
from cunmai_ingest.query.base import Place, Question, Reader, place_after
from cunmai_ingest.query.sites import Sites
from cunmai_ingest.settings import SqliteSettings
from cunmai_runtime.errors import Retryable
from cunmai_wire.topics import Channel, gateway_topic
from support.influx import influx_settings
from support.messages import GATEWAY, STREAM, T0_MS, envelope, oximetry
from support.store_sites import InfluxSite, Site, SqliteSite, influx_site, points, sqlite_site

ASKED = Question(("oximetry", "weight"), tags={"resident": "r-1001"})


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.server)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    yield from sqlite_site(tmp_path) if request.param == "sqlite" else influx_site()


@pytest.fixture
def reader(site: Site) -> Iterator[Reader]:
    settings = (
        SqliteSettings(kind="sqlite", path=site.path)
        if isinstance(site, SqliteSite)
        else influx_settings(site.front, site.database)  # type: ignore[attr-defined]
    )
    with closing(open_reader(settings, 5)) as opened:
        yield opened


def weight(seq: int, t_ms: int) -> dict[str, object]:
    return {"seq": seq, "t": t_ms, "clock": "unknown", "device": "scale", "resident": "r-1001",
            "kind": "weight", "weight_kg": 61.5}  # fmt: skip


def written(reading: dict[str, object], *, gateway: str = GATEWAY, stream: str = STREAM) -> list[Storable]:
    """The points of one reading, of another gateway or stream."""
    topic = gateway_topic(gateway, Channel.READINGS)
    message = understand(topic, envelope([reading], gateway=gateway, stream=stream), T0_MS)
    assert not message.refused
    return points_of([message])


def seqs(reader: Reader, question: Question) -> list[int]:
    return [int(row.fields["seq"]) for row in reader.rows(question)]


def test_rows_come_newest_first_and_whole(site: Site, reader: Reader) -> None:
    site.store.write(points(oximetry(1), oximetry(2), weight(3, T0_MS + 1500)))
    rows = reader.rows(ASKED)
    assert [(row.measurement, row.t_ms) for row in rows] == [
        ("oximetry", T0_MS + 2000),
        ("weight", T0_MS + 1500),
        ("oximetry", T0_MS + 1000),
    ]
    assert rows[1].t_ns == (T0_MS + 1500) * 1_000_000 + 3
    assert rows[1].tags == {"gateway": "clinic-01", "stream": STREAM, "device": "scale", "resident": "r-1001"}
    assert (rows[1].fields["weight_kg"], rows[1].fields["clock"], rows[1].current) == (61.5, "unknown", True)
    assert (rows[0].fields["spo2_pct"], rows[0].fields["quality"]) == (97.0, "")


def test_what_a_person_entered_comes_back_as_it_was_and_nothing_that_was_not_looked_at(
    site: Site, reader: Reader
) -> None:
    common = {"clock": "trusted", "device": "kiosk", "resident": "r-1001", "quality": []}
    entered: list[dict[str, object]] = [
        {"kind": "respiration", "respiratory_rate_per_min": 18},
        {"kind": "assessment", "consciousness": "C", "on_oxygen": True, "oxygen_flow_l_min": 2},
        {"kind": "assessment", "febrile_or_crying": False},
        {"kind": "follow_up", "method": "phone"},
        {"kind": "ultrasound_report", "study_uid": "2.25.1", "status": "final"},
    ]
    for seq, values in enumerate(entered, 1):
        site.store.write(written(common | values | {"seq": seq, "t": T0_MS + seq}))
    kinds = ("respiration", "assessment", "follow_up", "ultrasound_report")
    about = {"seq", "clock", "quality", "arrived_ms", "superseded"}
    rows = list(reader.rows(Question(kinds, tags={"resident": "r-1001"})))[::-1]
    found: list[dict[str, object]] = [
        {"kind": row.measurement, **{name: row.fields[name] for name in sorted(set(row.fields) - about)}}
        for row in rows
    ]
    assert found == entered
    assert [type(found[1]["on_oxygen"]), type(found[2]["febrile_or_crying"])] == [bool, bool]


def test_a_question_is_bounded_by_time_tag_and_field(site: Site, reader: Reader) -> None:
    site.store.write(
        points(
            *[oximetry(seq) for seq in range(1, 6)], oximetry(6, resident="r-2"), oximetry(7, resident=None)
        )
    )
    assert seqs(reader, ASKED) == [5, 4, 3, 2, 1]
    assert seqs(reader, replace(ASKED, from_ms=T0_MS + 2000, to_ms=T0_MS + 4000)) == [3, 2]
    assert seqs(reader, replace(ASKED, measurements=("weight",))) == []
    assert seqs(reader, replace(ASKED, tags={"stream": STREAM}, fields={"seq": 7})) == [7]
    assert seqs(reader, replace(ASKED, tags={}, fields={"mode": "continuous"}, limit=2)) == [7, 6]
    assert seqs(reader, replace(ASKED, fields={"mode": "spot"})) == []


def test_only_the_named_sites_are_seen(site: Site, reader: Reader) -> None:
    for number, gateway in enumerate(("clinic-01", "clinic-02", "town-1"), 1):
        site.store.write(written(oximetry(number), gateway=gateway))
    for patterns, seen in (
        (("*",), [3, 2, 1]),
        (("clinic-01",), [1]),
        (("clinic-*",), [2, 1]),
        (("clinic-02", "town-*"), [3, 2]),
        (("clinic-0",), []),
        (("linic-*",), []),
    ):
        assert seqs(reader, replace(ASKED, sites=Sites(patterns))) == seen, patterns


def test_pages_show_every_row_once_also_where_many_share_a_moment(site: Site, reader: Reader) -> None:
    # The store's time is the reading's millisecond and its number modulo a million: these share both.
    same = [oximetry(1_000_000 * step + 7, T0_MS) for step in range(5)]
    others = [weight(7, T0_MS), oximetry(8, T0_MS + 1), oximetry(9, T0_MS - 1)]
    for stream_number, reading in enumerate([*same, *others]):
        stream = f"{stream_number:08d}-2222-3333-4444-555555555555"
        site.store.write(written(reading, stream=stream))
    whole = reader.rows(ASKED)
    assert len(whole) == 8
    for size in (1, 2, 3, 7):
        paged, place = [], None
        while True:
            rows = reader.rows(replace(ASKED, place=place, limit=size))
            paged += rows
            if len(rows) < size:
                break
            place = place_after(rows, place)
        assert paged == whole


def test_a_place_beyond_everything_is_empty_and_harmless(site: Site, reader: Reader) -> None:
    site.store.write(points(oximetry(1)))
    assert reader.rows(replace(ASKED, place=Place(0))) == []
    assert seqs(reader, replace(ASKED, place=Place(2**63 - 1))) == [1]
    assert reader.rows(replace(ASKED, place=Place(2**63 - 1, 10_000))) in ([], reader.rows(ASKED))
    assert reader.rows(replace(ASKED, from_ms=253_402_300_799_999)) == []
    assert reader.rows(replace(ASKED, from_ms=5, to_ms=5)) == []


def test_hostile_text_finds_nothing_and_breaks_nothing(site: Site, reader: Reader) -> None:
    site.store.write(points(oximetry(1)))
    for text in (
        "' OR 1=1 --",
        '" OR "a"=\'b\'',
        "\\",
        "\n",
        "\x00",
        "r-1001'; DROP MEASUREMENT oximetry",
        "😀",
    ):
        assert reader.rows(replace(ASKED, tags={"resident": text})) == []
        assert reader.rows(replace(ASKED, fields={"mode": text})) == []
    assert seqs(reader, ASKED) == [1]


def test_a_corrected_reading_is_not_current_and_its_correction_is(site: Site, reader: Reader) -> None:
    wrong = oximetry(1, T0_MS, resident="r-2")
    right = oximetry(2, T0_MS, corrects={"stream": STREAM, "seq": 1, "resident": "r-2"})
    site.store.write(points(wrong, right))
    (old,) = reader.rows(replace(ASKED, tags={"resident": "r-2"}))
    (new,) = reader.rows(ASKED)
    assert (old.current, old.fields["superseded_by"]) == (False, f"{STREAM}/2")
    assert (new.current, new.fields["corrects"]) == (True, f"{STREAM}/1")


def test_a_store_that_is_down_is_retryable(site: Site, reader: Reader) -> None:
    site.store.write(points(oximetry(1)))
    if isinstance(site, InfluxSite):
        site.break_down()
        with pytest.raises(Retryable):
            reader.rows(ASKED)
        site.recover()
    assert seqs(reader, ASKED) == [1]


def test_a_store_that_was_never_made_is_retryable(tmp_path: Path) -> None:
    never_made = SqliteSettings(kind="sqlite", path=tmp_path / "no.sqlite")
    with closing(open_reader(never_made, 1)) as reader, pytest.raises(Retryable):
        reader.rows(ASKED)
    assert not (tmp_path / "no.sqlite").exists()
