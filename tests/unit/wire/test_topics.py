"""Topics are made and taken apart in one place. Buckets were computed by hand with crc32(1)."""

from __future__ import annotations

import pytest

from cunmai_wire.topics import (
    Address,
    Channel,
    all_events_filter,
    all_gateways_filter,
    bucket_of,
    events_topic,
    gateway_topic,
    parse_topic,
)


def test_bucket_is_two_digits_of_crc32_modulo_64() -> None:
    # crc32("123456789") is the published check value 0xCBF43926; 0xCBF43926 % 64 = 0x26 = 38.
    assert bucket_of("123456789") == "38"


def test_topics() -> None:
    assert gateway_topic("123456789", Channel.READINGS) == "cunmai/v1/38/123456789/readings"
    assert events_topic("123456789") == "cunmai/v1/38/events"
    assert all_gateways_filter(Channel.STATE) == "cunmai/v1/+/+/state"
    assert all_gateways_filter(Channel.READINGS, "07") == "cunmai/v1/07/+/readings"
    assert all_events_filter() == "cunmai/v1/+/events"


def test_a_topic_is_taken_apart() -> None:
    assert parse_topic("cunmai/v1/38/123456789/receipts") == Address("38", "123456789", "receipts")
    assert parse_topic("cunmai/v1/38/events") == Address("38", None, "events")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "cunmai/v2/38/123456789/readings",
        "cunmai/v1/38",
        "cunmai/v1/38/other",
        "a/b/c/d/e",
        "cunmai/v1/1/2/3/4",
    ],
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="cunmai/v1"):
        parse_topic(topic)


def test_a_foreign_bucket_is_refused() -> None:
    with pytest.raises(ValueError, match="bucket 07 is not that of gateway 123456789"):
        parse_topic("cunmai/v1/07/123456789/readings")
