"""The JSON Schemas of threshold, score and policy files: editors complete and underline while an author types.

It knows the structure. Units, near misspellings, sides that overlap and the like are found by
`cunmai rules check`, which is the judge.
"""

from __future__ import annotations

import json

from cunmai_rules.escalation.policy_file import PolicyFile
from cunmai_rules.parts import Part
from cunmai_rules.scores.table import ScoreTable
from cunmai_rules.thresholds.pack import Pack


def threshold_schema() -> str:
    """The schema as text."""
    return _as_text(Pack, "村脉阈值文件 / Cunmai threshold file")


def score_schema() -> str:
    """Of a score table."""
    return _as_text(ScoreTable, "村脉评分文件 / Cunmai score file")


def policy_schema() -> str:
    """Of a policy file."""
    return _as_text(PolicyFile, "村脉通知与升级办法 / Cunmai policy file")


def _as_text(model: type[Part], title: str) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
        "title": title,
    }
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
