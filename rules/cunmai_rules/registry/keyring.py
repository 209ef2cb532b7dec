"""The registry's vault, with its keys: made once, and never made anew over values that other keys have sealed."""

from __future__ import annotations

from pathlib import Path

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.tables import tables
from cunmai_rules.registry.vault import Vault
from cunmai_runtime.errors import UserError


def open_vault(db: Database, path: Path) -> Vault:
    """Raises UserError where the key file is missing or of no use, and values wait for it."""
    if not path.exists() and _anything_sealed(db):
        raise UserError(
            f"密钥文件 {path} 不见了, 请从备份恢复; 没有它, 已登记的姓名和电话打不开 / "
            f"the key file {path} is missing: restore it from a backup, or no name in the registry opens"
        )
    return Vault(path)


def _anything_sealed(db: Database) -> bool:
    return any(
        db.execute(f"SELECT 1 FROM {table.name} WHERE {name} IS NOT NULL LIMIT 1").fetchone()  # noqa: S608 - ours
        for table in tables()
        for name in table.sealed
    )
