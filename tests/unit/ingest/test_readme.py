"""The README's sample configuration is one that loads."""

from __future__ import annotations

import re
from pathlib import Path

from cunmai_ingest.settings import InfluxSettings, IngestSettings, SqliteSettings
from cunmai_runtime.yamlfile import parse_document, validate

README = Path(__file__).resolve().parents[3] / "ingest" / "README.md"


def _sample() -> str:
    (sample,) = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return str(sample).replace("put-the-token-here", "its own")


def _load(text: str) -> IngestSettings:
    return validate(parse_document(text.encode(), "README.md"), IngestSettings)


def test_the_sample_loads_and_shows_the_defaults() -> None:
    settings = _load(_sample())
    assert isinstance(settings.store, InfluxSettings)
    least = IngestSettings(data_dir=settings.data_dir, store=settings.store, metrics_port=9402)
    assert settings == least


def test_the_other_store_of_the_sample_loads_too() -> None:
    before, store, after = re.split(r"(?ms)^(store:.*?)^# store: +# or.*?\n", _sample())
    uncommented = after.replace("#   kind", "  kind").replace("#   path", "  path")
    assert "influxdb" in store
    settings = _load(f"{before}store:\n{uncommented}")
    assert isinstance(settings.store, SqliteSettings)
