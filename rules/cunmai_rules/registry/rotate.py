"""Changing the key: a new one first, then every value sealed again, a part at a time, then the old one goes.

It may be cut off at any point and started again: values under either key open until the last step.
"""

from __future__ import annotations

from collections.abc import Callable

from cunmai_rules.journal.database import Database
from cunmai_rules.registry import audit, store
from cunmai_rules.registry.cells import Stored
from cunmai_rules.registry.store import Rows, in_parts
from cunmai_rules.registry.tables import Record, Table, tables
from cunmai_rules.registry.vault import Vault, place_of
from cunmai_runtime.errors import UserError

_AT_ONCE = 500
_ROUNDS = 5


def rotate_key(
    db: Database, vault: Vault, who: str, now_ms: int, progress: Callable[[int], None] = lambda _count: None
) -> int:
    """Seal everything under a new key and forget the old ones; how many rows. Raises UserError, Retryable."""
    vault.add_key()
    sealed = [table for table in tables() if table.sealed]
    count = 0
    for _ in range(_ROUNDS):
        for table in sealed:
            count = _seal_again(db, vault, table, count, progress)
        with db.transaction():
            store.change(db)  # No import is in its last step now, and the next one sees the new file.
            if not any(_under_old_keys(db, vault, table) for table in sealed):
                vault.drop_old_keys()
                audit.note(db, [audit.Entry(now_ms, who, "rotate-key", "registry", "*", "rotate-key")])
                return count
    raise UserError(
        "更换期间一直有导入, 旧密钥暂时保留; 请在没有导入时再运行一次 / "
        "imports came in all the while, so the old key stays: run this again when nobody imports"
    )


def _seal_again(db: Database, vault: Vault, table: Table, count: int, progress: Callable[[int], None]) -> int:
    for part in in_parts(Rows(db).all(table), _AT_ONCE):
        old = [table.key_of(row) for row in part if _is_old(vault, table, row)]
        if not old:
            continue
        with db.transaction():
            store.change(db)
            # Read again inside: an import may have brought another value.
            current = Rows(db).get(table, old)
            Rows(db).put(table, [_resealed(vault, table, row) for row in current.values()])
        count += len(old)
        progress(count)
    return count


def _is_old(vault: Vault, table: Table, row: Record) -> bool:
    mark = f"{vault.current}."
    return any(row[name] is not None and not str(row[name]).startswith(mark) for name in table.sealed)


def _under_old_keys(db: Database, vault: Vault, table: Table) -> bool:
    """Whether a value is still sealed by another key than the current one."""
    other = " OR ".join(f"({name} IS NOT NULL AND {name} NOT LIKE ?)" for name in table.sealed)
    rows = db.execute(
        f"SELECT 1 FROM {table.name} WHERE {other} LIMIT 1",  # noqa: S608 - names of ours
        [f"{vault.current}.%"] * len(table.sealed),
    )
    return rows.fetchone() is not None


def _resealed(vault: Vault, table: Table, row: Record) -> list[Stored]:
    key = table.key_of(row)[0]
    fresh = dict(row)
    for name in table.sealed:
        value = row[name]
        if value is not None:
            place = place_of(table.name, key, name)
            fresh[name] = vault.seal(vault.open(str(value), place), place)
    return [fresh[name] for name in table.stored]
