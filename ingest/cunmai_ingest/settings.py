"""Settings of one ingest process, read from a YAML file (see the sample in ingest/README.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import GatewayId
from cunmai_wire.topics import BUCKETS, Channel, all_events_filter, all_gateways_filter


def _known_bucket(bucket: str) -> str:
    if len(bucket) == 2 and bucket.isascii() and bucket.isdigit() and int(bucket) < BUCKETS:
        return bucket
    last = BUCKETS - 1
    raise ValueError(
        f'写成带引号的两位数, "00" 到 "{last}" / give two digits in quotes, "00" to "{last}", not {bucket!r}'
    )


_http_url = TypeAdapter(HttpUrl)


def _server_address(url: str) -> str:
    try:
        parsed = _http_url.validate_python(url)
    except ValidationError:
        parsed = None
    if parsed is None or parsed.path not in (None, "/") or parsed.query or parsed.username:
        raise ValueError(f"写成 http://主机:端口 / give http://host:port, not {url!r}")
    return url.rstrip("/")


Bucket = Annotated[str, AfterValidator(_known_bucket)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SqliteSettings(_Settings):
    """The embedded store: one file, no server."""

    kind: Literal["sqlite"]
    path: Path


class RetentionSettings(_Settings):
    """How long each resolution is kept, in days; 0 is for ever. Only `cunmai ingest setup` reads it."""

    raw_days: int = Field(default=400, ge=0, le=36_500)
    """Every reading as it came."""
    minute_days: int = Field(default=1830, ge=0, le=36_500)
    """Mean, least and greatest of each minute."""
    hour_days: int = Field(default=0, ge=0, le=36_500)


class InfluxSettings(_Settings):
    """InfluxDB 1.8, 2.7 or 3: written through `/api/v2/write`, read by InfluxQL through `/query`."""

    kind: Literal["influxdb"]
    url: Annotated[str, AfterValidator(_server_address)]
    """Scheme, host and port."""
    org: str
    bucket: Annotated[str, Field(pattern=r"^[^/\s\"]+$")]
    """Without a slash: on 1.8 a slash would name a retention policy."""
    token: SecretStr
    timeout_s: float = Field(default=10, gt=0, le=300)
    max_lines: int = Field(default=5000, ge=1, le=50_000)
    """Lines in one request body."""
    retention: RetentionSettings = RetentionSettings()


StoreSettings = Annotated[SqliteSettings | InfluxSettings, Field(discriminator="kind")]


class QuarantineSettings(_Settings):
    """How much bad input is kept. Beyond either bound the oldest goes, and is counted as dropped."""

    max_messages: int = Field(default=10_000, ge=1)
    max_bytes: int = Field(default=256 << 20, ge=1024)


class LedgerSettings(_Settings):
    """The loss ledger: whose day it goes by, and how long a gap may stay open."""

    utc_offset_minutes: int = Field(default=480, ge=-720, le=840)
    """The clinics' time: a day begins at their midnight. Fixed for the life of the book."""
    late_after_s: int = Field(default=300, ge=1, le=86_400)
    """A reading that arrives later than this after it was measured counts as late. As in the rules."""
    overdue_after_s: int = Field(default=900, ge=1, le=7 * 86_400)
    """A gap that is open for longer raises an event, and its gateway is asked to send again."""
    ask_again_s: int = Field(default=900, ge=1, le=86_400)
    """After the first asking; doubled after each, up to six hours."""
    most_asks: int = Field(default=8, ge=0, le=100)
    every_s: float = Field(default=5, gt=0, le=3600)


class ApiSettings(_Settings):
    """The read API, run by `cunmai ingest api`."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Put a proxy with TLS in front before anyone outside this machine connects."""
    port: int = Field(default=8090, ge=1, le=65535)
    public_url: Annotated[str, AfterValidator(_server_address)] = "http://127.0.0.1:8090"
    """As clients reach it: what the links in FHIR answers begin with."""
    timeout_s: float = Field(default=10, gt=0, le=60)
    """No question to the store takes longer."""


class IngestSettings(_Settings):
    """One ingest process. Several share the work by bucket sets, each with its own `id` and `data_dir`."""

    id: GatewayId = "ingest"
    """MQTT client id. The broker keeps this process's session under it, so it must never change or clash."""
    buckets: Literal["+"] | Annotated[tuple[Bucket, ...], Field(min_length=1)] = "+"
    """Which buckets of gateways: "+" for all, or a list of two-digit strings."""
    mqtt: MqttSettings = MqttSettings()
    data_dir: Path
    """Holds `ingest-book.sqlite`: what is held, what was set aside. Back it up with the store."""
    claims_dir: Path | None = None
    """The same for every ingest process of this machine: then overlapping `buckets` are refused at the start."""
    store: StoreSettings
    quarantine: QuarantineSettings = QuarantineSettings()
    ledger: LedgerSettings = LedgerSettings()
    api: ApiSettings = ApiSettings()
    batch_messages: int = Field(default=500, ge=1, le=1000)
    """At most this many messages are stored, committed and receipted together."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where set, Prometheus metrics are served on this port of loopback."""

    @property
    def book_path(self) -> Path:
        return self.data_dir / "ingest-book.sqlite"

    @property
    def api_path(self) -> Path:
        """The read API's tokens, and who looked at whom."""
        return self.data_dir / "ingest-api.sqlite"

    def receipt_filters(self) -> tuple[str, ...]:
        """Where other consumers say what they hold: what the ledger calls judged."""
        return tuple(all_gateways_filter(Channel.RECEIPTS, bucket) for bucket in self.buckets)

    def filters(self) -> tuple[str, ...]:
        """The MQTT subscription filters: readings, state and events of each bucket."""
        return tuple(
            topic_filter
            for bucket in self.buckets
            for topic_filter in (
                all_gateways_filter(Channel.READINGS, bucket),
                all_gateways_filter(Channel.STATE, bucket),
                all_events_filter(bucket),
            )
        )
