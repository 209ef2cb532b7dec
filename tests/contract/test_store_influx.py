"""What InfluxDB adds to the suite of stores: its refusals, its outages, and reading back what was written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cunmai_ingest.lines import readable
from cunmai_ingest.points import FieldValue, Point
from cunmai_ingest.stores import open_store
from cunmai_runtime.errors import Retryable
from support.influx import influx_settings
from support.messages import STREAM, T0_MS, oximetry
from support.store_sites import InfluxSite, counts, influx_site, points

pytestmark = pytest.mark.server


@pytest.fixture
def influx() -> Iterator[InfluxSite]:
    yield from influx_site()


def test_points_that_influxdb_refuses_stand_alone(influx: InfluxSite) -> None:
    influx.store.write(points(oximetry(100)))
    written = points(*[oximetry(seq) for seq in range(1, 60)])
    for index in (0, 7, 8, 40, 58):
        written[index] = replace(written[index], fields={**written[index].fields, "spo2_pct": "high"})
    outcome = influx.store.write(written)
    assert sorted(entry.point.seq for entry in outcome.refused) == [1, 8, 9, 41, 59]
    assert all("field type conflict" in entry.detail for entry in outcome.refused)
    assert all(entry.detail.startswith("InfluxDB 422: ") for entry in outcome.refused)
    assert counts(influx.store) == ([(2, 7), (10, 40), (42, 58), (100, 100)], 55)


def test_points_beyond_retention_are_named_as_such(influx: InfluxSite) -> None:
    influx.server.query(
        f'CREATE RETENTION POLICY "day" ON "{influx.database}" DURATION 24h REPLICATION 1 DEFAULT'
    )
    outcome = influx.store.write(points(oximetry(1)))
    assert outcome.stored == ()
    assert "beyond retention policy" in outcome.refused[0].detail


def test_a_large_write_goes_out_in_bodies_of_bounded_size(influx: InfluxSite) -> None:
    config = influx_settings(influx.front, influx.database).model_copy(update={"max_lines": 20})
    with closing(open_store(config)) as store:
        store.write(points(*[oximetry(seq) for seq in range(1, 51)]))
    assert [body.count(b"\n") + 1 for body in influx.front.weather.write_bodies] == [20, 20, 10]
    assert counts(influx.store) == ([(1, 50)], 50)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_answer_that_may_pass_is_retryable(influx: InfluxSite, status: int) -> None:
    influx.front.weather.fail_writes_with = status
    with pytest.raises(Retryable, match=str(status)):
        influx.store.write(points(oximetry(1)))
    influx.front.weather.fail_writes_with = None
    influx.store.write(points(oximetry(1)))
    assert counts(influx.store) == ([(1, 1)], 1)


def test_a_write_that_was_stored_but_not_answered_is_made_again_without_doubling(influx: InfluxSite) -> None:
    written = points(oximetry(1), oximetry(2))
    influx.front.weather.lose_answers = True
    with pytest.raises(Retryable):
        influx.store.write(written)
    influx.front.weather.lose_answers = False
    assert counts(influx.store) == ([(1, 2)], 2), "the server had it all along"
    influx.store.write(written)
    assert counts(influx.store) == ([(1, 2)], 2)


def test_the_text_of_a_repeated_outage_does_not_change(influx: InfluxSite) -> None:
    """It is logged when it changes."""
    influx.break_down()
    texts = set()
    for _ in range(3):
        with pytest.raises(Retryable) as caught:
            influx.store.write(points(oximetry(1)))
        texts.add(str(caught.value))
    influx.recover()
    assert len(texts) == 1
    assert f"InfluxDB cannot be reached at {influx.front.url}" in texts.pop()


# -- what is misconfigured is held, and named ----------------------------------------------------------


def test_a_wrong_token_is_named_and_loses_nothing(influx: InfluxSite) -> None:
    with closing(open_store(influx_settings(influx.front, influx.database, "stale"))) as store:
        with pytest.raises(Retryable, match="refuses the token"):
            store.write(points(oximetry(1)))
        health = store.check()
    assert not health.ok
    assert "令牌" in health.zh
    assert "refuses the token" in health.en
    assert "stale" not in str(health)


def test_a_bucket_that_is_not_there_is_named_and_loses_nothing(influx: InfluxSite) -> None:
    with closing(open_store(influx_settings(influx.front, "nosuch"))) as store:
        with pytest.raises(Retryable, match="bucket nosuch, has no such bucket"):
            store.write(points(oximetry(1)))
        health = store.check()
    assert (health.ok, "存储桶" in health.zh) == (False, True)
    assert "bucket nosuch" in health.en


def test_a_server_that_is_not_there_is_named(influx: InfluxSite) -> None:
    influx.break_down()
    health = influx.store.check()
    influx.recover()
    assert (health.ok, health.zh) == (False, "连不上 InfluxDB")


def test_a_healthy_server_is_named_with_its_version(influx: InfluxSite) -> None:
    assert "InfluxDB 1.6" in influx.store.check().en


# -- InfluxDB reads back exactly what was written --------------------------------------------------------

# Half of the examples are made of nothing but characters that mean something to the protocol.
_hostile_text = st.text(st.sampled_from("\\\"\n\r\t ,=#%\x005C'a"), max_size=12)
_any_text = st.text(st.characters(codec="utf-8"), max_size=20) | _hostile_text
_name = _any_text.filter(bool)
_runs = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """What a point is made of in one example."""

    measurement: str
    tag: str
    tag_value: str
    field: str
    text: str
    number: float
    whole: int
    flag: bool


_sent = st.builds(
    Sent,
    measurement=_any_text,
    tag=_name,
    tag_value=_any_text,
    field=_any_text,
    text=_any_text,
    number=st.floats(allow_nan=False, allow_infinity=False),
    whole=st.integers(-(2**63) + 1, 2**63 - 1),
)


@pytest.fixture(scope="module")
def module_influx() -> Iterator[InfluxSite]:
    yield from influx_site()


@settings(max_examples=300, deadline=None)
@given(sent=_sent)
def test_read_back_equals_what_was_sent(module_influx: InfluxSite, sent: Sent) -> None:
    # A measurement for each example, so that no field meets an earlier example's type.
    measurement = f"{next(_runs)}.{sent.measurement}"
    fields: dict[str, FieldValue] = {
        "s" + sent.field: sent.text,
        "f" + sent.field: sent.number,
        "i" + sent.field: sent.whole,
        "b" + sent.field: sent.flag,
    }
    point = Point(STREAM, 1, measurement, (("t" + sent.tag, sent.tag_value), ("run", "x")), fields, T0_MS)
    assert module_influx.store.write([point]).refused == ()
    (row,) = module_influx.rows_like(measurement.partition(".")[0])
    assert row.pop("measurement") == measurement
    assert row.pop("time") == T0_MS
    assert row.pop("run") == "x"
    # No tag, and a tag without a value, are the same.
    assert readable(row.pop("t" + sent.tag, "")) == sent.tag_value
    # JSON writes a whole float without its point, and its digits are those of the float.
    assert float(row.pop("f" + sent.field)) == sent.number
    assert row == {name: value for name, value in fields.items() if name[0] != "f"}


def test_types_are_read_back_too(influx: InfluxSite) -> None:
    fields: dict[str, FieldValue] = {"f": 97.0, "large": 1e22, "i": 97, "s": "97", "b": True}
    influx.store.write([Point(STREAM, 1, "#m", (), fields, T0_MS)])
    (series,) = influx.server.query("SHOW FIELD KEYS", influx.database)
    assert readable(series["name"]) == "#m"
    assert dict(series["values"]) == {
        "f": "float",
        "large": "float",
        "i": "integer",
        "s": "string",
        "b": "boolean",
    }


def test_hostile_names_come_back_through_the_store(influx: InfluxSite) -> None:
    medicines = {"a, b=c": 1.0, 'q"\\': 2.0, "两\n行": 3.0, "😷 5%": 4.0, "%0A": 5.0, "#": 6.0}
    status = {
        "seq": 1,
        "t": T0_MS,
        "clock": "trusted",
        "device": "desk",
        "kind": "site_status",
        "stock_days": medicines,
    }
    influx.store.write(points(json.loads(json.dumps(status))))
    rows = influx.rows_like("medicine_stock")
    assert {readable(row["medicine"]): row["stock_days"] for row in rows} == medicines
