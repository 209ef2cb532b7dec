"""Old lines of the audit in a file: all of them, once, and the database lets nothing else go."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from cunmai_rules.journal.database import StatementRefused
from cunmai_rules.registry import audit
from cunmai_rules.registry.archive import archive
from cunmai_runtime.errors import UserError
from support.registry import NOW_MS, Registry

DAY_MS = 86_400_000


def looked(registry: Registry, *days_ago: int) -> None:
    """Somebody looked at somebody, so many days ago."""
    with registry.db.transaction():
        audit.note(
            registry.db,
            [audit.Entry(NOW_MS - days * DAY_MS, "t1", "record", "residents", f"R-{days}", "看") for days in days_ago],
        )  # fmt: skip


def ids(registry: Registry) -> list[str]:
    return [str(id_) for (id_,) in registry.rows("SELECT id FROM registry_audit ORDER BY n")]


@pytest.mark.parametrize("at_once", [1, 2, 3, 10_000])
def test_what_is_older_is_in_the_file_and_no_longer_in_the_database(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("cunmai_rules.registry.archive._AT_ONCE", at_once)
    looked(registry, 400, 399, 201, 200, 1)
    file = tmp_path / "audit.jsonl"
    done = archive(registry.db, file, "operator:test", NOW_MS, 200)
    assert done is not None
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(one["id"], one["who"], one["why"]) for one in lines] == [
        ("R-400", "t1", "看"), ("R-399", "t1", "看"), ("R-201", "t1", "看")
    ]  # fmt: skip
    assert (done.count, done.sha256) == (3, hashlib.sha256(file.read_bytes()).hexdigest())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ids(registry)[:-1] == ["R-200", "R-1"]
    ((why,),) = registry.rows("SELECT why FROM registry_audit WHERE what = 'archived'")
    assert why == f"audit.jsonl sha256:{done.sha256}"


def test_nothing_of_the_last_half_year_goes_whatever_is_asked(registry: Registry, tmp_path: Path) -> None:
    looked(registry, 179)
    assert archive(registry.db, tmp_path / "audit.jsonl", "operator:test", NOW_MS, 1) is None
    assert ids(registry) == ["R-179"]
    assert not (tmp_path / "audit.jsonl").exists()


def test_a_line_that_a_wrong_clock_wrote_takes_no_newer_one_with_it(
    registry: Registry, tmp_path: Path
) -> None:
    looked(registry, 300, 5, 9000)
    archive(registry.db, tmp_path / "audit.jsonl", "operator:test", NOW_MS, 200)
    assert ids(registry)[:-1] == ["R-5", "R-9000"]


def test_what_is_in_no_file_cannot_be_removed(registry: Registry, tmp_path: Path) -> None:
    looked(registry, 300, 1)
    archive(registry.db, tmp_path / "audit.jsonl", "operator:test", NOW_MS, 200)
    before = ids(registry)
    with pytest.raises(StatementRefused, match="append-only"):
        registry.db.execute("DELETE FROM registry_audit")
    assert ids(registry) == before


def test_cut_off_before_anything_was_removed_the_next_file_has_all_of_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked(registry, 300, 1)
    with monkeypatch.context() as patch:
        patch.setattr("cunmai_rules.registry.archive._let_go", lambda *_: None)
        archive(registry.db, tmp_path / "a.jsonl", "operator:test", NOW_MS, 200)
    assert ids(registry)[:2] == ["R-300", "R-1"]
    done = archive(registry.db, tmp_path / "b.jsonl", "operator:test", NOW_MS, 200)
    assert done is not None
    assert done.count == 1
    assert "R-300" not in ids(registry)


def test_a_file_is_never_written_over(registry: Registry, tmp_path: Path) -> None:
    looked(registry, 300)
    (tmp_path / "audit.jsonl").write_text("kept")
    with pytest.raises(UserError, match="never written over"):
        archive(registry.db, tmp_path / "audit.jsonl", "operator:test", NOW_MS, 200)
    assert (tmp_path / "audit.jsonl").read_text() == "kept"
    assert ids(registry) == ["R-300"]
