"""An engine, a notifier and the pages over one journal, with a clock that the test moves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.notify.notifier import Notifier
from cunmai_rules.notify.sender import Sender, Sends
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.watch import InForce, RulesInForce
from cunmai_runtime.clock import system_clock
from cunmai_runtime.intake import Delivery
from cunmai_wire.events import Answer
from cunmai_wire.topics import Channel, gateway_topic
from support.rules import OXIMETRY, T0_MS
from support.sms_sink import SECRET, SmsSink

GATEWAY = "cz-01"
STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"
LINK_KEY = b"k" * 32


@dataclass
class Bench:
    """Everything of the rules service but its threads."""

    folder: Path
    sink: SmsSink
    now_ms: int = T0_MS
    packs: bytes = OXIMETRY
    _seq: int = 0
    _up: bool = False
    receipts: list[dict[str, Any]] = field(default_factory=list)
    sender: Sender | None = None
    at: JournalAt | None = None
    """Where the journal is. None: a file in the folder."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Settings in place of, or beside, the usual ones."""
    carrier: Sends | None = None
    """Takes the messages in place of a sender that speaks HTTP."""
    judged_by: InForce | None = None
    """The rules in force, in place of `packs`."""

    def __post_init__(self) -> None:
        packs = self.folder / "packs"
        packs.mkdir()
        (packs / "oximetry.yaml").write_bytes(self.packs)
        self.settings = RulesSettings.model_validate(
            {
                "data_dir": self.folder,
                "packs": packs,
                "contacts": [
                    {"id": "village", "role": "村医", "to": "13800000001"},
                    {"id": "township", "role": "乡镇卫生院值班", "to": "13800000002"},
                ],
                "sites": [
                    {
                        "gateway": GATEWAY,
                        "name": "上村卫生室",
                        "altitude_m": 40,
                        "contacts": ["village", "township"],
                    }
                ],
                "fallback_contacts": ["township"],
                "public_url": "http://127.0.0.1:8087",
            }
            | ({} if "webhook" in self.changes else {"webhook": {"url": self.sink.url, "secret": SECRET}})
            | self.changes
        )
        self.in_force: InForce = self.judged_by or RulesInForce(packs, self.folder / "in-force.json")
        self.journal = self.at or self.folder / "rules.sqlite"
        self.restart()

    def restart(self) -> None:
        """As after a kill: everything from the disk again."""
        if self._up:
            self.close()
        self._up = True
        self.db = open_journal(self.journal)
        self.desk = Desk(self.db, self.settings, LINK_KEY)
        self.engine = Engine(self.db, self.desk, self.settings, self.clock, self.in_force.rules)
        self.notifier = Notifier(
            self.db, self.desk, self.carrier or self._sender_over_http(), self.settings, self.clock,
            lambda: self.in_force.rules, chance=lambda: 1.0,
        )  # fmt: skip

    def _sender_over_http(self) -> Sender:
        self.sender = Sender(
            at_once=self.settings.at_once, public_url=self.settings.public_url, wall_clock=system_clock
        )
        return self.sender

    def close(self) -> None:
        if self.sender is not None:
            self.sender.close()
        self.db.close()

    def clock(self) -> int:
        return self.now_ms

    def passes(self, seconds: float) -> None:
        """Time goes by, with a tick and a look at the outbox at the end."""
        self.now_ms += int(seconds * 1000)
        self.engine.tick()
        self.notifier.send_due()

    def reading(self, spo2_pct: float, **changes: Any) -> dict[str, Any]:
        self._seq += 1
        base = {
            "seq": self._seq,
            "t": self.now_ms,
            "clock": "trusted",
            "device": "oxi-1",
            "resident": "R-7F3K",
            "kind": "oximetry",
            "mode": "continuous",
            "spo2_pct": spo2_pct,
            "pulse_bpm": 112,
        }
        return base | changes

    def deliver(
        self, *readings: dict[str, Any], gateway: str = GATEWAY, stream: str = STREAM, **header: Any
    ) -> None:
        """One envelope, judged. `header`: in place of what it says of its sending."""
        envelope = {
            "v": 1,
            "gateway": gateway,
            "stream": stream,
            "sent": self.now_ms,
            "clock": "trusted",
            "readings": list(readings),
        } | header  # fmt: skip
        self.deliver_raw(gateway_topic(gateway, Channel.READINGS), json.dumps(envelope).encode())

    def deliver_raw(self, topic: str, payload: bytes) -> None:
        delivery = Delivery(topic, payload, self.now_ms, mid=1, epoch=1)
        self.receipts += [json.loads(body) for _, body in self.engine.take([delivery])]

    def desaturate(self, seconds: int = 20, spo2_pct: float = 90) -> None:
        """One live reading a second."""
        for _ in range(seconds):
            self.deliver(self.reading(spo2_pct))
            self.now_ms += 1000

    @property
    def told(self) -> list[str]:
        """Who got a message, in order: V for the village doctor, T for the township's."""
        by_number = {"13800000001": "V", "13800000002": "T"}
        return [by_number[message["data"]["to"]] for message in self.sink.taken.values()]

    def escalation(self) -> Escalation:
        """The only escalation."""
        (one,) = self.desk.escalations.newest(10)
        return one

    def answers(self, answer: Answer, contact: str = "village") -> None:
        self.desk.answer(self.escalation().id, contact, answer, self.now_ms)

    def history(self) -> list[str]:
        return [type_ for (type_,) in self.rows("SELECT type FROM history ORDER BY n")]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.db.execute(query).fetchall()
