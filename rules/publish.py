"""Write the JSON Schemas of threshold files, score tables and test cases: `./dev run python rules/publish.py`."""

from __future__ import annotations

from pathlib import Path

from cunmai_rules.thresholds.schema import score_schema, threshold_schema
from cunmai_rules.tools.golden.cases import case_schema

FOLDER = Path(__file__).parent / "schema"

if __name__ == "__main__":
    (FOLDER / "threshold-file.schema.json").write_text(threshold_schema())
    (FOLDER / "score-file.schema.json").write_text(score_schema())
    (FOLDER / "test-file.schema.json").write_text(case_schema())
