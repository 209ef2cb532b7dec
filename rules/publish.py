"""Write the JSON Schemas of what rule authors write: `./dev run python rules/publish.py`."""

from __future__ import annotations

from pathlib import Path

from cunmai_rules.thresholds.schema import policy_schema, score_schema, threshold_schema
from cunmai_rules.tools.golden.cases import case_schema

FOLDER = Path(__file__).parent / "schema"

if __name__ == "__main__":
    (FOLDER / "threshold-file.schema.json").write_text(threshold_schema())
    (FOLDER / "score-file.schema.json").write_text(score_schema())
    (FOLDER / "policy-file.schema.json").write_text(policy_schema())
    (FOLDER / "test-file.schema.json").write_text(case_schema())
