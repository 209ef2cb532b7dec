"""The shipped oximetry pack over recorded vitals: who would have been paged.

The records' longest spells at or below 93 were counted by hand from the files: 13 never falls below 99,
22 has one of 255 s, 08 and 09 sit at 93 throughout, 12 has one of 2 s.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from cunmai_rules.thresholds.loader import load_rules, packs_dir
from support.rules import Story


def play(path: Path) -> Story:
    story = Story(rules=load_rules(packs_dir()))
    with path.open() as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            spo2_pct = float(row["SpO2"])
            if not math.isnan(spo2_pct):
                story.reads(float(row["Time [s]"]), spo2_pct)
    return story


def rules_paged(story: Story) -> set[str]:
    return {action.rule for action in story.actions if getattr(action, "lane", None) == "page"}


@pytest.mark.parametrize("record", ["08", "09", "22"])
def test_a_lasting_spell_pages(data_dir: Path, record: str) -> None:
    assert rules_paged(play(data_dir / "bidmc" / f"bidmc_{record}_Numerics.csv")) == {"spo2-severe"}


@pytest.mark.parametrize("record", ["01", "12", "13", "19", "39"])
def test_an_artefact_a_dropout_or_a_blip_pages_nobody(data_dir: Path, record: str) -> None:
    assert rules_paged(play(data_dir / "bidmc" / f"bidmc_{record}_Numerics.csv")) == set()


def test_a_deep_value_pages_by_the_deep_rule_too(data_dir: Path) -> None:
    assert rules_paged(play(data_dir / "bidmc" / "bidmc_32_Numerics.csv")) == {"spo2-severe", "spo2-deep"}
