"""A consumer for gateway tests: keeps every envelope that arrives, and receipts when told to."""

from __future__ import annotations

import json
from typing import Any

from cunmai_runtime.clock import system_clock
from cunmai_runtime.intake import Intake
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.receipts import make_receipts
from cunmai_wire.topics import Channel, all_gateways_filter, gateway_topic


class ConsumerPeer:
    """Both required consumers in one: `receipt` says which of them speaks."""

    def __init__(self, port: int) -> None:
        filters = [all_gateways_filter(Channel.READINGS), all_gateways_filter(Channel.STATE)]
        self._intake = Intake(MqttSettings(port=port), "peer", filters, system_clock)
        self.envelopes: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []

    def start(self) -> None:
        self._intake.start()

    def stop(self) -> None:
        self._intake.stop()

    @property
    def up(self) -> bool:
        return self._intake.up

    def collect(self, wait_s: float = 0.05) -> None:
        """Take what has arrived."""
        batch = self._intake.take(1000, wait_s)
        for delivery in batch:
            kept = self.envelopes if delivery.topic.endswith(Channel.READINGS) else self.states
            kept.append(json.loads(delivery.payload))
        self._intake.ack(batch)

    @property
    def readings(self) -> list[dict[str, Any]]:
        """Every reading in the order of arrival, repeats included."""
        return [reading for envelope in self.envelopes for reading in envelope["readings"]]

    @property
    def seqs(self) -> list[int]:
        return [reading["seq"] for reading in self.readings]

    def receipt(self, gateway: str, *consumers: str) -> None:
        """Receipt everything that has come so far, as each of `consumers`."""
        streams: dict[str, set[int]] = {}
        for envelope in self.envelopes:
            streams.setdefault(envelope["stream"], set()).update(r["seq"] for r in envelope["readings"])
        for consumer in consumers:
            for stream, seqs in streams.items():
                for receipt in make_receipts(consumer, stream, seqs):
                    topic = gateway_topic(gateway, Channel.RECEIPTS)
                    assert self._intake.publish(topic, receipt.model_dump_json().encode())

    def command(self, gateway: str, **fields: Any) -> None:
        """Send a command."""
        topic = gateway_topic(gateway, Channel.COMMANDS)
        assert self._intake.publish(topic, json.dumps({"v": 1, "id": "c1", "at": 1} | fields).encode())
