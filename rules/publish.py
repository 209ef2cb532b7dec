"""Write the JSON Schema of threshold files: `./dev run python rules/publish.py`."""

from __future__ import annotations

from pathlib import Path

from cunmai_rules.thresholds.schema import threshold_schema

TARGET = Path(__file__).parent / "schema" / "threshold-file.schema.json"

if __name__ == "__main__":
    TARGET.write_text(threshold_schema())
