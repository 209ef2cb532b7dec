"""The reference of policy files names every key of the model, with its default and its limits, and no other."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cunmai_rules.escalation.folding_file import BurstPart, LimitPart, RatePart
from cunmai_rules.escalation.policy_file import For, Plan, PolicyFile, Quiet
from cunmai_rules.settings import PolicySettings

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "escalation-policies.md").read_text()
TABLES: dict[str, type[BaseModel]] = {
    "文件 / the file": PolicyFile, "plans": Plan, "plans: for": For, "plans: quiet_hours": Quiet,
    "burst": BurstPart, "rate": RatePart, "rate: red, yellow": LimitPart,
}  # fmt: skip


def rows(title: str) -> dict[str, list[str]]:
    """The table below a heading: key to unit, default, meaning in both languages."""
    text = DOCUMENT.split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def limits(schema: dict[str, Any]) -> tuple[int, int] | None:
    """Of a number, also where it may be one of several."""
    for one in (schema, *schema.get("anyOf", ())):
        if "minimum" in one:
            return one["minimum"], one["maximum"]
    return None


def default(field: FieldInfo) -> Any:
    """As the file would write it; None where the table says in words what follows."""
    if field.default is PydanticUndefined or isinstance(field.default, BaseModel) or field.default is None:
        return None
    values = field.default if isinstance(field.default, tuple) else (field.default,)
    words = [str(one.value if isinstance(one, Enum) else one) for one in values]
    return f"`[{', '.join(words)}]`" if isinstance(field.default, tuple) else f"`{words[0]}`"


def test_there_is_a_table_for_every_part() -> None:
    assert re.findall(r"^### (.*)$", DOCUMENT, re.MULTILINE) == list(TABLES)


@pytest.mark.parametrize("title", TABLES)
def test_every_key_is_there_with_its_default_and_its_limits(title: str) -> None:
    model, told = TABLES[title], rows(title)
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    assert list(told) == list(fields)
    schema = model.model_json_schema()["properties"]
    for key, field in fields.items():
        unit, said, zh, en = told[key]
        assert zh, key
        assert en, key
        assert ("必填 required" in said) == field.is_required(), key
        if (written := default(field)) is not None:
            assert said == written, key
        if (bounds := limits(schema[key])) is not None and key != "version":
            # `singly: 1` is refused by a check of its own, with its reason.
            low, high = (2, 50) if key == "singly" else bounds
            assert unit.endswith(f"{low}-{high}"), (key, bounds)


def test_the_part_of_the_settings_has_the_same_defaults() -> None:
    for key, field in PolicySettings.model_fields.items():
        assert f"`{key}`" in DOCUMENT.rsplit("## ", 1)[1]
        assert Plan.model_fields[key].default == field.default
