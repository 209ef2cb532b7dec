"""Names and numbers at rest: nowhere in the clear, bound to their place, under keys that can be changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cunmai_rules.registry import rotate
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.exporter import Export, export_table
from cunmai_rules.registry.keyring import open_vault
from cunmai_rules.registry.rotate import rotate_key
from cunmai_rules.registry.tables import table_called
from cunmai_rules.registry.vault import Vault, load_or_make_keys, new_key, place_of, write_keys
from cunmai_runtime.errors import UserError
from support.registry import NOW_MS, Registry

NAME, NUMBER = "欧阳示例", "13987654321"
PEOPLE = {
    "sites": "id,name,tier\ncun,示例村卫生室,村\n",
    "staff": f"id,role,site,name,phone\ndoctor-1,村医,cun,{NAME},{NUMBER}\n",
    "residents": f"id,name,phone\nR-1,{NAME},{NUMBER}\nR-2,,\n",
}


def in_the_clear(registry: Registry) -> list[str]:
    """Whatever of the name or the number can be found in the files, in any encoding of the name."""
    found = registry.bytes_on_disk()
    forms = [NAME.encode("utf-8"), NAME.encode("gb18030"), NAME.encode("utf-16-le"), NUMBER.encode()]
    return [str(form) for form in forms if form in found]


def people(registry: Registry, vault: Vault) -> list[str]:
    """Every name and number in the registry, opened."""
    opened = []
    for table in ("residents", "staff"):
        for id_, name, phone in registry.rows(f"SELECT id, name, phone FROM {table} ORDER BY id"):
            opened += [
                vault.open(str(value), place_of(table, id_, column))
                for column, value in (("name", name), ("phone", phone))
                if value is not None
            ]
    return opened


def test_nothing_is_in_the_clear_on_the_disk_or_in_what_is_said(
    registry: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    registry.take(PEOPLE)
    list(registry.lint())
    assert in_the_clear(registry) == []
    said = "".join(capfd.readouterr())
    assert NAME not in said
    assert NUMBER not in said
    assert people(registry, registry.vault) == [NAME, NUMBER, NAME, NUMBER]


def test_the_same_name_is_sealed_differently_each_time(registry: Registry) -> None:
    registry.take({"residents": f"id,name\nR-1,{NAME}\nR-2,{NAME}\n"})
    first, second = (str(name) for (name,) in registry.rows("SELECT name FROM residents"))
    assert first.split(".")[1] != second.split(".")[1]


def test_a_value_that_was_moved_or_altered_does_not_open(registry: Registry) -> None:
    registry.take(PEOPLE)
    ((sealed,),) = registry.rows("SELECT name FROM residents WHERE id = 'R-1'")
    vault = registry.vault
    assert vault.open(str(sealed), place_of("residents", "R-1", "name")) == NAME
    altered = str(sealed)[:-4] + ("AAA=" if not str(sealed).endswith("AAA=") else "BBB=")
    for value, place in [
        (sealed, place_of("residents", "R-2", "name")),
        (sealed, place_of("residents", "R-1", "phone")),
        (sealed, place_of("staff", "R-1", "name")),
        (altered, place_of("residents", "R-1", "name")),
        (str(sealed)[:20], place_of("residents", "R-1", "name")),
    ]:
        with pytest.raises(UserError, match="已损坏"):
            vault.open(str(value), place)


def test_the_key_file_is_its_users_alone(registry: Registry) -> None:
    assert stat.S_IMODE(registry.key_path.stat().st_mode) == 0o600
    registry.key_path.chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        Vault(registry.key_path)


@pytest.mark.parametrize("text", ["", "k1 short\n", "k.1 " + "A" * 44 + "\n", "\xff\xfe"])
def test_a_file_that_holds_no_keys_is_refused_and_not_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "registry.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UserError, match="不是登记库的密钥文件"):
        Vault(path)
    assert path.read_text() == text


def test_rotation_seals_everything_again_and_forgets_the_old_key(registry: Registry) -> None:
    registry.take(PEOPLE)
    old_key = registry.vault.current
    running = Vault(registry.key_path)
    assert rotate_key(registry.db, registry.vault, "operator:test", NOW_MS) == 2
    (only,) = load_or_make_keys(registry.key_path)
    assert only.id != old_key
    assert registry.rows(f"SELECT id FROM residents WHERE name LIKE '{old_key}.%'") == []
    # A service that has the old key in memory finds the new one by itself.
    assert people(registry, running) == [NAME, NUMBER, NAME, NUMBER]
    assert registry.rows("SELECT what FROM registry_audit WHERE kind = 'registry'") == [("rotate-key",)]
    (told,) = registry.take({"residents": PEOPLE["residents"]})
    assert (told.added, told.changed) == (0, 0)


@pytest.mark.parametrize("after_rows", [0, 1, 2])
def test_a_rotation_that_was_cut_off_goes_on(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, after_rows: int
) -> None:
    registry.take(PEOPLE)
    done = 0
    reseal = rotate._resealed

    def dies(*arguments: object) -> object:
        nonlocal done
        if done == after_rows:
            raise KeyboardInterrupt
        done += 1
        return reseal(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rotate, "_resealed", dies)
    monkeypatch.setattr(Vault, "drop_old_keys", lambda _self: 1 / 0)
    with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
        rotate_key(registry.db, registry.vault, "operator:test", NOW_MS)
    assert people(registry, Vault(registry.key_path)) == [NAME, NUMBER, NAME, NUMBER]
    monkeypatch.undo()
    rotate_key(registry.db, Vault(registry.key_path), "operator:test", NOW_MS)
    assert len(load_or_make_keys(registry.key_path)) == 1
    assert people(registry, Vault(registry.key_path)) == [NAME, NUMBER, NAME, NUMBER]


def test_an_import_that_sealed_under_a_key_that_is_gone_is_refused(registry: Registry) -> None:
    registry.take(PEOPLE)
    write_keys(registry.key_path, (new_key(), *load_or_make_keys(registry.key_path)))
    with pytest.raises(UserError, match="密钥刚被更换"):
        registry.take({"residents": f"id,name\nR-3,{NAME}\n"})
    assert registry.rows("SELECT count(*) FROM residents") == [(2,)]


def test_a_key_that_is_missing_is_told(registry: Registry) -> None:
    registry.take(PEOPLE)
    write_keys(registry.key_path, (new_key(),))
    with pytest.raises(UserError, match="缺少密钥"):
        people(registry, open_vault(registry.db, registry.key_path))


def test_a_lost_key_file_is_not_replaced_while_values_wait_for_it(registry: Registry) -> None:
    registry.key_path.unlink()
    open_vault(registry.db, registry.key_path)  # nothing was sealed yet: another one is made
    registry.vault = Vault(registry.key_path)
    registry.take(PEOPLE)
    registry.key_path.unlink()
    with pytest.raises(UserError, match="不见了, 请从备份恢复"):
        open_vault(registry.db, registry.key_path)
    assert not registry.key_path.exists()


# -- exports --------------------------------------------------------------------------------------------


def exported(registry: Registry, table: str, purpose: Purpose | None) -> tuple[Path, str]:
    found = table_called(table)
    assert found is not None
    wish = Export("operator:test", NOW_MS, "zh", purpose)
    path, _ = export_table(
        registry.db, registry.vault, found, registry.folder / "out", wish, lambda _count: None
    )
    return path, path.read_text(encoding="utf-8-sig")


def test_an_export_has_no_names_without_a_purpose(registry: Registry) -> None:
    registry.take(PEOPLE)
    path, text = exported(registry, "居民", None)
    assert path.name == "居民.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert NAME not in text
    assert text.splitlines()[0].startswith("居民编号,机构编号,")
    assert registry.rows("SELECT count(*) FROM registry_audit WHERE what = 'export'") == [(0,)]


def test_an_export_with_names_is_noted_for_each(registry: Registry) -> None:
    registry.take(PEOPLE)
    _, text = exported(registry, "residents", Purpose.CORRECTION)
    assert f"{NAME},{NUMBER}" in text
    assert registry.rows("SELECT who, kind, id, why FROM registry_audit WHERE what = 'export'") == [
        ("operator:test", "residents", "R-1", "correction"),
        ("operator:test", "residents", "R-2", "correction"),
    ]


@pytest.mark.parametrize("purpose", [None, Purpose.CORRECTION])
def test_what_was_exported_imports_without_a_change(registry: Registry, purpose: Purpose | None) -> None:
    registry.take_example()
    for table in ("districts", "sites", "gateways", "staff", "residents", "limits", "rosters", "shifts"):
        exported(registry, table, purpose)
    told = registry.take(registry.folder / "out")
    assert [
        (one.table.name, one.added, one.changed, one.not_in_file) for one in told if one.added or one.changed
    ] == []
    assert len(told) == 8
