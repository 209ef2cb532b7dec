"""Referrals: sent up, taken or not, referred back; never silent, and never somebody else's to decide."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cunmai_rules.cli import app as commands
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.referral.book import Book
from cunmai_rules.referral.fhir import bundle, service_request, task
from cunmai_rules.referral.states import Decision, NotNow, Referral, ReferralState, decided
from support.rules_bench import Bench

ASKED = Referral("r1", "e1", "R-7F3K", "cz-01", "village", "township", "请收治", 1_767_323_045_000)


@pytest.fixture
def village(bench: Bench) -> str:
    """The village doctor's address of an open escalation."""
    bench.desaturate()
    bench.passes(2)
    return page_of(bench, "village")


def page_of(bench: Bench, contact: str) -> str:
    with bench.db.transaction():
        token = bench.desk.worklists.grant(contact, bench.now_ms)
    return f"/w/{token}/{bench.escalation().id}"


def state(bench: Bench) -> list[tuple[str, str]]:
    return [(one.state.value, one.answer_note) for one in Book(bench.db).of(bench.escalation().id)]


# -- states ---------------------------------------------------------------------------------------------


def test_accepted_then_referred_back() -> None:
    taken = decided(ASKED, Decision.ACCEPT, "township", "", 5)
    assert (taken.state, taken.accepted_ms, taken.decided_ms) == (ReferralState.ACCEPTED, 5, 5)
    back = decided(taken, Decision.RETURN, "township", "每天测血氧", 9)
    assert (back.state, back.accepted_ms, back.decided_ms, back.answer_note) == (
        ReferralState.RETURNED, 5, 9, "每天测血氧"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("referral", "decision", "by", "note", "why"),
    [
        (ASKED, Decision.ACCEPT, "village", "", "referral_not_yours"),
        (ASKED, Decision.DECLINE, "township", "", "referral_needs_note"),
        (ASKED, Decision.RETURN, "township", "x", "referral_decided"),
        (replace(ASKED, state=ReferralState.DECLINED), Decision.ACCEPT, "township", "", "referral_decided"),
        (replace(ASKED, state=ReferralState.ACCEPTED), Decision.DECLINE, "township", "x", "referral_decided"),
        (replace(ASKED, state=ReferralState.RETURNED), Decision.RETURN, "township", "x", "referral_decided"),
    ],
)
def test_what_does_not_fit_is_refused(
    referral: Referral, decision: Decision, by: str, note: str, why: str
) -> None:
    with pytest.raises(NotNow, match=why):
        decided(referral, decision, by, note, 5)


# -- stories --------------------------------------------------------------------------------------------


def test_the_receiver_is_told_at_once_accepts_and_owes_the_outcome(
    client: TestClient, bench: Bench, village: str
) -> None:
    sent = client.post(f"{village}/refer", data={"to": "township", "note": "血氧 90, 请收治"})
    assert sent.headers["location"].endswith("?done=referral")
    bench.passes(1)
    assert bench.told == ["V", "T"]
    link = re.search(r"(/e/\S+)", bench.sink.texts[1])
    assert link
    page = client.get(link[1]).text
    assert "转诊: 村医 → 乡镇卫生院值班" in page
    assert "血氧 90, 请收治" in page
    assert client.post(f"{link[1]}/referral", data={"decision": "accept"}).status_code == 303
    assert state(bench) == [("accepted", "")]
    assert (bench.escalation().status, bench.escalation().seen_by) == (Status.SEEN, "township")
    bench.passes(1801)  # accepted is not handled
    assert bench.told == ["V", "T", "T"]
    assert "接收转诊: 村医" in client.get(village).text


def test_declined_goes_back_to_the_sender_at_once_with_the_reason(
    client: TestClient, bench: Bench, village: str
) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    bench.passes(1)
    theirs = page_of(bench, "township")
    assert client.post(f"{theirs}/referral", data={"decision": "decline", "note": ""}).status_code == 409
    client.post(f"{theirs}/referral", data={"decision": "decline", "note": "没有床位, 请转县医院"})
    bench.passes(1)
    assert bench.told == ["V", "T", "V"]
    assert state(bench) == [("declined", "没有床位, 请转县医院")]
    assert "没有床位, 请转县医院" in client.get(page_of(bench, "village")).text


def test_a_referral_that_nobody_looks_at_is_not_silent(
    client: TestClient, bench: Bench, village: str
) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    bench.passes(1)
    bench.passes(301)
    assert bench.told == ["V", "T", "V"]  # back to the sender, who can refer elsewhere or act
    assert state(bench) == [("requested", "")]


def test_referred_back_is_the_senders_again(client: TestClient, bench: Bench, village: str) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    theirs = page_of(bench, "township")
    client.post(f"{theirs}/referral", data={"decision": "accept"})
    client.post(f"{theirs}/referral", data={"decision": "return", "note": "回家, 每天测血氧"})
    bench.passes(1)
    assert bench.told[-1] == "V"
    assert state(bench) == [("returned", "回家, 每天测血氧")]
    assert bench.escalation().status is Status.OPEN  # somebody still owes an outcome


def test_whoever_referred_does_not_close_it_over_the_receivers_head(
    client: TestClient, bench: Bench, village: str
) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    client.post(village, data={"answer": "referred"})  # the natural thing to press
    bench.passes(1)
    assert bench.told == ["V", "T"]
    assert bench.escalation().status is Status.OPEN
    assert "答复(转诊等待接收, 不结束): 转诊" in client.get(village).text


def test_what_the_receiver_says_of_a_closed_one_reaches_the_sender(
    client: TestClient, bench: Bench, village: str
) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    theirs = page_of(bench, "township")
    client.post(f"{theirs}/referral", data={"decision": "accept"})
    client.post(theirs, data={"answer": "contacted"})
    assert bench.escalation().status is Status.CLOSED
    client.post(f"{theirs}/referral", data={"decision": "return", "note": "回家, 每天测血氧"})
    bench.passes(1)
    assert bench.told[-1] == "V"
    assert bench.escalation().status is Status.OPEN


def test_only_the_receiver_decides_and_only_one_waits(client: TestClient, bench: Bench, village: str) -> None:
    assert client.post(f"{village}/referral", data={"decision": "accept"}).status_code == 409
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    assert client.post(f"{village}/refer", data={"to": "township", "note": "急"}).status_code == 409
    assert client.post(f"{village}/referral", data={"decision": "accept"}).status_code == 409
    assert client.post(f"{village}/refer", data={"to": "village", "note": ""}).status_code == 422
    assert client.post(f"{village}/refer", data={"to": "nobody", "note": ""}).status_code == 422
    assert client.post(f"{village}/referral", data={"decision": "burn"}).status_code == 422
    assert state(bench) == [("requested", "")]


def test_what_is_closed_is_not_referred(client: TestClient, bench: Bench, village: str) -> None:
    client.post(village, data={"answer": "contacted"})
    refused = client.post(f"{village}/refer", data={"to": "township", "note": ""})
    assert refused.status_code == 409
    assert "这条预警已经结束" in refused.text


# -- FHIR -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("referral", "request_status", "task_status"),
    [
        (ASKED, "active", "requested"),
        (decided(ASKED, Decision.ACCEPT, "township", "", 5), "active", "accepted"),
        (decided(ASKED, Decision.DECLINE, "township", "没有床位", 5), "revoked", "rejected"),
        (decided(decided(ASKED, Decision.ACCEPT, "township", "", 5), Decision.RETURN, "township", "测血氧", 9),
         "completed", "completed"),
    ],
)  # fmt: skip
def test_fhir_says_how_far_it_is(referral: Referral, request_status: str, task_status: str) -> None:
    checked = Bundle.model_validate(bundle([referral, replace(referral, id="r2", resident=None)]))
    assert checked.entry is not None
    assert len(checked.entry) == 4
    assert service_request(referral)["status"] == request_status
    assert task(referral)["status"] == task_status
    assert service_request(referral)["authoredOn"] == "2026-01-02T03:04:05.000Z"


def test_the_command_lists_and_exports(
    client: TestClient, bench: Bench, village: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": ""})
    where = "cunmai_rules.referral.command"
    monkeypatch.setattr(f"{where}.load_model", lambda *_: bench.settings)
    monkeypatch.setattr(f"{where}.existing_journal", lambda _: open_journal(bench.journal))
    monkeypatch.setattr(f"{where}.system_clock", lambda: bench.now_ms)
    config = ["referrals", "--config", str(tmp_path / "rules.yaml")]
    shown = CliRunner().invoke(commands, config, env={"COLUMNS": "120"})
    assert "等待接收 requested" in shown.output
    exported = json.loads(CliRunner().invoke(commands, [*config, "--fhir"]).output)
    assert [entry["resource"]["resourceType"] for entry in exported["entry"]] == ["ServiceRequest", "Task"]
    assert "13800000001" not in json.dumps(exported)
