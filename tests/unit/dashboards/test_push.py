from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cunmai_dashboards.build import dashboards
from cunmai_dashboards.cli import app
from cunmai_dashboards.influxql import datasource
from cunmai_dashboards.push import Grafana
from cunmai_runtime.errors import UserError
from support.grafana import TOKEN, FakeGrafana
from support.servers import free_port


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    fake = FakeGrafana()
    server = fake.start()
    yield fake
    server.shutdown()
    server.server_close()


def _push(fake: FakeGrafana, *more: str, token: str = TOKEN) -> Result:
    return CliRunner().invoke(app, ["push", "--url", fake.url, "--token", token, *more])


def _said(result: Result) -> str:
    """The one sentence of a user's error. The `cunmai` command prints it and exits 2."""
    assert isinstance(result.exception, UserError)
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_the_dashboard_arrives_whole_in_its_folder(grafana: FakeGrafana) -> None:
    result = _push(grafana)
    assert result.exit_code == 0, result.exception
    assert grafana.folders == [{"uid": "f0", "title": "村脉 Cunmai"}]
    body = grafana.dashboards["cunmai-resident"]
    assert (body["folderUid"], body["overwrite"]) == ("f0", True)
    assert body["dashboard"] == dashboards()["resident.json"]
    assert f"✓ {grafana.url}/d/cunmai-resident/resident" in result.output


def test_pushing_again_replaces_it_and_makes_no_second_folder(grafana: FakeGrafana) -> None:
    assert _push(grafana).exit_code == 0
    assert _push(grafana).exit_code == 0
    assert (len(grafana.folders), len(grafana.dashboards)) == (1, 3)


def test_a_folder_may_be_chosen(grafana: FakeGrafana) -> None:
    grafana.folders.append({"uid": "mine", "title": "Ward"})
    _push(grafana, "--folder", "Ward")
    assert grafana.dashboards["cunmai-resident"]["folderUid"] == "mine"


def test_without_being_asked_the_data_source_is_left_alone(grafana: FakeGrafana) -> None:
    _push(grafana)
    assert grafana.datasources == {}


def test_the_data_source_is_made_then_brought_up_to_date(grafana: FakeGrafana) -> None:
    _push(grafana, "--datasource-url", "http://influx:8086", "--datasource-token", "secret")
    (source,) = grafana.datasources.values()
    assert source == datasource("http://influx:8086", "cunmai", "secret")
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token secret"}
    assert "secret" not in str(source["jsonData"])
    _push(grafana, "--datasource-url", "http://influx2:8086", "--datasource-bucket", "vitals")
    (source,) = grafana.datasources.values()
    assert (source["url"], source["jsonData"]["dbName"]) == ("http://influx2:8086", "vitals")
    assert ("PUT", "/api/datasources/uid/cunmai-influxdb") in grafana.requests


def test_a_grafana_below_a_path_is_reached() -> None:
    fake = FakeGrafana(prefix="/grafana")
    server = fake.start()
    assert _push(fake).exit_code == 0
    server.shutdown()
    server.server_close()
    assert {path.split("/api/")[0] for _, path in fake.requests} == {"/grafana"}


def test_the_token_may_come_from_the_environment(grafana: FakeGrafana) -> None:
    result = CliRunner().invoke(app, ["push", "--url", grafana.url], env={"CUNMAI_GRAFANA_TOKEN": TOKEN})
    assert result.exit_code == 0


# -- what can go wrong ----------------------------------------------------------------------------------


def test_a_wrong_token(grafana: FakeGrafana) -> None:
    said = _said(_push(grafana, token="glsa_wrong"))
    assert said == "Grafana 不接受令牌, 请检查 --token / Grafana refuses the token: check --token"
    assert grafana.dashboards == {}


@pytest.mark.parametrize("token", ["", "  ", "令牌", "a\nb"])
def test_what_cannot_be_a_token_is_not_sent(grafana: FakeGrafana, token: str) -> None:
    assert "does not look like a token" in _said(_push(grafana, token=token))
    assert grafana.requests == []


def test_a_token_without_the_right(grafana: FakeGrafana) -> None:
    grafana.forbidden = True
    assert "its service account needs Editor" in _said(_push(grafana))


def test_a_grafana_in_trouble(grafana: FakeGrafana) -> None:
    grafana.broken = True
    assert "Grafana answered 500: try again later" in _said(_push(grafana))


def test_a_server_that_is_no_grafana(grafana: FakeGrafana) -> None:
    grafana.answers_html = True
    assert "does not answer as Grafana does: check --url" in _said(_push(grafana))


def test_nobody_there() -> None:
    fake = FakeGrafana(port=free_port())
    said = _said(_push(fake))
    assert f"Grafana cannot be reached at {fake.url}" in said
    assert "try again when it is up" in said


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://host", "http://", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UserError, match=r"--url must be http://host:port"):
        Grafana(url, TOKEN)


def test_a_refusal_for_another_reason_is_passed_on(grafana: FakeGrafana) -> None:
    with pytest.raises(UserError, match=r"Grafana refused: .*Not found"):
        Grafana(f"{grafana.url}/elsewhere", TOKEN).put_dashboards([], "x")


# -- build ----------------------------------------------------------------------------------------------


def _build(*arguments: Any) -> Result:
    return CliRunner().invoke(app, ["build", *map(str, arguments)])


def test_build_writes_and_check_compares(tmp_path: Path) -> None:
    assert "not what the code builds" in _said(_build("--out", tmp_path, "--check"))
    assert not list(tmp_path.iterdir())
    assert "resident.json" in _build("--out", tmp_path).output
    assert _build("--out", tmp_path, "--check").exit_code == 0
