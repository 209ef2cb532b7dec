"""Many clinics at one broker: their readings, what must come of them, and a sender that never gives up.

The readings are the same in every run, so that what they must end in is known beforehand: by the pure rules,
each resident's readings in the order of time.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Escalate, Observation
from cunmai_rules.thresholds.loader import build_rules
from cunmai_rules.thresholds.memory import NOTHING_YET
from cunmai_rules.thresholds.state import SubjectState
from cunmai_rules.thresholds.window import judge
from cunmai_runtime.clock import system_clock
from cunmai_wire.topics import ROOT, Channel, gateway_topic

ALTITUDE_M = 40
BACK_MS = 2 * 3_600_000
"""So long before now the first reading was measured: all of them are of the past, and none is late."""
ENVELOPE = 5
PATIENCE = 4

# A page rule and a review rule. Nothing in them falls due by itself within a day.
PACK = b"""\
pack: campaign
version: 1
title: {zh: test, en: test}
rules:
  - id: spo2-low
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 4, gap_s: 86000}
    clear: {at_or_above: 95, for_s: 3}
    lane: page
    stale_after_s: 86400
    source: a test
  - id: pulse-high
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.pulse_bpm, unit: "/min", at_or_above: 140, for_s: 4, gap_s: 86000}
    clear: {at_or_below: 130, for_s: 3}
    lane: review
    stale_after_s: 86400
    source: a test
"""


@dataclass(frozen=True)
class Expected:
    """What must come of the readings."""

    states: dict[str, SubjectState]
    findings: set[tuple[str, str, str, int]]
    """Resident, rule, lane, and when the reading was measured."""
    escalations: set[tuple[str, str, str, int]]
    """As they were opened: resident, rule, lane, when the reading was measured."""


@dataclass
class Clinics:
    """`gateways` clinics with `residents` each. The first resident of every clinic is seen at the next one, too."""

    gateways: int = 16
    residents: int = 12
    readings: int = 50_000
    start_ms: int = field(default_factory=system_clock)

    def __post_init__(self) -> None:
        self.ids = [f"clinic-{number:03d}" for number in range(self.gateways)]
        self.streams = {
            id_: str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{id_}.{self.start_ms}")) for id_ in self.ids
        }
        self.by_gateway: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in self.ids}
        for reading in self._make():
            gateway = reading.pop("gateway")
            mine = self.by_gateway[gateway]
            mine.append({"seq": len(mine) + 1, **reading})

    def _make(self) -> Iterator[dict[str, Any]]:
        made, k = 0, 0
        while made < self.readings:
            for place, gateway in enumerate(self.ids):
                for person in range(self.residents):
                    if made == self.readings:
                        return
                    travels = person == 0 and k % 2 == 1
                    at = self.ids[(place + 1) % self.gateways] if travels else gateway
                    yield self._reading(at, place * self.residents + person, person, k)
                    made += 1
            k += 1

    def _reading(self, gateway: str, resident: int, person: int, k: int) -> dict[str, Any]:
        spo2, pulse = value_of(person, k)
        return {
            "gateway": gateway, "t": self.start_ms - BACK_MS + k * 1000 + resident % 7, "clock": "trusted",
            "device": "oxi-1", "resident": f"R-{resident:04d}", "kind": "oximetry", "mode": "continuous",
            "spo2_pct": spo2, "pulse_bpm": pulse,
        }  # fmt: skip

    def expected(self) -> Expected:
        """By the pure rules, each resident's readings in the order of time."""
        rules = build_rules([("campaign.yaml", PACK)])
        of: dict[str, list[Observation]] = defaultdict(list)
        for gateway, readings in self.by_gateway.items():
            for one in readings:
                values = {name: one[name] for name in ("mode", "spo2_pct", "pulse_bpm")}
                stream = self.streams[gateway]
                of[one["resident"]].append(
                    Observation(stream, one["seq"], "oximetry", one["t"], values, (), late=False)
                )
        expected = Expected({}, set(), set())
        for resident, events in of.items():
            memory, found = NOTHING_YET, list[Escalate]()
            for event in sorted(events, key=lambda one: (one.t_ms, one.stream, one.seq)):
                outcome = judge(memory, [event], rules, Facts(altitude_m=ALTITUDE_M))
                memory = outcome.memory
                found += [action for action in outcome.actions if isinstance(action, Escalate)]
            expected.states[resident] = memory.rules
            said = [(resident, one.rule, one.lane.value, one.t_ms) for one in found]
            expected.findings.update(said)
            expected.escalations.update(_opened(said))
        return expected


def value_of(person: int, k: int) -> tuple[float, float]:
    """SpO2 and pulse of one kind of resident at their reading number `k`."""
    match person % 6:
        case 0:  # seen at two clinics: low from some moment on
            return (88.0 if k >= 60 else 97.0), 80.0
        case 1:  # one spell, and better again
            return (89.0 if 30 <= k < 45 else 97.0), 80.0
        case 2:  # single low values: no spell
            return (88.0 if k % 17 == 3 else 98.0), 80.0
        case 3:  # every so often
            return (90.0 if k % 50 >= 40 else 96.0), 80.0
        case 4:  # a fast pulse, twice, for review
            return 97.0, (150.0 if 20 <= k < 30 or 50 <= k < 58 else 80.0)
        case _:
            return 98.0, 75.0


def _opened(found: list[tuple[str, str, str, int]]) -> Iterator[tuple[str, str, str, int]]:
    """Nobody answers: the first page stays open, and what is found after it joins it."""
    paged = False
    for one in found:
        if not paged:
            yield one
            paged = one[2] == "page"


class Senders:
    """All clinics' gateways in one MQTT client. What is not receipted is sent again.

    `most_owed`: so many messages at most are on their way, so that the work keeps pace with what disturbs it.
    `resend_after_s` at the soonest, and not before `PATIENCE` times what receipts take: on a busy machine the
    same messages sent over and over are most of the work.
    """

    def __init__(
        self, port: int, clinics: Clinics, *, most_owed: int = 300, resend_after_s: float = 10.0
    ) -> None:
        self.clinics = clinics
        self._most_owed = most_owed
        self._resend_after_s = resend_after_s
        self._lock = threading.Lock()
        self._owed: dict[tuple[str, int], set[int]] = {}
        self._sent_s: dict[tuple[str, int], float] = {}
        self._first_sent_s: dict[tuple[str, int], float] = {}
        self._takes_s = 0.0
        self.receipted: dict[str, set[int]] = {id_: set() for id_ in clinics.ids}
        self.quarantined: list[Any] = []
        self.resent = 0
        self._gateway_of = {stream: id_ for id_, stream in clinics.streams.items()}
        self._stop = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="clinics", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(500)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{ROOT}/+/+/{Channel.RECEIPTS}", 1)
        self._client.on_message = self._on_receipt
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._resend)]
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> int:
        """Readings that are receipted."""
        with self._lock:
            return sum(map(len, self.receipted.values()))

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self) -> None:
        longest = max(map(len, self.clinics.by_gateway.values()))
        for start in range(0, longest, ENVELOPE):
            for gateway, readings in self.clinics.by_gateway.items():
                part = readings[start : start + ENVELOPE]
                if part:
                    self._wait_for_room()
                    if self._stop.is_set():
                        return
                    with self._lock:
                        self._owed[gateway, start] = {one["seq"] for one in part}
                    self._publish(gateway, start)

    def _wait_for_room(self) -> None:
        while len(self._owed) >= self._most_owed and not self._stop.wait(0.01):
            pass

    def _publish(self, gateway: str, start: int) -> None:
        with self._lock:
            self._sent_s[gateway, start] = now_s = time.monotonic()
            self._first_sent_s.setdefault((gateway, start), now_s)
        envelope = {
            "v": 1, "gateway": gateway, "stream": self.clinics.streams[gateway], "sent": system_clock(),
            "clock": "trusted", "readings": self.clinics.by_gateway[gateway][start : start + ENVELOPE],
        }  # fmt: skip
        self._client.publish(gateway_topic(gateway, Channel.READINGS), json.dumps(envelope), qos=1)

    def _resend(self) -> None:
        while not self._stop.wait(0.5):
            with self._lock:
                before_s = time.monotonic() - max(self._resend_after_s, PATIENCE * self._takes_s)
                late = [key for key in self._owed if self._sent_s.get(key, before_s + 1) < before_s]
            for key in late[:100]:
                self.resent += 1
                self._publish(*key)

    def _on_receipt(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        gateway = self._gateway_of.get(receipt["stream"])
        if gateway is None or receipt["consumer"] != "rules":
            return
        self.quarantined += receipt["quarantined"]
        numbers = {seq for first, last in receipt["ranges"] for seq in range(first, last + 1)}
        with self._lock:
            self.receipted[gateway] |= numbers
            for start in {(seq - 1) // ENVELOPE * ENVELOPE for seq in numbers}:
                owed = self._owed.get((gateway, start))
                if owed is not None:
                    owed -= numbers
                    if not owed:
                        del self._owed[gateway, start]
                        self._sent_s.pop((gateway, start), None)
                        took_s = time.monotonic() - self._first_sent_s.pop((gateway, start))
                        self._takes_s += 0.05 * (took_s - self._takes_s)
