"""The registry's API: no token no answer, nothing outside the scope, names for a purpose, every look noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cunmai_rules.journal.database import StatementRefused
from cunmai_rules.registry.api import build_registry_api
from cunmai_rules.registry.audit import Purpose, entries
from cunmai_rules.registry.contacts import on_duty_by
from cunmai_rules.registry.scope import Scope
from cunmai_rules.registry.tokens import Right, Tokens
from cunmai_rules.registry.writes import NotDone, hand_over, sign
from support.registry import NOW_MS, Registry, settings_for

ALL = tuple(Right)
NAMES = ("示例辛", "13912345611")


class Client:
    """Requests with one token; looks are read from the audit."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.now_ms = NOW_MS
        settings = settings_for(registry.folder)
        app = build_registry_api(
            registry.at or registry.folder / "rules.sqlite", settings, lambda: self.now_ms
        )
        self.http = TestClient(app, raise_server_exceptions=False)
        self.token = self.make(Scope(("*",)))

    def make(self, scope: Scope, *rights: Right, purposes: tuple[Purpose, ...] = (Purpose.FOLLOW_UP,)) -> str:
        with self.registry.db.transaction():
            return Tokens(self.registry.db).make(
                "门诊", scope, rights or ALL, purposes, NOW_MS, NOW_MS + 1000
            )

    def ask(self, path: str, method: str = "GET", token: str | None = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self.http.request(method, path, headers=headers, **more)

    def looks(self, *what: str) -> list[tuple[str, str, str, str]]:
        found = [
            (one.what, one.kind, one.id, one.why)
            for one in entries(self.registry.db)
            if one.who.startswith("token:")
        ]
        return [one for one in reversed(found) if not what or one[0] in what]


@pytest.fixture
def client(registry: Registry) -> Iterator[Client]:
    registry.take_example()
    client = Client(registry)
    with client.http:
        yield client


PATHS = [
    "/v1/sites/shangcun", "/v1/teams/team-shangcun", "/v1/residents/R-7F3K", "/v1/rosters/duty-heyuan/duty",
    "/v1/residents/R-7F3K/facts?gateway=cz-shangcun-01", "/v1/residents/R-7F3K/contacts?gateway=cz-shangcun-01",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_live_token_no_answer(client: Client, path: str) -> None:
    other = client.make(Scope(("*",)))
    assert client.http.get(path).status_code == 401
    for presented in (
        "",
        "x",
        "cunmaireg_00000000_abc",
        client.token[:-1],
        client.token + "x",
        client.token.replace("cunmaireg", "cunmai"),
        "cunmaireg_" + other.split("_", 2)[1] + "_" + client.token.split("_", 2)[2],
    ):
        assert client.http.get(path, headers={"Authorization": f"Bearer {presented}"}).status_code == 401
    assert client.ask(path).status_code == 200
    client.now_ms += 1000
    answer = client.ask(path)
    assert (answer.status_code, answer.json()["reason"]) == (401, "no_token")
    client.now_ms -= 1000
    with client.registry.db.transaction():
        Tokens(client.registry.db).revoke(client.token.split("_")[1], NOW_MS)
    assert client.ask(path).status_code == 401


def test_a_token_is_kept_as_a_digest_alone(client: Client) -> None:
    kept = str(client.registry.rows("SELECT * FROM registry_token"))
    assert client.token.split("_", 2)[2] not in kept


def test_a_resident_without_names_and_the_look_is_noted(client: Client) -> None:
    answer = client.ask("/v1/residents/R-7F3K")
    assert answer.json() == {
        "id": "R-7F3K", "site": "shangcun", "grid": "grid-1", "birth": "1948-03", "age_band": None, "sex": "male",
        "conditions": ["copd", "hypertension"], "pregnant": None, "pregnant_until": None, "risk_colour": "red",
        "lives_alone": 1, "consent": 1, "phone_kind": "mobile",
        "signings": [{"team": "team-shangcun", "from_day": "2026-01-01", "until_day": "2027-12-31"}],
        "limits": [{"rule": "spo2-severe", "raises": 88.0, "clears": 90.0, "set_by": "respiratory",
                    "from_day": "2026-11-01", "until_day": "2027-04-30"}],
    }  # fmt: skip
    assert client.looks() == [("record", "residents", "R-7F3K", "record")]


def test_names_for_a_purpose_of_the_tokens(client: Client) -> None:
    answer = client.ask("/v1/residents/R-7F3K?names_for=follow_up").json()
    assert (answer["name"], answer["phone"]) == NAMES
    assert client.looks() == [("names", "residents", "R-7F3K", "follow_up")]
    refused = client.ask("/v1/residents/R-7F3K?names_for=emergency")
    assert (refused.status_code, refused.json()["reason"]) == (403, "no_purpose")
    assert client.ask("/v1/residents/R-7F3K?names_for=curiosity").status_code == 422
    reader = client.make(Scope(("*",)), Right.READ)
    refused = client.ask("/v1/residents/R-7F3K?names_for=follow_up", token=reader)
    assert (refused.status_code, refused.json()["reason"]) == (403, "no_right")
    assert client.looks("names") == [("names", "residents", "R-7F3K", "follow_up")]
    assert not any(secret in refused.text for secret in NAMES)


def test_the_names_of_a_team_note_each_member(client: Client) -> None:
    plain = client.ask("/v1/teams/team-xiacun").json()
    assert plain["members"][0] == {
        "staff": "doctor-xiacun",
        "level": 1,
        "from_day": None,
        "until_day": None,
        "role": "村医",
        "site": "xiacun",
    }
    named = client.ask("/v1/teams/team-xiacun?names_for=follow_up").json()
    assert named["members"][0]["name"] == "示例丙"
    assert [look[2] for look in client.looks("names")] == [
        "county-physician",
        "doctor-xiacun",
        "duty-heyuan-1",
    ]


SCOPES = [
    (Scope(("*",)), True, True), (Scope(("city-hospital",)), True, True), (Scope(("heyuan",)), True, True),
    (Scope(("shangcun",)), True, False), (Scope((), ("team-shangcun",)), True, False),
    (Scope(("xiacun",), ("team-shangcun",)), True, True), (Scope(("nowhere",)), False, False), (Scope(), False, False),
]  # fmt: skip


@pytest.mark.parametrize(("scope", "shangcun", "xiacun"), SCOPES)
def test_a_scope_is_sites_with_all_below_them_and_teams(
    client: Client, scope: Scope, shangcun: bool, xiacun: bool
) -> None:
    token = client.make(scope)
    for resident, team, ours in [("R-7F3K", "team-shangcun", shangcun), ("R-5K8D", "team-xiacun", xiacun)]:
        for path in (
            f"/v1/residents/{resident}",
            f"/v1/residents/{resident}/facts?gateway=cz-xiacun-01",
            f"/v1/teams/{team}",
        ):
            answer = client.ask(path, token=token)
            assert answer.status_code == (200 if ours else 404), path


def test_outside_the_scope_looks_as_if_there_were_none_and_is_noted(client: Client) -> None:
    token = client.make(Scope(("xiacun",)))
    outside, none = (
        client.ask("/v1/residents/R-7F3K", token=token),
        client.ask("/v1/residents/R-0000", token=token),
    )
    assert (outside.status_code, outside.text) == (none.status_code, none.text)
    assert [look[:3] for look in client.looks("refused")] == [
        ("refused", "residents", "R-7F3K"), ("refused", "residents", "R-0000"),
    ]  # fmt: skip


def test_where_a_resident_refused_only_their_own_team_is_told_and_in_an_emergency_whoever_may_help(
    client: Client,
) -> None:
    client.registry.take({"residents": "id,consent\nR-7F3K,no\n"})
    paths = ("/v1/residents/R-7F3K", "/v1/residents/R-7F3K/facts?gateway=cz-shangcun-01")
    team = client.make(Scope((), ("team-shangcun",)))
    for scope in (Scope(("*",)), Scope(("shangcun",)), Scope(("*",), ("team-xiacun",))):
        county = client.make(scope)
        for path in paths:
            answer = client.ask(path, token=county)
            assert (answer.status_code, answer.json()["reason"]) == (403, "no_consent"), path
            assert client.ask(path, token=team).status_code == 200, path
    assert client.looks("refused")[-1] == ("refused", "residents", "R-7F3K", "no consent")
    helper = client.make(Scope(("*",)), *Right, purposes=(Purpose.EMERGENCY, Purpose.FOLLOW_UP))
    assert client.ask(f"{paths[0]}?names_for=emergency", token=helper).json()["name"] == NAMES[0]
    assert client.ask(f"{paths[0]}?names_for=follow_up", token=helper).status_code == 403


def test_consent_that_was_never_asked_for_refuses_nothing(client: Client) -> None:
    client.registry.take({"residents": "id,consent\nR-7F3K,\n"})
    assert client.ask("/v1/residents/R-7F3K", token=client.make(Scope(("*",)))).status_code == 200


def test_a_signing_that_is_over_gives_no_scope(client: Client) -> None:
    token = client.make(Scope((), ("team-shangcun",)))
    client.registry.take(
        {"signings": "resident,team,from,until\nR-7F3K,team-shangcun,2026-01-01,2026-11-21\n"}
    )
    assert client.ask("/v1/residents/R-7F3K", token=token).status_code == 404


def test_facts_and_contacts(client: Client) -> None:
    facts = client.ask("/v1/residents/R-2M9P/facts?gateway=cz-shangcun-01").json()
    assert (facts["age_years"], facts["pregnant"], facts["conditions"], facts["altitude_m"]) == (
        30.0,
        True,
        [],
        40,
    )
    contacts = client.ask("/v1/residents/R-7F3K/contacts?gateway=cz-shangcun-01").json()["contacts"]
    assert contacts[1] == {"staff": "doctor-shangcun", "level": 1, "why": "member"}
    assert [look[0] for look in client.looks()] == ["facts", "contacts"]


# -- changes --------------------------------------------------------------------------------------------


def test_signing_ends_the_one_before(client: Client) -> None:
    body = {"team": "team-xiacun", "from_day": "2026-12-01"}
    assert client.ask("/v1/residents/R-7F3K/signing", "PUT", json=body).status_code == 200
    signings = client.registry.rows(
        "SELECT team, from_day, until_day FROM signings WHERE resident = 'R-7F3K' ORDER BY from_day"
    )
    assert signings == [("team-shangcun", "2026-01-01", "2026-11-30"), ("team-xiacun", "2026-12-01", None)]
    assert client.looks()[-1][:3] == ("sign: team-xiacun from 2026-12-01", "residents", "R-7F3K")
    # Again, and for another day: what had not begun never does.
    assert (
        client.ask("/v1/residents/R-7F3K/signing", "PUT", json=body | {"from_day": "2026-11-25"}).status_code
        == 200
    )
    signings = client.registry.rows(
        "SELECT team, from_day, until_day FROM signings WHERE resident = 'R-7F3K' ORDER BY from_day"
    )
    assert signings == [("team-shangcun", "2026-01-01", "2026-11-24"), ("team-xiacun", "2026-11-25", None)]


def test_signing_needs_the_right_and_both_in_scope(client: Client) -> None:
    body = {"team": "team-xiacun", "from_day": "2026-12-01"}
    cases = [
        (client.make(Scope(("*",)), Right.READ), 403),
        (client.make(Scope(("shangcun",))), 404),
        (client.make(Scope(("xiacun",))), 404),
    ]
    for token, status in cases:
        assert client.ask("/v1/residents/R-7F3K/signing", "PUT", token=token, json=body).status_code == status
    wrong = client.ask("/v1/residents/R-7F3K/signing", "PUT", json=body | {"until_day": "2026-11-30"})
    assert (wrong.status_code, wrong.json()["reason"]) == (409, "bad_days")
    bodies: list[object] = [
        {"team": "team-xiacun"},
        body | {"from_day": "1.12.2026"},
        body | {"more": 1},
        [],
        None,
    ]
    for bad in bodies:
        assert client.ask("/v1/residents/R-7F3K/signing", "PUT", json=bad).status_code == 422
    assert client.registry.rows("SELECT count(*) FROM signings") == [(3,)]


def test_a_handover_changes_who_is_on_duty_at_once(client: Client) -> None:
    path = "/v1/rosters/duty-heyuan/duty"
    assert client.ask(path).json()["on_duty"] == ["duty-heyuan-1"]
    body = {"from_staff": "duty-heyuan-1", "to_staff": "duty-heyuan-2"}
    assert client.ask("/v1/rosters/duty-heyuan/handovers", "POST", json=body).status_code == 201
    assert client.ask(path).json()["on_duty"] == ["duty-heyuan-2"]
    assert on_duty_by(client.registry.db, "duty-heyuan", NOW_MS - 1) == []
    (noted,) = client.registry.rows("SELECT roster, at_ms, from_staff, to_staff, noted_ms FROM handovers")
    assert noted == ("duty-heyuan", NOW_MS, "duty-heyuan-1", "duty-heyuan-2", NOW_MS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"from_staff": "duty-heyuan-2", "to_staff": "duty-heyuan-1"}, "not_on_duty"),
        ({"to_staff": "duty-heyuan-1"}, "same_person"), ({"to_staff": "nobody"}, "not_reachable"),
        ({"at_ms": NOW_MS + 1}, "bad_time"), ({"at_ms": NOW_MS - 86_400_001}, "bad_time"),
        ({"at_ms": NOW_MS - 1}, "not_on_duty"),
    ],
)  # fmt: skip
def test_a_handover_that_cannot_be(client: Client, change: dict[str, object], reason: str) -> None:
    body = {"from_staff": "duty-heyuan-1", "to_staff": "duty-heyuan-2"} | change
    answer = client.ask("/v1/rosters/duty-heyuan/handovers", "POST", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (409, reason)
    assert client.registry.rows("SELECT count(*) FROM handovers") == [(0,)]


@pytest.mark.parametrize("table", ["registry_audit", "handovers"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}"])
def test_the_audit_and_handovers_are_append_only(registry: Registry, table: str, statement: str) -> None:
    registry.take_example()
    hand_over(registry.db, "duty-heyuan", "duty-heyuan-1", "duty-heyuan-2", NOW_MS, "test", NOW_MS)
    before = registry.rows(f"SELECT * FROM {table}")
    assert before
    column = "who" if table == "registry_audit" else "noted_by"
    with pytest.raises(StatementRefused, match="append-only"):
        registry.db.execute(statement.format(table, column))
    assert registry.rows(f"SELECT * FROM {table}") == before


def test_who_is_signed_must_be_there(registry: Registry) -> None:
    registry.take_example()
    for resident, team, reason in [("R-0", "team-shangcun", "no_resident"), ("R-7F3K", "team-0", "no_team")]:
        with pytest.raises(NotDone) as refused:
            sign(registry.db, resident, team, "2026-12-01", None, "test", NOW_MS)
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    "path", ["/v1/residents/%20", "/v1/residents/../sites", "/v1/nothing", "/v1/residents/R-7F3K/facts"]
)
def test_what_is_not_understood_is_told_without_repeating_it(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status_code in (404, 422)
    assert set(answer.json()) == {"reason", "zh", "en"}


def test_a_missing_key_is_a_fault_of_ours_and_tells_nothing(client: Client) -> None:
    client.registry.key_path.unlink()
    answer = client.ask("/v1/residents/R-7F3K?names_for=follow_up")
    assert (answer.status_code, answer.json()["reason"]) == (503, "busy")
    assert not any(secret in answer.text for secret in NAMES)
