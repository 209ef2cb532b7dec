"""The service's loop: judged and committed first, then receipted, then acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cunmai_rules import slots as slots_module
from cunmai_rules.engine import Engine
from cunmai_rules.journal.database import PostgresAt
from cunmai_rules.service import RulesService
from cunmai_runtime.intake import Delivery
from support.rules_bench import Bench
from support.servers import free_port


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
