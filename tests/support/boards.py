"""What Grafana's own schemas say of a dashboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

Schemas = dict[str, dict[str, Any]]


def grafana_schemas(data_dir: Path) -> Schemas:
    """Grafana's published schemas, which allow no unknown key."""
    folder = data_dir / "grafana-schema"
    return {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("dashboard", "timeseries", "table")
    }


def faults_of(board: dict[str, Any], schemas: Schemas) -> list[str]:
    """What they object to."""
    whole = {**schemas["dashboard"], "$ref": "#/definitions/Dashboard"}
    faults = [error.message for error in Draft7Validator(whole).iter_errors(board)]
    for panel in board["panels"]:
        schema = schemas.get(panel["type"], {})
        parts = {
            "Options": panel.get("options"),
            "FieldConfig": panel["fieldConfig"]["defaults"].get("custom"),
        }
        for name, part in parts.items():
            if part and name in schema.get("definitions", {}):
                validator = Draft7Validator({**schema, "$ref": f"#/definitions/{name}"})
                faults += [error.message for error in validator.iter_errors(part)]
    return faults
