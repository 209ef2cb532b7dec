"""Several `cunmai rules run` processes over one PostgreSQL, ingest's part of the events, and an SMS sink."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_rules.journal.database import JournalAt, PostgresAt
from cunmai_wire.topics import all_events_filter, gateway_topic
from support.clinics import ALTITUDE_M, PACK, Clinics
from support.servers import free_port
from support.sms_sink import SECRET, SmsSink
from support.system import Process


class Fleet:
    """Processes that share one journal. Each has a folder and a port of its own."""

    def __init__(
        self, folder: Path, at: JournalAt, broker_port: int, sink: SmsSink, clinics: Clinics, *, slots: int
    ) -> None:
        self._folder = folder
        self._at = at
        self._broker_port = broker_port
        self._sink = sink
        self._clinics = clinics
        self._slots = slots
        self.processes: list[Process] = []
        packs = folder / "packs"
        packs.mkdir()
        (packs / "campaign.yaml").write_bytes(PACK)

    def add(self) -> Process:
        """One more process, started."""
        number = len(self.processes)
        home = self._folder / f"rules-{number}"
        home.mkdir()
        if number:
            shutil.copy(self._folder / "rules-0" / "link.key", home / "link.key")
        else:
            (home / "link.key").write_bytes(b"k" * 32)
        config = home / "rules.yaml"
        config.write_text(self._config(home))
        process = Process(["rules", "run", "--config", str(config)], home / "log")
        self.processes.append(process)
        process.start()
        return process

    def _config(self, home: Path) -> str:
        sites = "".join(
            f"  - {{gateway: {id_}, name: 上村, altitude_m: {ALTITUDE_M}, contacts: [village]}}\n"
            for id_ in self._clinics.ids
        )
        database = f'database: "{self._at.dsn}"\n' if isinstance(self._at, PostgresAt) else ""
        return (
            f"data_dir: {home}\npacks: {self._folder}/packs\n{database}workers: {self._slots}\n"
            f"mqtt: {{port: {self._broker_port}}}\n"
            "contacts: [{id: village, role: 村医, to: test-village}]\n"
            f"sites:\n{sites}"
            "fallback_contacts: [village]\n"
            f"webhook: {{url: '{self._sink.url}', secret: {SECRET}}}\n"
            "public_url: http://127.0.0.1:8087\n"
            f"listen: {{port: {free_port()}}}\n"
            "late_after_s: 86400\n"
            "policy: {ack_within_s: 86400, outcome_within_s: 86400, then_every_s: 86400, quiet_s: 3600}\n"
        )

    def stop(self) -> None:
        for process in self.processes:
            process.stop()

    def logs(self, most: int = 3000) -> str:
        return "\n".join(f"--- {one.log}\n{one.log.read_text()[-most:]}" for one in self.processes)


class Listener:
    """What ingest does with events: keeps each under its number, and receipts it."""

    def __init__(self, port: int, source: str = "rules") -> None:
        self.events: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self.contradictions: list[tuple[str, int]] = []
        self._topic = gateway_topic(source, "receipts")  # type: ignore[arg-type]  # the channel's text
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(all_events_filter(), 1)
        self._client.on_message = self._on_events
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_events(self, client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        envelope = json.loads(message.payload)
        mine = self.events[envelope["stream"]]
        for event in envelope["events"]:
            if mine.setdefault(event["seq"], event) != event:
                self.contradictions.append((envelope["stream"], event["seq"]))
        seqs = sorted(event["seq"] for event in envelope["events"])
        receipt = {
            "v": 1, "consumer": "ingest", "stream": envelope["stream"], "ranges": [[seq, seq] for seq in seqs],
        }  # fmt: skip
        client.publish(self._topic, json.dumps(receipt), qos=1)
