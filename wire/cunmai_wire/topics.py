"""MQTT topics, version 1. One place makes them and one place takes them apart.

The bucket is a fixed level, so that consumers can be split by bucket sets, each with its own client id
and persistent session. Shared subscriptions are not used: they do not fail over (docs/decisions/0002).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

BUCKETS = 64
ROOT = "cunmai/v1"


class Channel(StrEnum):
    """Last level of a gateway's topic."""

    READINGS = "readings"
    STATE = "state"
    RECEIPTS = "receipts"
    COMMANDS = "commands"


def bucket_of(gateway: str) -> str:
    """Two digits, 00 to 63: crc32 of the gateway's id, modulo 64."""
    return f"{zlib.crc32(gateway.encode()) % BUCKETS:02d}"


def gateway_topic(gateway: str, channel: Channel) -> str:
    """`cunmai/v1/<bucket>/<gateway>/<channel>`."""
    return f"{ROOT}/{bucket_of(gateway)}/{gateway}/{channel}"


def events_topic(gateway: str) -> str:
    """`cunmai/v1/<bucket>/events`, in the bucket of the gateway that the event is about."""
    return f"{ROOT}/{bucket_of(gateway)}/events"


def all_gateways_filter(channel: Channel, bucket: str = "+") -> str:
    """Subscription filter for one channel of every gateway, in one bucket or in all."""
    return f"{ROOT}/{bucket}/+/{channel}"


def all_events_filter(bucket: str = "+") -> str:
    """Subscription filter for events, in one bucket or in all."""
    return f"{ROOT}/{bucket}/events"


@dataclass(frozen=True, slots=True)
class Address:
    """What a topic says: `gateway` is None for an events topic."""

    bucket: str
    gateway: str | None
    channel: str


# Gateways send on the same few topics again and again.
@lru_cache(maxsize=4096)
def parse_topic(topic: str) -> Address:
    """Take a version 1 topic apart.

    Raises ValueError where the topic is not of version 1, or its bucket is not its gateway's.
    """
    parts = topic.split("/")
    if parts[:2] != ["cunmai", "v1"] or len(parts) not in (4, 5):
        raise ValueError(f"not a {ROOT} topic")
    bucket = parts[2]
    if len(parts) == 4:
        if parts[3] != "events":
            raise ValueError(f"not a {ROOT} topic")
        return Address(bucket, None, "events")
    gateway = parts[3]
    if bucket != bucket_of(gateway):
        raise ValueError(f"bucket {bucket} is not that of gateway {gateway} ({bucket_of(gateway)})")
    return Address(bucket, gateway, parts[4])
