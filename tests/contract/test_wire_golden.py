"""The published contract: every message by example, and the JSON Schema as it was published.

A change here is a change of the contract. A breaking one makes version 2.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from cunmai_wire.commands import Command
from cunmai_wire.envelope import Envelope
from cunmai_wire.events import EventEnvelope
from cunmai_wire.readings import KINDS
from cunmai_wire.receipts import Receipt
from cunmai_wire.schema import schemas
from cunmai_wire.state import GatewayState

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = Path(__file__).parents[2] / "wire" / "schema"
MODELS: dict[str, Any] = {
    "readings": Envelope,
    "receipts": Receipt,
    "state": GatewayState,
    "commands": Command,
    "events": EventEnvelope,
}


def example(path: Path) -> tuple[str, Any]:
    return path.stem.split("-")[0], json.loads(path.read_text())


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.stem)
def test_every_example_is_read_and_written_back_unchanged(path: Path) -> None:
    name, document = example(path)
    adapter: TypeAdapter[Any] = TypeAdapter(MODELS[name])
    message = adapter.validate_json(path.read_bytes())
    assert json.loads(adapter.dump_json(message)) == document


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.stem)
def test_every_example_fits_the_published_schema(path: Path) -> None:
    name, document = example(path)
    schema = json.loads((PUBLISHED / f"{name}.schema.json").read_text())
    assert list(Draft202012Validator(schema).iter_errors(document)) == []


def test_the_examples_show_every_kind_and_every_message() -> None:
    shown = {reading["kind"] for reading in json.loads((GOLDEN / "readings.json").read_text())["readings"]}
    assert shown == set(KINDS)
    assert {example(path)[0] for path in GOLDEN.iterdir()} == set(MODELS)


def test_the_published_schema_is_that_of_the_models() -> None:
    """Where this fails on purpose: ./dev run python wire/publish.py"""
    published = {path.name: path.read_text() for path in PUBLISHED.iterdir()}
    assert published == schemas()


def test_the_schema_refuses_a_value_in_quotes() -> None:
    schema = json.loads((PUBLISHED / "readings.schema.json").read_text())
    document = json.loads((GOLDEN / "readings.json").read_text())
    document["readings"][0]["spo2_pct"] = "97"
    assert list(Draft202012Validator(schema).iter_errors(document))
