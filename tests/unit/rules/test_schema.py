"""The published JSON Schema, and the examples of the documentation."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from cunmai_rules.shipped import packs_dir, scores_dir
from cunmai_rules.thresholds.loader import build_rules, is_pack
from cunmai_rules.thresholds.schema import score_schema, threshold_schema
from cunmai_rules.tools.golden.cases import case_schema
from support.rules import OXIMETRY

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "threshold-files.md").read_text(), re.DOTALL)
VALIDATOR = jsonschema.Draft202012Validator(json.loads(threshold_schema()))
CASES = jsonschema.Draft202012Validator(json.loads(case_schema()))


def plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(StringIO(text))


def test_the_published_schema_is_that_of_the_models() -> None:
    published = (ROOT / "rules" / "schema" / "threshold-file.schema.json").read_text()
    assert published == threshold_schema(), "run ./dev run python rules/publish.py"
    published = (ROOT / "rules" / "schema" / "test-file.schema.json").read_text()
    assert published == case_schema(), "run ./dev run python rules/publish.py"


def test_the_published_schema_of_score_tables_is_that_of_the_models() -> None:
    published = (ROOT / "rules" / "schema" / "score-file.schema.json").read_text()
    assert published == score_schema(), "run ./dev run python rules/publish.py"


@pytest.mark.parametrize("path", sorted(scores_dir().glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_score_table_fits_its_schema(path: Path) -> None:
    schema = jsonschema.Draft202012Validator(json.loads(score_schema()))
    schema.validate(plain(path.read_text()))
    assert list(schema.iter_errors(plain(path.read_text().replace("title:", "titel:", 1))))


@pytest.mark.parametrize("text", EXAMPLES, ids=[plain(text)["pack"] for text in EXAMPLES])
def test_every_example_of_the_documentation_loads_and_fits_the_schema(text: str) -> None:
    build_rules([("example.yaml", text.encode())])
    VALIDATOR.validate(plain(text))


@pytest.mark.parametrize("path", sorted(packs_dir().glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_pack_fits_the_schema(path: Path) -> None:
    (VALIDATOR if is_pack(path) else CASES).validate(plain(path.read_text()))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("readings:", "reading:"), ("oximetry:", "oximetri:"), ("at: 1h", "at: 1"), ("every: 1s", "every: one")],
)
def test_an_editor_underlines_a_mistake_in_a_case(right: str, wrong: str) -> None:
    text = (packs_dir() / "oximetry.test.yaml").read_text()
    assert right in text
    assert list(CASES.iter_errors(plain(text.replace(right, wrong))))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b"grade: red", b"grade: green"),
        (b"lane: page", b"lane: sms"),
        (b"at_or_below: 93", b"at_or_bellow: 93"),
        (b"source: a test", b"sauce: a test"),
        (b"from_storage", b"from_memory"),
        (b"for_s: 15", b"for_s: fifteen"),
        (b"reads: oximetry.spo2_pct", b"reads: oximetry.spo2"),
        (b'unit: "%"', b"unit: percent"),
    ],
)
def test_an_editor_underlines_a_mistake(right: bytes, wrong: bytes) -> None:
    assert list(VALIDATOR.iter_errors(plain(OXIMETRY.replace(right, wrong).decode())))
