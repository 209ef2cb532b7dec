"""Hot reload: a good change is taken, a wrong one keeps the old rules and says file and line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cunmai_rules.thresholds.forms import When
from cunmai_rules.thresholds.watch import RulesInForce
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems
from support.rules import OXIMETRY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "oximetry.yaml").write_bytes(OXIMETRY)
    return packs


def rewrite(path: Path, content: bytes) -> None:
    """Write, and make sure that the modification time differs even on a coarse clock."""
    path.write_bytes(content)
    stamp = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(stamp, stamp))


def limit(in_force: RulesInForce) -> float:
    when = in_force.rules.by_id["spo2-low"].rule.when
    assert isinstance(when, When)
    return when.value


def test_a_good_change_is_taken(folder: Path, tmp_path: Path) -> None:
    in_force = RulesInForce(folder, tmp_path / "in-force.json")
    assert not in_force.poll()
    rewrite(folder / "oximetry.yaml", OXIMETRY.replace(b"at_or_below: 93", b"at_or_below: 92"))
    assert in_force.poll()
    assert limit(in_force) == 92
    assert in_force.problems == ()


def test_cases_beside_a_pack_are_none_of_the_services_business(folder: Path, tmp_path: Path) -> None:
    in_force = RulesInForce(folder, tmp_path / "in-force.json")
    rewrite(folder / "oximetry.test.yaml", b"cases: [")
    assert not in_force.poll()
    assert in_force.problems == ()
    assert "oximetry.test.yaml" not in (tmp_path / "in-force.json").read_text()


def test_a_wrong_change_keeps_the_old_rules_and_says_where(folder: Path, tmp_path: Path) -> None:
    in_force = RulesInForce(folder, tmp_path / "in-force.json")
    rewrite(folder / "oximetry.yaml", OXIMETRY.replace(b"at_or_below: 93", b"at_or_bellow: 92"))
    assert in_force.poll()
    assert limit(in_force) == 93
    assert {(problem.file, problem.line) for problem in in_force.problems} == {("oximetry.yaml", 8)}
    assert "unknown key 'at_or_bellow'" in " ".join(map(str, in_force.problems))
    rewrite(folder / "oximetry.yaml", OXIMETRY.replace(b"at_or_below: 93", b"at_or_below: 92"))
    assert in_force.poll()
    assert (limit(in_force), in_force.problems) == (92, ())


def test_a_deleted_folder_keeps_the_old_rules(folder: Path, tmp_path: Path) -> None:
    in_force = RulesInForce(folder, tmp_path / "in-force.json")
    (folder / "oximetry.yaml").unlink()
    assert in_force.poll()
    assert limit(in_force) == 93
    assert in_force.problems


def test_a_restart_beside_a_broken_file_uses_the_last_good_rules(folder: Path, tmp_path: Path) -> None:
    RulesInForce(folder, tmp_path / "in-force.json")
    rewrite(folder / "oximetry.yaml", b"pack: [")
    again = RulesInForce(folder, tmp_path / "in-force.json")
    assert limit(again) == 93
    assert again.problems


def test_a_first_start_beside_a_broken_file_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    rewrite(folder / "oximetry.yaml", b"pack: [")
    with pytest.raises(FileProblems, match=r"oximetry\.yaml:"):
        RulesInForce(folder, tmp_path / "in-force.json")


def test_rules_that_cannot_be_kept_for_a_restart_are_not_taken_and_that_is_said(
    folder: Path, tmp_path: Path
) -> None:
    in_force = RulesInForce(folder, tmp_path / "in-force.json")
    (
        tmp_path / ".in-force.json.new"
    ).mkdir()  # stands for a full disk or a lost right: the copy cannot be written
    rewrite(folder / "oximetry.yaml", OXIMETRY.replace(b"at_or_below: 93", b"at_or_below: 92"))
    assert in_force.poll()
    assert limit(in_force) == 93
    assert "the new rules are not in force" in " ".join(map(str, in_force.problems))
    assert not in_force.poll()  # told once
    (tmp_path / ".in-force.json.new").rmdir()
    assert in_force.poll()
    assert (limit(in_force), in_force.problems) == (92, ())


def test_without_a_place_for_the_copy_it_does_not_start(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".in-force.json.new").mkdir()
    with pytest.raises(UserError, match=r"in-force\.json cannot be written"):
        RulesInForce(folder, tmp_path / "in-force.json")


def test_a_version_that_no_message_could_carry_is_refused(folder: Path, tmp_path: Path) -> None:
    in_force = RulesInForce(folder, tmp_path / "in-force.json")
    rewrite(folder / "oximetry.yaml", OXIMETRY.replace(b"version: 7", b"version: " + b"1000000"))
    assert in_force.poll()
    assert in_force.rules.versions["oximetry"].startswith("7-")
    assert "at most 999999" in " ".join(map(str, in_force.problems))
