"""`cunmai ingest setup` and `check`: on the real InfluxDB 1.6, and on 2.7 and 3 as their documentation has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cunmai_ingest.settings import InfluxSettings, RetentionSettings, SqliteSettings
from cunmai_ingest.stores import open_store, setup_store
from cunmai_ingest.stores.downsampling import VITALS, continuous_queries, tasks
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from support.influx import Influxd, shared_influxd
from support.influx_fake import ORG, TOKEN, FakeInflux
from support.messages import oximetry
from support.servers import free_port
from support.store_sites import points


def _settings(url: str, bucket: str = "cunmai", **changes: Any) -> InfluxSettings:
    return InfluxSettings(
        **{
            "kind": "influxdb",
            "url": url,
            "org": "county",
            "bucket": bucket,
            "token": SecretStr(TOKEN),
            "timeout_s": 5,
            **changes,
        }
    )


def _setup(settings: InfluxSettings) -> str:
    return "\n".join(setup_store(settings))


@pytest.fixture(params=["2.7.11", "3.2.0"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeInflux]:
    with closing(FakeInflux(request.param)) as made:
        yield made
    assert made.faults == []


# -- 1.x, the real one -----------------------------------------------------------------------------------


@pytest.fixture
def influxd() -> Influxd:
    return shared_influxd()


def _rows(server: Influxd, statement: str) -> list[list[Any]]:
    return [row for series in server.query(statement) for row in series.get("values", [])]


@pytest.mark.server
def test_a_database_is_prepared_on_1(influxd: Influxd) -> None:
    settings = _settings(
        f"http://127.0.0.1:{influxd.port}", "prepared", retention=RetentionSettings(raw_days=500)
    )
    first = _setup(settings)
    assert "数据库 / database prepared: 已创建 created" in first
    policies = {row[0]: row[1] for row in _rows(influxd, 'SHOW RETENTION POLICIES ON "prepared"')}
    assert policies == {"autogen": "12000h0m0s", "minute": "43920h0m0s", "hour": "0s"}
    there = [series for series in influxd.query("SHOW CONTINUOUS QUERIES") if series["name"] == "prepared"]
    assert {row[0] for row in there[0]["values"]} == {
        f"cunmai_{resolution}_{kind}" for resolution in ("minute", "hour") for kind in VITALS
    }
    again = _setup(settings)
    assert "已存在 was there" in again
    assert "continuous query" not in again


@pytest.mark.server
def test_a_database_that_keeps_longer_is_never_made_to_forget(influxd: Influxd) -> None:
    name = influxd.new_database()
    said = _setup(_settings(f"http://127.0.0.1:{influxd.port}", name))
    assert "left as it was: 0s" in said
    policies = {row[0]: row[1] for row in _rows(influxd, f'SHOW RETENTION POLICIES ON "{name}"')}
    assert policies["autogen"] == "0s"


@pytest.mark.server
def test_what_a_continuous_query_selects_is_right(influxd: Influxd) -> None:
    """Its SELECT, run by hand over known readings, one of them superseded."""
    name = influxd.new_database()
    _setup(_settings(f"http://127.0.0.1:{influxd.port}", name))
    minute_s = system_clock() // 60_000 * 60 - 3600
    lines = [
        f"oximetry,gateway=g,device=d,resident=r spo2_pct={value},superseded={superseded} {minute_s + late_s}000000000"
        for late_s, value, superseded in ((0, 90.0, "false"), (1, 96.0, "false"), (2, 10.0, "true"))
    ]
    front = influxd.front()
    with closing(open_store(_settings(front.url, name))) as store:
        store._post("\n".join(lines).encode())  # type: ignore[attr-defined]
    front.cut()
    statement = dict(continuous_queries(name, "autogen"))["cunmai_minute_oximetry"]
    influxd.query(statement.split("BEGIN ")[1].removesuffix(" END"), name)
    (series,) = influxd.query(f'SELECT * FROM "{name}"."minute"."oximetry"', name)
    row = dict(zip(series["columns"], series["values"][0], strict=True))
    assert (row["time"], row["gateway"], row["device"], row["resident"]) == (minute_s * 10**9, "g", "d", "r")
    assert (row["spo2_pct_mean"], row["spo2_pct_min"], row["spo2_pct_max"]) == (93, 90, 96)
    assert len(series["values"]) == 1


@pytest.mark.server
def test_a_version_without_the_write_path_is_named_as_too_old(influxd: Influxd) -> None:
    with closing(open_store(_settings(f"http://127.0.0.1:{influxd.port}", influxd.new_database()))) as store:
        health = store.check()
    assert not health.ok
    assert "太旧" in health.zh
    assert "is 1.6" in health.en
    assert "1.8, 2.7 or 3 is needed" in health.en


# -- 2.7 and 3, as documented -----------------------------------------------------------------------------


def test_a_server_is_prepared_twice_and_changed_once(fake: FakeInflux) -> None:
    first = _setup(_settings(fake.url))
    made = (dict(fake.buckets), list(fake.dbrps), list(fake.tasks), dict(fake.databases))
    assert "已创建 created, 400 天 days" in first
    again = _setup(_settings(fake.url))
    assert "已创建" not in again
    assert (fake.buckets, fake.dbrps, fake.tasks, fake.databases) == made


def test_what_is_made_on_2() -> None:
    with closing(FakeInflux("2.7.11")) as fake:
        _setup(_settings(fake.url, retention=RetentionSettings(raw_days=30, minute_days=0)))
    assert {name: made["retentionRules"] for name, made in fake.buckets.items()} == {
        "cunmai": [{"type": "expire", "everySeconds": 2_592_000}],
        "cunmai-minute": [],
        "cunmai-hour": [],
    }
    asked = [one for one in fake.dbrps if not one["virtual"]]
    assert [(one["database"], one["retention_policy"], one["default"]) for one in asked] == [
        ("cunmai", "minute", False),
        ("cunmai", "hour", False),
    ]
    assert {one["orgID"] for one in asked} == {ORG["id"]}
    assert [(task["name"], task["status"]) for task in fake.tasks] == [
        ("cunmai_minute", "active"),
        ("cunmai_hour", "active"),
    ]


def test_what_is_made_on_3_and_what_cannot_be() -> None:
    with closing(FakeInflux("3.2.0")) as fake:
        said = _setup(_settings(fake.url))
    assert fake.databases == {"cunmai": {"db": "cunmai", "retention_period": "400d"}}
    assert "does not install" in said


def test_every_vital_sign_is_down_sampled() -> None:
    assert VITALS["oximetry"] == ("spo2_pct", "pulse_bpm", "perfusion_index_pct")
    assert set(VITALS) == {
        "oximetry", "blood_pressure", "temperature", "heart_rate", "respiration", "glucose", "weight"
    }  # fmt: skip
    for _, flux in tasks("b"):
        assert flux.count("\nshrink(") == 3 * sum(map(len, VITALS.values()))


def test_a_wrong_token_is_named(fake: FakeInflux) -> None:
    with pytest.raises(UserError, match="check token"):
        _setup(_settings(fake.url, token=SecretStr("stale")))


def test_an_organisation_that_is_not_there_is_named() -> None:
    with closing(FakeInflux("2.7.11")) as fake, pytest.raises(UserError, match="no organisation village"):
        _setup(_settings(fake.url, org="village"))


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="cannot be reached"):
        _setup(_settings(f"http://127.0.0.1:{free_port()}"))


def test_a_version_that_nobody_knows_is_named() -> None:
    with closing(FakeInflux("4.0.0")) as fake, pytest.raises(UserError, match=r"not version 4\.0\.0"):
        _setup(_settings(fake.url))


def test_an_embedded_store_needs_nothing(tmp_path: Path) -> None:
    (said,) = setup_store(SqliteSettings(kind="sqlite", path=tmp_path / "store.sqlite"))
    assert "keeps everything" in said


def test_writes_have_the_documented_form_and_a_partial_write_is_searched(fake: FakeInflux) -> None:
    settings = _settings(fake.url)
    _setup(settings)
    with closing(open_store(settings)) as store:
        assert store.check().ok
        assert store.write(points(*[oximetry(seq) for seq in range(1, 41)])).refused == ()
        fake.refuse = "spo2_pct=55.5"
        written = points(
            *[oximetry(seq, spo2_pct=55.5 if seq in (41, 77) else 97.0) for seq in range(41, 81)]
        )
        outcome = store.write(written)
    assert [entry.point.seq for entry in outcome.refused] == [41, 77]
    assert all("partial write" in entry.detail for entry in outcome.refused)
    assert len(fake.lines) == 78


def test_a_bucket_that_is_not_there_is_named_on_2() -> None:
    with closing(FakeInflux("2.7.11")) as fake, closing(open_store(_settings(fake.url, "nosuch"))) as store:
        health = store.check()
    assert (health.ok, "check bucket and org" in health.en) == (False, True)
