"""What a user is told about the database that does not work, and what nobody is told: the password."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from cunmai_rules.journal.database import PostgresAt
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.settings import RulesSettings
from cunmai_rules.slots import Common, Slot, client_id
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.yamlfile import FileProblems, load_model
from support.sms_sink import SECRET

PASSWORD = "geheim-7F3K"


def settings(folder: Path, **more: Any) -> RulesSettings:
    values = {
        "data_dir": folder,
        "contacts": [{"id": "village", "role": "村医", "to": "1"}],
        "fallback_contacts": ["village"],
        "webhook": {"url": "http://127.0.0.1:1/", "secret": SECRET},
        "public_url": "http://127.0.0.1:8087",
    }
    return RulesSettings.model_validate(values | more)


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresq://cunmai:{PASSWORD}@db/cunmai",
        f"host=db password='{PASSWORD}",
        f"passwort={PASSWORD}",
        PASSWORD,
    ],
)
def test_what_is_no_address_is_said_so_without_it(dsn: str) -> None:
    with pytest.raises(UserError, match="not an address of PostgreSQL") as caught:
        open_journal(PostgresAt(dsn))
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value.__cause__)


def test_a_server_that_is_not_there_may_come_and_its_password_is_not_told(tmp_path: Path) -> None:
    at = PostgresAt(f"host={tmp_path} user=cunmai password={PASSWORD} dbname=cunmai")
    with pytest.raises(Retryable, match="No such file or directory") as caught:
        open_journal(at)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(at)


def test_settings_print_no_password(tmp_path: Path) -> None:
    chosen = settings(tmp_path, database=f"postgresql://cunmai:{PASSWORD}@db/cunmai")
    assert PASSWORD not in repr(chosen)
    assert PASSWORD not in repr(chosen.journal)
    assert isinstance(chosen.journal, PostgresAt)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "cunmai_rules.journal.postgres"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"pip install 'cunmai\[postgres\]'"):
        importlib.import_module(name)


def test_several_workers_need_postgresql(tmp_path: Path) -> None:
    config = tmp_path / "rules.yaml"
    config.write_text(
        f"data_dir: {tmp_path}\n"
        "workers: 2\n"
        "contacts: [{id: village, role: 村医, to: '1'}]\n"
        "fallback_contacts: [village]\n"
        f"webhook: {{url: 'http://127.0.0.1:1/', secret: {SECRET}}}\n"
        "public_url: http://127.0.0.1:8087\n"
    )
    with pytest.raises(FileProblems, match="several workers need PostgreSQL: set `database`"):
        load_model(config, RulesSettings)


def test_every_gateway_is_listened_to_by_exactly_one_slot(tmp_path: Path) -> None:
    chosen = settings(tmp_path, database="host=x", workers=3)
    common = Common(chosen, b"k", None, lambda: 0, None, None)  # type: ignore[arg-type]  # not used here
    slots = [Slot(number, common, lambda _: None) for number in range(3)]
    readings = [one for slot in slots for one in slot.filters if one.endswith("/readings")]
    assert sorted(readings) == [f"cunmai/v1/{bucket:02d}/+/readings" for bucket in range(64)]
    receipts = [one for slot in slots for one in slot.filters if one.endswith("/receipts")]
    assert receipts == ["cunmai/v1/60/rules/receipts"]
    assert {slot.client_id for slot in slots} == {"rules-0-of-3", "rules-1-of-3", "rules-2-of-3"}


def test_one_worker_keeps_the_session_that_it_always_had(tmp_path: Path) -> None:
    assert client_id(settings(tmp_path), 0) == "rules"
