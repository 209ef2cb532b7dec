"""The service's loop: judged and committed first, then receipted, then acknowledged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cunmai_rules import slots as slots_module
from cunmai_rules.engine import Engine
from cunmai_rules.journal.database import PostgresAt
from cunmai_rules.notify import notifier as notifier_module
from cunmai_rules.service import RulesService
from cunmai_runtime.intake import Delivery
from cunmai_wire.topics import Channel, gateway_topic
from support.rules_bench import GATEWAY, STREAM, Bench
from support.servers import free_port, wait_until


def test_a_message_is_acknowledged_only_after_it_was_judged(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    stop = threading.Event()
    delivery = Delivery("cunmai/v1/00/nobody/readings", b"", 0, 1, 1)

    class OneMessage:
        """The broker hands over one message, and the service is told to stop when it is acknowledged."""

        up = True

        def __init__(self, *_: Any) -> None:
            self._waiting = [delivery]

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def take(self, *_: Any) -> list[Delivery]:
            batch, self._waiting = self._waiting, []
            return batch

        def publish(self, topic: str, payload: bytes) -> bool:
            order.append(f"receipt {payload.decode()}")
            return True

        def ack(self, batch: Sequence[Delivery]) -> None:
            order.append(f"acknowledged {len(batch)}")
            stop.set()

    def judged(self: Engine, batch: Sequence[Delivery]) -> list[tuple[str, bytes]]:
        order.append(f"judged {len(batch)}")
        return [("a-topic", b"of 1")]

    monkeypatch.setattr(slots_module, "Intake", OneMessage)
    monkeypatch.setattr(Engine, "take", judged)
    listen = bench.settings.listen.model_copy(update={"port": free_port()})
    data_dir = tmp_path / "service"
    changes: dict[str, Any] = {"listen": listen, "data_dir": data_dir}
    if isinstance(bench.at, PostgresAt):
        changes["database"] = SecretStr(bench.at.dsn)
    RulesService(bench.settings.model_copy(update=changes)).run(stop)
    assert order == ["judged 1", "receipt of 1", "acknowledged 1"]


def test_a_message_does_not_wait_for_the_next_look_at_what_is_due(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks are an hour apart here, so whatever is sent, and whatever is recorded of it, was woken up for."""
    readings = [bench.reading(90, t=bench.now_ms - 1000 * ago) for ago in reversed(range(20))]
    envelope = {
        "v": 1, "gateway": GATEWAY, "stream": STREAM, "sent": bench.now_ms, "clock": "trusted", "readings": readings,
    }  # fmt: skip
    topic = gateway_topic(GATEWAY, Channel.READINGS)
    delivery = Delivery(topic, json.dumps(envelope).encode(), bench.now_ms, 1, 1)

    class OneMessage:
        """The broker hands over one message."""

        up = True

        def __init__(self, *_: Any) -> None:
            self._waiting = [delivery]

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def take(self, *_: Any) -> list[Delivery]:
            time.sleep(0.01)
            batch, self._waiting = self._waiting, []
            return batch

        def publish(self, *_: Any) -> bool:
            return True

        def ack(self, *_: Any) -> None: ...

    monkeypatch.setattr(slots_module, "Intake", OneMessage)
    monkeypatch.setattr(notifier_module, "POLL_S", 3600.0)
    changes: dict[str, Any] = {"listen": bench.settings.listen.model_copy(update={"port": free_port()})}
    if isinstance(bench.at, PostgresAt):
        changes["database"] = SecretStr(bench.at.dsn)
    stop = threading.Event()
    service = RulesService(bench.settings.model_copy(update=changes), bench.clock)
    running = threading.Thread(target=service.run, args=(stop,), daemon=True)
    running.start()
    try:
        wait_until(lambda: bench.told == ["V"], what="the message is sent")
        wait_until(
            lambda: bench.rows("SELECT state FROM notice") == [("accepted",)], what="and known to be taken"
        )
    finally:
        stop.set()
        running.join(60)
    assert not running.is_alive()
