"""The read API: who may see what, every look noted, refusals that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cunmai_ingest.api.tokens import KEEP_LOOKS_MS, Right, Tokens
from cunmai_ingest.query.base import Question, Row, TooSlow
from cunmai_ingest.query.sites import Sites
from cunmai_runtime.errors import Retryable, UserError
from support.api_bench import NOW_MS, ApiBench, api_bench
from support.messages import STREAM, T0_MS, oximetry

RESIDENT_PATHS = (
    "/api/v1/residents/r-1001/latest",
    "/api/v1/residents/r-1001/readings",
    "/fhir/Observation?subject=r-1001",
    "/fhir/ImagingStudy?subject=r-1001",
)
LEDGER_PATHS = ("/api/v1/gateways", "/api/v1/devices", "/api/v1/ledger")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    with api_bench(tmp_path) as made:
        made.ledger.state(3)
        made.ledger.readings(oximetry(1, T0_MS), oximetry(2, T0_MS + 1000, resident="r-2"))
        made.ledger.sweep()
        yield made


# -- tokens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*RESIDENT_PATHS, *LEDGER_PATHS])
def test_nothing_is_shown_without_a_live_token(bench: ApiBench, path: str) -> None:
    good = bench.token()
    id_ = good.split("_")[1]
    wrong = ["", "x", "cunmai", "cunmai__", f"cunmai_{id_}_", f"cunmai_{id_}_{'A' * 43}", good + "x", good[:-1],
             good.replace("cunmai", "token"), f"cunmai_00000000_{good.split('_', 2)[2]}"]  # fmt: skip
    for token in wrong:
        answer = bench.get(path, token)
        assert answer.status_code == 401, token
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "r-1001" not in answer.text
    assert bench.get(path, good).status_code == 200
    assert bench.client.get(path, headers={"Authorization": f"Basic {good}"}).status_code == 401
    assert bench.client.get(path, headers={b"Authorization": b"Bearer \xff\xfe"}).status_code == 401


def test_a_token_may_see_only_what_it_was_made_for(bench: ApiBench) -> None:
    ledger_only, residents_only = (bench.token(rights=(right,)) for right in (Right.LEDGER, Right.RESIDENTS))
    assert {bench.get(path, ledger_only).status_code for path in RESIDENT_PATHS} == {403}
    assert {bench.get(path, residents_only).status_code for path in LEDGER_PATHS} == {403}
    assert {bench.get(path, ledger_only).status_code for path in LEDGER_PATHS} == {200}


def test_a_revoked_and_an_expired_token_open_nothing(bench: ApiBench) -> None:
    token = bench.token()
    bench.tokens.revoke(token.split("_")[1])
    assert bench.get("/api/v1/gateways", token).status_code == 401
    passing = bench.tokens.make("a visitor", Sites(("*",)), [Right.LEDGER], expires_ms=NOW_MS + 1)
    assert bench.get("/api/v1/gateways", passing).status_code == 200
    bench.ledger.now_ms += 1
    assert bench.get("/api/v1/gateways", passing).status_code == 401
    with pytest.raises(UserError, match="no token nobody"):
        bench.tokens.revoke("nobody")


def test_the_file_of_tokens_holds_no_secret(bench: ApiBench) -> None:
    secret = bench.token().split("_", 2)[2]
    with sqlite3.connect(bench.ledger.settings.api_path) as db:
        dump = "\n".join(db.iterdump())
    db.close()
    assert secret not in dump
    assert "a clerk" in dump


def test_a_token_of_one_site_sees_the_ledger_of_one_site(bench: ApiBench) -> None:
    for path, key in (
        ("/api/v1/gateways", "gateways"),
        ("/api/v1/devices", "devices"),
        ("/api/v1/ledger", "days"),
    ):
        assert bench.get(path, bench.token("clinic-02", "town-*")).json()[key] == []
        assert len(bench.get(path, bench.token("clinic-01")).json()[key]) == 1


@pytest.mark.parametrize("pattern", ["", "Clinic", "a*b", "*a", "a.b", "a|b", "clinic-01\n", "-a", "村"])
def test_a_site_is_an_id_or_the_beginning_of_one(pattern: str) -> None:
    with pytest.raises(ValueError, match="not a gateway's id"):
        Sites((pattern,))


def test_sites_allow_exactly_what_they_name() -> None:
    sites = Sites(("clinic-1", "town-*"))
    allowed = [
        gateway for gateway in ("clinic-1", "clinic-10", "town-", "town-7", "town") if sites.allow(gateway)
    ]
    assert allowed == ["clinic-1", "town-", "town-7"]
    assert Sites(("*",)).allow("anything")


# -- looks ------------------------------------------------------------------------------------------------


def test_every_look_at_a_resident_is_noted_before_anything_is_shown(bench: ApiBench) -> None:
    token = bench.token()
    for path in RESIDENT_PATHS:
        bench.get(path, token)
    observation = bench.get("/fhir/Observation?subject=r-2", token).json()["entry"][0]["resource"]["id"]
    bench.get(f"/fhir/Observation/{observation}", token)
    looks = bench.tokens.looks()
    assert [(look.resident, look.what) for look in looks] == [
        ("r-2", "fhir Observation"),
        ("r-2", "fhir Observation"),
        ("r-1001", "fhir ImagingStudy"),
        ("r-1001", "fhir Observation"),
        ("r-1001", "readings"),
        ("r-1001", "latest"),
    ]
    assert {(look.token, look.name, look.t_ms) for look in looks} == {
        (token.split("_")[1], "a clerk", NOW_MS)
    }
    assert bench.tokens.looks("r-2", limit=1) == looks[:1]
    bench.ledger.now_ms += KEEP_LOOKS_MS + 1
    bench.get(RESIDENT_PATHS[0], token)
    assert len(bench.tokens.looks()) == 1


def test_a_look_that_cannot_be_noted_shows_nothing(bench: ApiBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Retryable("the disk is full")

    monkeypatch.setattr(Tokens, "note", full)
    for path in RESIDENT_PATHS:
        answer = bench.get(path)
        assert (answer.status_code, "97" in answer.text) == (503, False)


def test_the_ledger_is_nobodys_and_is_not_noted(bench: ApiBench) -> None:
    for path in LEDGER_PATHS:
        assert "r-1001" not in bench.get(path).text
    assert bench.tokens.looks() == []


# -- answers ----------------------------------------------------------------------------------------------


def test_latest_and_history(bench: ApiBench) -> None:
    bench.ledger.readings(*[oximetry(seq, T0_MS + 1000 * seq, spo2_pct=90.0 + seq) for seq in range(3, 8)])
    (latest,) = bench.get("/api/v1/residents/r-1001/latest").json()["readings"]
    assert latest == {
        "stream": STREAM, "seq": 7, "kind": "oximetry", "t_ms": T0_MS + 7000, "arrived_ms": NOW_MS,
        "gateway": "clinic-01", "device": "plx-1", "clock": "trusted", "quality": [],
        "values": {"mode": "continuous", "spo2_pct": 97.0, "pulse_bpm": 72.0, "perfusion_index_pct": 4.5},
    }  # fmt: skip
    path = "/api/v1/residents/r-1001/readings"
    seqs, page = [], None
    for _ in range(9):
        answer = bench.get(path, limit=2, **({"page": page} if page else {})).json()
        seqs.append([reading["seq"] for reading in answer["readings"]])
        page = answer["next_page"]
        if page is None:
            break
    assert seqs == [[7, 6], [5, 4], [3, 1]]
    between = bench.get(path, from_ms=T0_MS + 3000, to_ms=T0_MS + 5000, kind="oximetry").json()
    assert [reading["seq"] for reading in between["readings"]] == [4, 3]
    assert bench.get(path, kind="weight").json()["readings"] == []


def test_what_a_person_saw_is_answered_in_its_own_types(bench: ApiBench) -> None:
    seen = {"seq": 3, "t": T0_MS, "clock": "trusted", "device": "kiosk", "resident": "r-1001"}
    bench.ledger.readings(seen | {"kind": "assessment", "consciousness": "V", "on_oxygen": True})
    answer = bench.get("/api/v1/residents/r-1001/readings", kind="assessment")
    (reading,) = answer.json()["readings"]
    assert reading["values"] == {"consciousness": "V", "on_oxygen": True}
    assert '"on_oxygen":true' in answer.text.replace(" ", "")


def test_the_ledger_in_full(bench: ApiBench) -> None:
    ledger = bench.get("/api/v1/ledger").json()
    assert ledger["utc_offset"] == "UTC+08:00"
    assert ledger["days"] == [
        {"gateway": "clinic-01", "day": "2023-11-15", "measured": 3, "stored": 2, "judged": 0, "refused": 0,
         "unjudged": 2, "late": 2, "quarantined": 0, "missing": 1, "lost": 0, "overdue": 0, "unnumbered": 0,
         "reckoned_ms": NOW_MS}
    ]  # fmt: skip
    assert [(gap["kind"], gap["first"], gap["last"], gap["step"]) for gap in ledger["gaps"]] == [
        ("unjudged", 1, 2, "young"),
        ("missing", 3, 3, "young"),
    ]
    assert bench.get("/api/v1/ledger", day="2023-11-14").json()["days"] == []
    assert len(bench.get("/api/v1/ledger", day="2023-11-16", days=2).json()["days"]) == 1
    assert bench.get("/api/v1/ledger", gateway="clinic-02").json()["gaps"] == []
    (gateway,) = bench.get("/api/v1/gateways").json()["gateways"]
    assert (gateway["presence"], gateway["seen_ms"]) == ("online", NOW_MS)
    (device,) = bench.get("/api/v1/devices").json()["devices"]
    assert (device["device"], device["last_t_ms"], device["last_arrived_ms"]) == (
        "plx-1",
        T0_MS + 1000,
        NOW_MS,
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v1/residents/r-1001/readings?limit=501", "limit"),
        ("/api/v1/residents/r-1001/readings?from_ms=-1", "from_ms"),
        ("/api/v1/residents/r-1001/readings?form_ms=1", "form_ms"),
        ("/api/v1/residents/r-1001/readings?page=zz", "page"),
        ("/api/v1/residents/r-1001/readings?kind=aura", "kind"),
        ("/api/v1/residents/13912345678'--/latest", "resident"),
        ("/api/v1/ledger?day=2023-02-29", "day"),
        ("/api/v1/ledger?days=0", "days"),
        ("/api/v1/ledger?gateway=X", "gateway"),
    ],
)
def test_a_request_that_is_not_understood_is_told_why(bench: ApiBench, path: str, words: str) -> None:
    answer = bench.get(path)
    assert answer.status_code == 422
    assert answer.json()["reason"] == "bad_request"
    assert words in answer.json()["en"]


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("", "required", "name the resident"),
        ("subject=Patient/a b", "value", "subject"),
        ("subject=r-1&patient=r-2", "value", "one resident only"),
        ("subject=r-1&subject=r-2", "value", "give subject once"),
        ("subject=r-1&_count=0", "value", "from 1 up"),
        ("subject=r-1&_count=-3", "value", "from 1 up"),
        ("subject=r-1&_page=9-9", "value", "follow the link"),
        ("subject=r-1&date=yesterday", "value", "date=2026-07-01"),
        ("subject=r-1&date=2023-02-29", "value", "no such day"),
        ("subject=r-1&date=ne2023-02-28", "value", "date=2026-07-01"),
        ("subject=r-1&code=", "value", "code=http://loinc.org"),
        ("subject=r-1&code=" + ",".join(["1-1"] * 51), "too-costly", "at most 50"),
        ("subject=r-1&_format=xml", "not-supported", "application/fhir+json"),
    ],
)
def test_a_search_that_is_refused_is_an_operation_outcome(
    bench: ApiBench, query: str, code: str, words: str
) -> None:
    answer = bench.get(f"/fhir/Observation?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/fhir+json")
    OperationOutcome.model_validate_json(answer.text)
    (issue,) = answer.json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert words in issue["diagnostics"]


def test_other_refusals_of_fhir_are_operation_outcomes_too(bench: ApiBench) -> None:
    for path, status, code in (
        ("/fhir/Patient/r-1", 404, "not-found"),
        ("/fhir/Observation/nobody", 404, "not-found"),
        ("/fhir/ImagingStudy/nobody", 422, "value"),
        ("/fhir/Observation?subject=r-1&colour=red", 422, "value"),
    ):
        answer = bench.get(path)
        assert answer.status_code == status, path
        assert OperationOutcome.model_validate_json(answer.text).issue[0].code == code
    assert bench.client.post("/fhir/Observation").status_code == 405
    assert bench.get("/fhir/Observation?subject=r-1", "").json()["issue"][0]["code"] == "login"


def test_the_capability_statement_names_what_there_is(bench: ApiBench) -> None:
    answer = bench.get("/fhir/metadata", "")
    CapabilityStatement.model_validate_json(answer.text)
    (rest,) = answer.json()["rest"]
    searched = {
        one["type"]: {parameter["name"] for parameter in one["searchParam"]} for one in rest["resource"]
    }
    assert searched == {
        "Observation": {"subject", "patient", "date", "code"},
        "ImagingStudy": {"subject", "patient", "date"},
    }


# -- what is down -----------------------------------------------------------------------------------------


class Broken:
    """A reader of a store that cannot answer."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def rows(self, question: Question) -> list[Row]:
        raise self._fault

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    ("fault", "reason", "issue"),
    [(Retryable("down"), "store_down", "transient"), (TooSlow("slow"), "too_slow", "timeout")],
)
def test_a_store_that_is_down_is_503_with_a_hint(
    tmp_path: Path, fault: Exception, reason: str, issue: str
) -> None:
    with api_bench(tmp_path, Broken(fault)) as bench:
        for path in RESIDENT_PATHS:
            answer = bench.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            if path.startswith("/fhir"):
                assert answer.json()["issue"][0]["code"] == issue
            else:
                assert answer.json()["reason"] == reason


def test_a_book_that_is_not_there_is_503(bench: ApiBench) -> None:
    bench.ledger.book.close()
    for path in bench.ledger.settings.data_dir.glob("ingest-book*"):
        path.unlink()
    for url in (*LEDGER_PATHS, "/health"):
        assert bench.get(url).status_code == 503
    assert bench.ledger.settings.book_path.exists() is False


def test_answers_are_not_kept_by_anyone_on_the_way(bench: ApiBench) -> None:
    for path in (*RESIDENT_PATHS, *LEDGER_PATHS, "/health", "/ledger", "/nowhere"):
        assert bench.get(path).headers["cache-control"] == "no-store"
