"""JSON Schema (2020-12) of every message, made from the models. `wire/schema/` is the published copy."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from cunmai_wire.commands import Command
from cunmai_wire.envelope import Envelope
from cunmai_wire.events import EventEnvelope
from cunmai_wire.receipts import Receipt
from cunmai_wire.state import GatewayState

_MESSAGES: dict[str, TypeAdapter[Any]] = {
    "readings": TypeAdapter(Envelope),
    "receipts": TypeAdapter(Receipt),
    "state": TypeAdapter(GatewayState),
    "commands": TypeAdapter(Command),
    "events": TypeAdapter(EventEnvelope),
}


def schemas() -> dict[str, str]:
    """File name to JSON text, one for each topic's message."""
    return {f"{name}.schema.json": _text(name, adapter) for name, adapter in _MESSAGES.items()}


def _text(name: str, adapter: TypeAdapter[Any]) -> str:
    schema = adapter.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = f"urn:cunmai:v1:{name}"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
