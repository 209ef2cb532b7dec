"""A registry in a folder of its own, filled from small spreadsheets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cunmai_rules.journal.database import JournalAt
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.registry.finding import View
from cunmai_rules.registry.importer import Imported, Wish, import_files
from cunmai_rules.registry.lint import findings
from cunmai_rules.registry.vault import Vault
from cunmai_rules.settings import RulesSettings
from support.sms_sink import SECRET

NOW_MS = 1_795_305_600_000
"""2026-11-22T00:00:00Z, 08:00 in China."""

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "registry-example"


@dataclass
class Registry:
    folder: Path
    at: JournalAt | None = None
    data: Path | None = None
    """Where a database server keeps its files."""
    now_ms: int = NOW_MS
    _taken: int = field(default=0)

    def __post_init__(self) -> None:
        self.key_path = self.folder / "registry.key"
        self.db = open_journal(self.at or self.folder / "rules.sqlite")
        self.vault = Vault(self.key_path)

    def close(self) -> None:
        self.db.close()

    def files(self, tables: dict[str, str], encoding: str = "utf-8-sig") -> Path:
        """A folder with these files: table to text."""
        self._taken += 1
        folder = self.folder / f"in-{self._taken}"
        folder.mkdir()
        for name, text in tables.items():
            (folder / f"{name}.csv").write_bytes(text.encode(encoding))
        return folder

    def take(
        self, tables: dict[str, str] | Path, encoding: str = "utf-8-sig", **wish: bool
    ) -> list[Imported]:
        path = tables if isinstance(tables, Path) else self.files(tables, encoding)
        return import_files(
            self.db, self.vault, [path], Wish("operator:test", self.now_ms, **wish), lambda _file, _rows: None
        )

    def take_example(self) -> None:
        self.take(EXAMPLE)

    def lint(self, rules: frozenset[str] = frozenset(), contacts: frozenset[str] = frozenset()) -> list[str]:
        """`code kind/id` of every finding."""
        view = View(self.now_ms, rules=rules, contacts=contacts)
        return [f"{one.code} {one.kind}/{one.id}" for one in findings(self.db, view)]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.db.execute(query).fetchall()

    def bytes_on_disk(self) -> bytes:
        """Everything in the folder but the spreadsheets: the database, what it has not yet merged, the keys."""
        self.db.execute("PRAGMA wal_checkpoint" if self.at is None else "CHECKPOINT")
        files = [path for path in self.folder.iterdir() if path.is_file()]
        if self.data is not None:
            files += [path for path in self.data.rglob("*") if path.is_file()]
        return b"".join(path.read_bytes() for path in files)


def settings_for(folder: Path) -> RulesSettings:
    """Rules of a service whose rules.yaml knows one clinic, high up, and two contacts."""
    return RulesSettings.model_validate(
        {
            "data_dir": folder,
            "contacts": [
                {"id": "village", "role": "村医", "to": "13800000001"},
                {"id": "township", "role": "乡镇卫生院值班", "to": "13800000002"},
            ],
            "sites": [
                {
                    "gateway": "yaml-01",
                    "name": "高处村",
                    "altitude_m": 2600,
                    "contacts": ["village", "township"],
                }
            ],
            "fallback_contacts": ["township"],
            "webhook": {"url": "http://127.0.0.1:9/sms", "secret": SECRET},
            "public_url": "http://127.0.0.1:8087",
        }
    )
