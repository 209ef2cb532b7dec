"""The JSON Schema of a threshold file, so that editors complete and underline while an author types.

It knows the structure. Units, near misspellings, sides that overlap and the like are found by
`cunmai rules check`, which is the judge.
"""

from __future__ import annotations

import json

from cunmai_rules.thresholds.pack import Pack


def threshold_schema() -> str:
    """The schema as text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Pack.model_json_schema(),
        "title": "村脉阈值文件 / Cunmai threshold file",
    }
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
