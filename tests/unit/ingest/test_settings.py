from __future__ import annotations

from pathlib import Path

import pytest

from cunmai_ingest.settings import InfluxSettings, IngestSettings, SqliteSettings
from cunmai_runtime.yamlfile import FileProblems, load_model

SQLITE = """\
data_dir: /var/lib/cunmai
store: {kind: sqlite, path: /var/lib/cunmai/store.sqlite}
"""

INFLUX = """\
data_dir: /var/lib/cunmai
store:
  kind: influxdb
  url: http://127.0.0.1:8086
  org: county
  bucket: vitals
  token: secret-token
"""


def _load(tmp_path: Path, text: str) -> IngestSettings:
    path = tmp_path / "ingest.yaml"
    path.write_text(text)
    return load_model(path, IngestSettings, shown_as="ingest.yaml")


def test_the_least_that_works(tmp_path: Path) -> None:
    settings = _load(tmp_path, SQLITE)
    assert isinstance(settings.store, SqliteSettings)
    assert settings.id == "ingest"
    assert settings.book_path == Path("/var/lib/cunmai/ingest-book.sqlite")
    assert settings.filters() == (
        "cunmai/v1/+/+/readings",
        "cunmai/v1/+/+/state",
        "cunmai/v1/+/events",
    )


def test_a_process_may_take_some_buckets_only(tmp_path: Path) -> None:
    settings = _load(tmp_path, SQLITE + 'buckets: ["00", "63"]\n')
    assert settings.filters() == (
        "cunmai/v1/00/+/readings",
        "cunmai/v1/00/+/state",
        "cunmai/v1/00/events",
        "cunmai/v1/63/+/readings",
        "cunmai/v1/63/+/state",
        "cunmai/v1/63/events",
    )


def test_the_token_is_not_shown(tmp_path: Path) -> None:
    settings = _load(tmp_path, INFLUX)
    assert isinstance(settings.store, InfluxSettings)
    assert settings.store.token.get_secret_value() == "secret-token"
    assert "secret-token" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SQLITE + 'buckets: ["64"]\n', "ingest.yaml:3: buckets.tuple"),
        (SQLITE + "buckets: []\n", "ingest.yaml:3: buckets.tuple"),
        (SQLITE + "id: Ingest\n", "ingest.yaml:3: id: "),
        (SQLITE + "colour: red\n", "ingest.yaml:3: colour: 不认识的键"),
        ("data_dir: x\nstore: {kind: sqlit, path: y}\n", "ingest.yaml:2: store.kind: "),
        ("data_dir: x\nstore: {kind: sqlite}\n", "ingest.yaml:2: store.sqlite.path: 缺少必填项"),
        (INFLUX.replace("vitals", "vitals/week"), "ingest.yaml:6: store.influxdb.bucket: "),
        (INFLUX.replace(":8086", ":99999"), "ingest.yaml:4: store.influxdb.url: 写成 http://"),
        (INFLUX.replace("http://", ""), "ingest.yaml:4: store.influxdb.url: 写成 http://"),
        (INFLUX.replace(":8086", ":8086/influx"), "ingest.yaml:4: store.influxdb.url: 写成 http://"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileProblems) as caught:
        _load(tmp_path, text)
    assert message in str(caught.value)


def test_a_bucket_without_quotes_is_explained(tmp_path: Path) -> None:
    with pytest.raises(FileProblems, match=r"ingest\.yaml:3: buckets"):
        _load(tmp_path, SQLITE + "buckets: [07]\n")
