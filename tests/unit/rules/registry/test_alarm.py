"""An alarm about a resident of the registry: the right people, at their numbers, which nothing keeps or says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cunmai_rules.pages.app import build_app
from cunmai_rules.registry.importer import Wish, import_files
from cunmai_rules.registry.scope import Scope
from cunmai_rules.registry.tokens import Right, Tokens
from cunmai_rules.registry.vault import Vault
from cunmai_wire.events import Answer
from support.rules_bench import GATEWAY, LINK_KEY, Bench

DOCTOR, DUTY, NIGHT = "13912340001", "13912340002", "13912340003"
TABLES = {
    "sites": "id,name,tier,parent,altitude_m\nzhen,镇卫生院,乡镇,,50\ncun,登记村卫生室,村,zhen,40\n",
    "gateways": f"gateway,site\n{GATEWAY},cun\n",
    "staff": "id,role,site,name,phone\n"
    f"doctor-li,村医,cun,李示例,{DOCTOR}\nduty-a,乡镇值班,zhen,王示例,{DUTY}\nduty-b,乡镇值班,zhen,赵示例,{NIGHT}\n",
    "teams": "id,name,site\nteam-1,村团队,cun\n",
    "team_members": "team,staff,level\nteam-1,doctor-li,村医\nteam-1,duty-a,乡医\n",
    "residents": "id,birth,name,phone\nR-7F3K,1948-03,孙示例,13912340009\n",
    "signings": "resident,team,from\nR-7F3K,team-1,2025-01-01\n",
    "rosters": "id,name,site,level\nduty,值班,zhen,乡医\n",
    # The story begins at 2026-01-02 11:04:05 in China.
    "shifts": "roster,staff,starts,ends\nduty,duty-a,2026-01-02 08:00,2026-01-02 11:10\n"
    "duty,duty-b,2026-01-02 11:10,2026-01-03 08:00\n",
}


def take(bench: Bench, folder: Path, tables: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    vault = Vault(bench.settings.registry_key_path)
    import_files(bench.db, vault, [folder], Wish("operator:test", bench.now_ms), lambda _file, _rows: None)


def numbers(bench: Bench) -> list[str]:
    return [message["data"]["to"] for message in bench.sink.taken.values()]


@pytest.fixture
def registered(bench: Bench, tmp_path: Path) -> Bench:
    take(bench, tmp_path / "csv", TABLES)
    return bench


def test_the_team_is_asked_level_by_level(registered: Bench) -> None:
    registered.desaturate()
    registered.passes(1)
    assert numbers(registered) == [DOCTOR]
    assert registered.escalation().contacts == ("doctor-li", "duty-a")
    registered.passes(301)
    assert numbers(registered) == [DOCTOR, DUTY]
    registered.answers(Answer.REFERRED, "duty-a")
    assert registered.escalation().status == "closed"


def test_who_is_on_duty_when_it_opens_is_asked(registered: Bench) -> None:
    registered.now_ms += 10 * 60_000
    registered.desaturate()
    assert registered.escalation().contacts == ("doctor-li", "duty-b")


def test_every_sending_notes_the_look_and_nothing_else_has_the_number(
    registered: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    registered.desaturate()
    registered.passes(1)
    (notice,) = registered.sink.taken
    assert registered.rows("SELECT what, id, why FROM registry_audit WHERE who = 'notifier'") == [
        ("number", "doctor-li", f"notice {notice}")
    ]
    kept = "".join(
        str(row)
        for table in ("staff", "residents", "notice", "history", "event", "escalation", "registry_audit")
        for row in registered.rows(f"SELECT * FROM {table}")
    ) + "".join(capfd.readouterr())
    assert "doctor-li" in kept
    for hidden in (DOCTOR, DUTY, NIGHT, "李示例", "孙示例"):
        assert hidden not in kept


def test_a_number_that_does_not_open_moves_on_at_once(registered: Bench) -> None:
    registered.db.execute(
        "UPDATE staff SET phone = (SELECT phone FROM staff WHERE id = 'duty-b') WHERE id = 'doctor-li'"
    )
    registered.desaturate()
    registered.passes(1)
    registered.passes(1)
    assert numbers(registered) == [DUTY]


def test_who_left_the_registry_is_not_sent_to(registered: Bench, tmp_path: Path) -> None:
    registered.desaturate()
    take(registered, tmp_path / "more", {"staff": "id,role,site,phone\ndoctor-li,村医,cun,\n"})
    registered.passes(1)
    registered.passes(1)
    assert numbers(registered) == [DUTY]


def test_the_settings_name_for_the_place_and_their_contacts_stand_first(registered: Bench) -> None:
    registered.desaturate()
    registered.passes(1)
    (message,) = registered.sink.taken.values()
    assert "上村卫生室" in message["data"]["text"]
    assert registered.desk.directory.role_of("doctor-li") == "村医"


# -- what is known of a resident ------------------------------------------------------------------------

LIMITS = "resident,rule,raises,clears,set_by,from,until\nR-7F3K,spo2-low,{},{},doctor-li,2026-01-01,{}\n"


def test_own_limits_stand_in_for_the_rules_from_the_next_second(registered: Bench, tmp_path: Path) -> None:
    take(registered, tmp_path / "low", {"limits": LIMITS.format(88, 90, "2026-01-31")})
    registered.passes(1)
    registered.desaturate(spo2_pct=90)
    assert registered.desk.escalations.newest(10) == []
    registered.now_ms += 700_000
    # Without a restart: the rule's own 93 again.
    take(registered, tmp_path / "over", {"limits": LIMITS.format(88, 90, "2026-01-01")})
    registered.passes(1)
    registered.desaturate(spo2_pct=90)
    assert registered.escalation().rule == "spo2-low"


RED_ALONE = b"""\
pack: red-alone
version: 1
title: {zh: test, en: test}
rules:
  - id: of-red
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 96}
    clear: {above: 96}
    applies: {risk_colour: [red]}
    lane: review
    source: a test
"""


def test_a_rule_that_no_longer_applies_lets_go_without_a_reading(registered: Bench, tmp_path: Path) -> None:
    (registered.folder / "packs" / "red-alone.yaml").write_bytes(RED_ALONE)
    registered.in_force.poll()
    registered.engine.rules = registered.in_force.rules
    take(registered, tmp_path / "red", {"residents": "id,risk_colour\nR-7F3K,红\n"})
    registered.passes(1)
    registered.deliver(registered.reading(96))
    registered.passes(1)
    assert grades(registered) == [("of-red", "yellow")]
    take(registered, tmp_path / "green", {"residents": "id,risk_colour\nR-7F3K,绿\n"})
    registered.passes(1)
    assert grades(registered) == [("of-red", "yellow"), ("of-red", "grey")]
    registered.deliver(registered.reading(96))
    assert grades(registered)[2:] == []


def grades(bench: Bench) -> list[tuple[str, str]]:
    """The rule and the new grade of every change that rule told."""
    told = [json.loads(body) for (body,) in bench.rows("SELECT body FROM event ORDER BY seq")]
    return [
        (one["rule"], one["grade"])
        for one in told
        if one["type"] == "grade_changed" and one["rule"] == "of-red"
    ]


def test_the_api_is_on_the_pages_server(registered: Bench) -> None:
    app = build_app(registered.journal, registered.settings, LINK_KEY, registered.clock, registered.in_force)
    with registered.db.transaction():
        token = Tokens(registered.db).make(
            "t", Scope(("zhen",)), [Right.READ, Right.HANDOVER], [], registered.now_ms
        )
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(app) as client:
        refused = client.get("/registry/v1/residents/R-7F3K")
        assert (refused.status_code, refused.json()["reason"]) == (401, "no_token")
        assert refused.headers["Cache-Control"] == "no-store"
        assert client.get("/registry/v1/residents/R-7F3K", headers=headers).json()["birth"] == "1948-03"
        body = {"from_staff": "duty-a", "to_staff": "duty-b"}
        path = "/registry/v1/rosters/duty/handovers"
        assert client.post(path, headers=headers, json=body).status_code == 201
    # From now on an alarm asks who took over.
    registered.desaturate()
    assert registered.escalation().contacts == ("doctor-li", "duty-b")
