"""kill -9 in the middle of an import: afterwards everything is in the registry or nothing, and it imports again.

CUNMAI_REGISTRY_KILLS=200 ./dev test tests/faults/test_registry_kill.py      # the full campaign
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from support.registry import Registry
from support.sms_sink import SECRET

KILLS = int(os.environ.get("CUNMAI_REGISTRY_KILLS", "6"))
RESIDENTS = 3000


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "cunmai", "registry", *arguments, "--config", str(folder / "rules.yaml")]


def configure(folder: Path) -> None:
    (folder / "rules.yaml").write_text(
        f"data_dir: {folder}\ncontacts: [{{id: duty, role: 值班, to: '1'}}]\nfallback_contacts: [duty]\n"
        f"webhook: {{url: 'http://127.0.0.1:9/sms', secret: {SECRET}}}\npublic_url: http://127.0.0.1:8087\n"
    )


def test_an_import_that_is_killed_is_whole_or_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)
    configure(tmp_path)
    tables = {
        "residents": "id,birth,name,phone\n"
        + "".join(f"R-{n},1950-01,名{n},139{n:08}\n" for n in range(RESIDENTS)),
        "sites": "id,name,tier\ncun,村,村\n",
    }
    registry = Registry(tmp_path)
    folder = registry.files(tables)
    started = time.monotonic()
    subprocess.run(
        command(tmp_path, "import", str(folder), "--check"), check=True, capture_output=True, timeout=120
    )
    whole_s = time.monotonic() - started
    killed = finished = 0
    for _ in range(KILLS * 3 + 10):
        if killed == KILLS:
            break
        process = subprocess.Popen(
            command(tmp_path, "import", str(folder)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(whole_s * (0.3 + 0.7 * chance.random()))
        process.kill()
        was_killed = process.wait(10) < 0
        killed += was_killed
        whole_s *= 1.0 if was_killed else 0.6  # this machine has become faster: kill it sooner
        ((residents,),) = registry.rows("SELECT count(*) FROM residents")
        ((sites,),) = registry.rows("SELECT count(*) FROM sites")
        ((noted,),) = registry.rows("SELECT count(*) FROM registry_audit WHERE kind = 'residents'")
        assert (residents, sites) in {(0, 0), (RESIDENTS, 1)}
        finished += residents != 0
        assert noted == finished
        registry.db.execute("DELETE FROM residents")
        registry.db.execute("DELETE FROM sites")
    assert killed == KILLS
    told = registry.take(folder)
    assert [(one.table.name, one.added) for one in told] == [("sites", 1), ("residents", RESIDENTS)]
    registry.close()


def test_a_rotation_that_is_killed_loses_no_name_and_goes_on(tmp_path: Path) -> None:
    chance = random.Random(12)
    configure(tmp_path)
    registry = Registry(tmp_path)
    text = "id,name\n" + "".join(f"R-{n},名{n}\n" for n in range(RESIDENTS))
    registry.take({"residents": text})
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(tmp_path, "rotate-key"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(1.0 + chance.random())
        process.kill()
        process.wait(10)
        # Whatever was cut off: every name opens, and is what was imported.
        (told,) = registry.take({"residents": text})
        assert (told.added, told.changed) == (0, 0)
    subprocess.run(command(tmp_path, "rotate-key"), check=True, capture_output=True, timeout=120)
    assert len([line for line in registry.key_path.read_text().splitlines() if not line.startswith("#")]) == 1
    (told,) = registry.take({"residents": text})
    assert (told.added, told.changed) == (0, 0)
    registry.close()
