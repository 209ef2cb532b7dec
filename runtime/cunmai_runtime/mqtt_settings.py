"""Where the broker is and who we are to it."""

from __future__ import annotations

import ssl
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Protocol(StrEnum):
    """MQTT 5 by default; 3.1.1 for brokers that lack it (amqtt)."""

    V5 = "5"
    V311 = "3.1.1"


class MqttSettings(BaseModel):
    """Where the broker is and who we are to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    protocol: Protocol = Protocol.V5
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    """Giving it turns TLS on."""
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = Field(default=20, ge=5, le=600)


def tls_context(settings: MqttSettings) -> ssl.SSLContext:
    """The context for a broker behind `ca_file`, with our own certificate where there is one."""
    context = ssl.create_default_context(cafile=str(settings.ca_file))
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
