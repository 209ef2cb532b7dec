"""What the registry costs: rows imported, checked and sealed again, and facts and contacts found, per CPU-second.

    ./dev run python bench/registry.py                          # 100,000 residents, about a minute
    ./dev run python bench/registry.py --residents 2060000      # a city: about 20 minutes, 3 GB of disk

"import": a first import of residents and signings, names and numbers sealed. "import again": the same files.
"writing": how long the one transaction at the end holds the database, as a part of the import. "facts, cold":
each resident for the first time; "facts, at hand": residents that are in memory; "contacts": whom an alarm
would ask. "check": the lint. "rotate-key": everything sealed again.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.journal.database import Database
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.registry.contacts import contacts_for
from cunmai_rules.registry.facts import RegistryFacts
from cunmai_rules.registry.finding import View
from cunmai_rules.registry.importer import Wish, import_files
from cunmai_rules.registry.lint import findings
from cunmai_rules.registry.rotate import rotate_key
from cunmai_rules.registry.vault import Vault
from cunmai_rules.settings import RulesSettings

NOW_MS = 1_795_305_600_000
A_VILLAGE = 1000
"""Residents of one village: a site, a gateway and a team; 20 of them are a grid."""
SAID = ("", "无", "高血压", "糖尿病", "高血压;糖尿病", "慢阻肺", "冠心病;高血压")


def spreadsheets(folder: Path, residents: int) -> None:
    """A county of its own making, as CSV."""
    villages = range((residents + A_VILLAGE - 1) // A_VILLAGE)
    chance = random.Random(7)
    files: dict[str, Iterator[str]] = {
        "sites": (f"v{n},第{n}村卫生室,村,zhen,{n % 100}" for n in villages),
        "gateways": (f"gw-{n:05},v{n}" for n in villages),
        "staff": (f"doctor-{n},村医,v{n},医生{n},139{n:08}" for n in villages),
        "teams": (f"t{n},第{n}团队,v{n}" for n in villages),
        "team_members": (f"t{n},doctor-{n},1" for n in villages),
        "grids": (f"g{n},v{n * 20 // A_VILLAGE},doctor-{n * 20 // A_VILLAGE}" for n in range((residents + 19) // 20)),
        "residents": (
            f"R-{n:07X},v{n // A_VILLAGE},g{n // 20},{1930 + n % 80}-{1 + n % 12:02},{chance.choice(SAID)},"
            f"{chance.choice('红黄绿')},是,居民{n},138{n:08}"
            for n in range(residents)
        ),
        "signings": (f"R-{n:07X},t{n // A_VILLAGE},2026-01-01" for n in range(residents)),
    }  # fmt: skip
    headers = {
        "sites": "id,name,tier,parent,altitude_m\nzhen,镇卫生院,乡镇,,20", "gateways": "gateway,site",
        "staff": "id,role,site,name,phone", "teams": "id,name,site", "team_members": "team,staff,level",
        "grids": "id,site,volunteer", "residents": "id,site,grid,birth,conditions,risk_colour,consent,name,phone",
        "signings": "resident,team,from",
    }  # fmt: skip
    for name, lines in files.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig") as file:
            file.write(headers[name] + "\n")
            file.writelines(line + "\n" for line in lines)


@dataclass(frozen=True)
class Bench:
    db: Database
    vault: Vault
    folder: Path
    residents: int

    def take(self) -> int:
        """Import everything; how many rows were new or other."""
        wish = Wish("bench", NOW_MS)
        told = import_files(self.db, self.vault, [self.folder], wish, lambda _file, _rows: None)
        return sum(one.added + one.changed for one in told)


class Timed:
    """A connection that adds up how long its transactions last."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.held_s = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        started = time.perf_counter()
        with self._db.transaction():
            yield
        self.held_s += time.perf_counter() - started


def cpu_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return max(time.process_time() - started, 1e-9)


def measure(bench: Bench, timed: Timed, settings: RulesSettings) -> None:
    rows = 2 * bench.residents
    started, before = time.perf_counter(), time.process_time()
    bench.take()
    spent, whole_s = time.process_time() - before, time.perf_counter() - started
    print(f"import: {rows / spent:,.0f} rows per CPU-second")
    print(f"writing: {timed.held_s / whole_s:.0%} of the import")
    again = cpu_s(bench.take)
    print(f"import again: {rows / again:,.0f} rows per CPU-second ({spent / again:.1f} x as many)")

    facts = RegistryFacts(bench.db, settings, lambda: NOW_MS)
    some = random.Random(1).sample(range(bench.residents), min(bench.residents, 20_000))
    asked = [(f"R-{n:07X}", f"gw-{n // A_VILLAGE:05}") for n in some]
    cold = cpu_s(lambda: [facts.facts_of(resident, gateway, NOW_MS) for resident, gateway in asked])
    kept = asked[-1000:]
    hot = cpu_s(lambda: [facts.facts_of(*kept[n % len(kept)], NOW_MS) for n in range(200_000)])
    print(f"facts, cold: {len(asked) / cold:,.0f} per CPU-second")
    print(
        f"facts, at hand: {200_000 / hot:,.0f} per CPU-second ({cold / len(asked) * 200_000 / hot:.0f} x as many)"
    )
    few = asked[:2000]
    spent = cpu_s(lambda: [contacts_for(bench.db, resident, gateway, NOW_MS) for resident, gateway in few])
    print(f"contacts: {len(few) / spent:,.0f} per CPU-second")

    spent = cpu_s(lambda: list(findings(bench.db, View(NOW_MS))))
    print(f"check: {bench.residents / spent:,.0f} residents per CPU-second")
    spent = cpu_s(lambda: rotate_key(bench.db, bench.vault, "bench", NOW_MS))
    print(f"rotate-key: {bench.residents / spent:,.0f} residents per CPU-second")
    size = sum(path.stat().st_size for path in bench.folder.parent.glob("rules.sqlite*"))
    print(f"disk: {size / bench.residents:,.0f} bytes a resident")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB at the most")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--residents", type=int, default=100_000)
    residents: int = parser.parse_args().residents
    with tempfile.TemporaryDirectory(prefix="cunmai-bench-") as temporary:
        home = Path(temporary)
        folder = home / "csv"
        folder.mkdir()
        spreadsheets(folder, residents)
        settings = RulesSettings.model_validate(
            {
                "data_dir": home, "contacts": [{"id": "duty", "role": "值班", "to": "0"}],
                "fallback_contacts": ["duty"], "public_url": "http://127.0.0.1:1",
                "webhook": {"url": "http://127.0.0.1:1", "secret": "whsec_" + "QUJD" * 8},
            }
        )  # fmt: skip
        with closing(open_journal(settings.journal_path)) as db:
            timed = Timed(db)
            bench = Bench(timed, Vault(settings.registry_key_path), folder, residents)  # type: ignore[arg-type]
            measure(bench, timed, settings)


if __name__ == "__main__":
    main()
