"""An InfluxQL query for the Grafana SDK, which brings none for InfluxDB; and the source it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

DATASOURCE_UID = "cunmai-influxdb"
"""The one data source that every dashboard asks. Its name may change in Grafana, its uid may not."""

SOURCE = DataSourceRef(type_val="influxdb", uid=DATASOURCE_UID)


@dataclass(frozen=True)
class InfluxQL(Dataquery):
    """One query as Grafana stores it. `$timeFilter`, `$__interval` and variables are Grafana's to fill in."""

    query: str
    ref: str = "A"
    alias: str | None = None
    result: Literal["time_series", "table"] = "time_series"

    def to_json(self) -> dict[str, Any]:
        """What the SDK's encoder writes."""
        target = {
            "refId": self.ref,
            "datasource": SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": self.result,
        }
        return target if self.alias is None else {**target, "alias": self.alias}


@dataclass(frozen=True)
class Query(Builder[Dataquery]):
    """The builder that the SDK's panels take."""

    target: InfluxQL

    def build(self) -> Dataquery:
        return self.target


def datasource(url: str, bucket: str, token: str | None = None) -> dict[str, Any]:
    """The data source as Grafana provisions it: InfluxQL, which InfluxDB 1.8, 2.7 and 3 all answer.

    `url`: as Grafana's server reaches InfluxDB. `token` goes where Grafana never shows it again.
    """
    source: dict[str, Any] = {
        "uid": DATASOURCE_UID,
        "name": "村脉 Cunmai InfluxDB",
        "type": "influxdb",
        "access": "proxy",
        "url": url,
        "jsonData": {"version": "InfluxQL", "dbName": bucket, "httpMode": "POST"},
    }
    if token is not None:
        source["jsonData"]["httpHeaderName1"] = "Authorization"
        source["secureJsonData"] = {"httpHeaderValue1": f"Token {token}"}
    return source
