"""The README's data source is the one that the code makes."""

from __future__ import annotations

import re
from pathlib import Path

from cunmai_dashboards.influxql import datasource
from cunmai_runtime.yamlfile import parse_document

README = Path(__file__).resolve().parents[3] / "dashboards" / "README.md"


def test_the_provisioning_file_says_what_push_would_make() -> None:
    (sample,) = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    document = parse_document(sample.encode(), "README.md").value
    assert document == {
        "apiVersion": 1,
        "datasources": [datasource("http://influxdb:8086", "cunmai", "put-a-read-token-here")],
    }
