"""The clinics of the carrier's campaign: each resident has one episode, and each episode pages."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_wire.receipts import RULES
from cunmai_wire.topics import ROOT, Channel, gateway_topic

SITES, TOWNSHIPS = 40, 8
OTHER = "-other"
"""Whose a corrected reading really was."""
PACK = b"""\
pack: campaign
version: 1
title: {zh: test, en: test}
rules:
  - id: spo2-low
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93}
    clear: {at_or_above: 95, for_s: 30}
    lane: page
    stale_after_s: 86400
    source: a test
  - id: spo2-deep
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", below: 85}
    clear: {at_or_above: 90, for_s: 30}
    lane: page
    stale_after_s: 86400
    source: a test
"""


class Fate(StrEnum):
    """What happens to a resident."""

    PLAIN = "plain"
    WORSE = "worse"
    """Yellow, and soon red."""
    CORRECTED = "corrected"
    """It was somebody else's reading."""
    NEVER = "never"
    """Nobody ever answers."""


def fate_of(resident: str) -> Fate:
    """By its number, so that every part of the campaign knows it."""
    if resident.endswith(OTHER):
        return Fate.PLAIN
    last = int(resident.removeprefix("R-")) % 100
    if last < 4:
        return Fate.NEVER
    if last < 10:
        return Fate.CORRECTED
    return Fate.WORSE if last < 20 else Fate.PLAIN


def site_of(resident: str) -> str:
    return f"clinic-{int(resident.removeprefix('R-')) % SITES:02d}"


def contacts() -> dict[str, str]:
    """Each contact's number."""
    villages = {f"village-{n:02d}": f"138{n:08d}" for n in range(SITES)}
    return villages | {f"township-{n}": f"137{n:08d}" for n in range(TOWNSHIPS)} | {"county": "13600000000"}


def contacts_of(site: str) -> list[str]:
    number = int(site.removeprefix("clinic-"))
    return [f"village-{number:02d}", f"township-{number % TOWNSHIPS}"]


class Kiosks:
    """Every clinic's gateway in one MQTT client. What is not receipted is sent again."""

    def __init__(self, port: int, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._streams = {f"clinic-{n:02d}": str(uuid.uuid4()) for n in range(SITES)}
        self._seqs = dict.fromkeys(self._streams, 0)
        self._of: dict[str, dict[str, Any]] = {}
        """The reading that each resident's correction is about."""
        self._owed: dict[tuple[str, int], tuple[str, bytes, float]] = {}
        self.quarantined: list[object] = []
        self._stop = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="kiosks", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(500)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{ROOT}/+/+/{Channel.RECEIPTS}", 1)
        self._client.on_message = self._on_receipt
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._send_again, daemon=True)
        self._thread.start()

    @property
    def owed(self) -> int:
        with self._lock:
            return len(self._owed)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()

    def measures(self, resident: str, spo2_pct: float) -> None:
        reading = {
            "t": self._clock(), "clock": "trusted", "device": "oxi-1", "resident": resident,
            "kind": "oximetry", "mode": "spot", "spo2_pct": spo2_pct, "pulse_bpm": 112,
        }  # fmt: skip
        self._of[resident] = self._send(site_of(resident), reading)

    def corrects(self, resident: str) -> None:
        """It was somebody else's."""
        site = site_of(resident)
        earlier = self._of[resident]
        of = {"stream": self._streams[site], "seq": earlier["seq"], "resident": resident}
        self._send(site, earlier | {"resident": f"{resident}{OTHER}", "corrects": of})

    def _send(self, site: str, reading: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._seqs[site] += 1
            numbered = reading | {"seq": self._seqs[site]}
            envelope = {
                "v": 1, "gateway": site, "stream": self._streams[site], "sent": self._clock(),
                "clock": "trusted", "readings": [numbered],
            }  # fmt: skip
            topic, payload = gateway_topic(site, Channel.READINGS), json.dumps(envelope).encode()
            self._owed[self._streams[site], numbered["seq"]] = (topic, payload, time.monotonic())
        self._client.publish(topic, payload, qos=1)
        return numbered

    def _send_again(self) -> None:
        while not self._stop.wait(0.5):
            before_s = time.monotonic() - 5
            with self._lock:
                late = [(key, one) for key, one in self._owed.items() if one[2] < before_s]
                for key, (topic, payload, _) in late:
                    self._owed[key] = (topic, payload, time.monotonic())
            for _, (topic, payload, _) in late:
                self._client.publish(topic, payload, qos=1)

    def _on_receipt(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        if receipt["consumer"] != RULES:
            return  # ingest's, for the service's own events
        self.quarantined += receipt["quarantined"]
        with self._lock:
            for first, last in receipt["ranges"]:
                for seq in range(first, last + 1):
                    self._owed.pop((receipt["stream"], seq), None)
