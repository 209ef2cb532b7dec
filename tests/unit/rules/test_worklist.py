"""A contact's worklist: who may see it, what stands where, answers, handing over."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cunmai_rules.cli import app as commands
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.journal.worklists import LIFETIME_MS
from cunmai_rules.pages.worklist_view import shelf_of
from cunmai_wire.events import Answer, Grade, Lane
from support.rules_bench import Bench


def address(bench: Bench, contact: str = "village") -> str:
    with bench.db.transaction():
        return f"/w/{bench.desk.worklists.grant(contact, bench.now_ms)}"


def shelf(page: str, key: str) -> str:
    """The part of the page that is this shelf."""
    found = re.search(f'<section class="shelf" id="{key}">(.*?)</section>', page, re.DOTALL)
    assert found
    return found[1]


def standing(**changes: object) -> Escalation:
    base = Escalation(
        id="e1", subject="s", gateway="cz-01", device="d", resident="R-1", rule="r", version="1", grade=Grade.RED,
        lane=Lane.PAGE, reason="limit_met", stream=None, seq=None, reading_t_ms=0, opened_ms=0,
        contacts=("village", "township"),
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("escalation", "seen_s", "now_s", "stands"),
    [
        (standing(), None, 10, "open"),
        (standing(tried=1), None, 400, "overdue"),
        (standing(status=Status.EXHAUSTED), None, 10, "overdue"),
        (standing(status=Status.SEEN, seen_by="village"), 0, 1800, "mine"),
        (standing(status=Status.SEEN, seen_by="village"), 0, 1801, "overdue"),
        (standing(status=Status.SEEN, seen_by="township"), 0, 1800, "others"),
        (standing(lane=Lane.REVIEW), None, 10**6, "review"),
    ],
)
def test_where_an_escalation_stands(
    escalation: Escalation, seen_s: int | None, now_s: int, stands: str
) -> None:
    seen_ms = None if seen_s is None else seen_s * 1000
    assert shelf_of(escalation, "village", seen_ms, Policy(), now_s * 1000) == stands


def test_what_is_open_is_on_the_list_and_leads_to_its_page(client: TestClient, bench: Bench) -> None:
    bench.desaturate()
    bench.passes(130)
    list_ = address(bench)
    page = client.get(list_).text
    assert "村医" in page
    card = shelf(page, "open")
    for words in ("红色预警", "R-7F3K", "90 %", "上村卫生室", "已过 2 分钟", "等待答复"):
        assert words in card
    found = re.search(rf'href="({list_}/e[0-9a-f]+)"', card)
    assert found
    assert "血氧饱和度 ≤ 93 % 持续 15 秒" in client.get(found[1]).text


def test_an_empty_list_says_so(client: TestClient, bench: Bench) -> None:
    assert "没有待办" in client.get(address(bench)).text


def test_an_answer_from_the_list_is_the_contacts(client: TestClient, bench: Bench) -> None:
    bench.desaturate()
    bench.passes(2)
    list_ = address(bench)
    one = f"{list_}/{bench.escalation().id}"
    assert client.post(one, data={"answer": "seen"}).headers["location"] == f"{one}?done=answered"
    assert "R-7F3K" in shelf(client.get(list_).text, "mine")
    assert "R-7F3K" in shelf(client.get(address(bench, "township")).text, "others")
    client.post(one, data={"answer": "contacted"})
    assert "R-7F3K" not in client.get(list_).text
    assert bench.rows("SELECT actor, detail FROM history WHERE type = 'answered' ORDER BY n") == [
        ("village", '{"answer": "seen", "means": "worklist"}'),
        ("village", '{"answer": "contacted", "means": "worklist"}'),
    ]  # fmt: skip


def test_whom_it_does_not_concern_sees_nothing_of_it(client: TestClient, bench: Bench) -> None:
    site = bench.settings.sites[0]
    other = site.model_copy(update={"gateway": "cz-02", "name": "下村卫生室", "contacts": ("township",)})
    object.__setattr__(bench.settings, "sites", (site, other))
    for _ in range(17):
        bench.deliver(bench.reading(80, resident="R-OTHER"), gateway="cz-02")
        bench.now_ms += 1000
    theirs = next(one for one in bench.desk.escalations.newest(5) if one.gateway == "cz-02")
    list_ = address(bench)
    assert "R-OTHER" not in client.get(list_).text
    assert client.get(f"{list_}/{theirs.id}").status_code == 404
    assert client.post(f"{list_}/{theirs.id}", data={"answer": "false_alarm"}).status_code == 404
    assert bench.rows("SELECT count(*) FROM history WHERE type = 'answered'") == [(0,)]


def test_an_address_that_is_none_expired_or_taken_back_opens_nothing(
    client: TestClient, bench: Bench
) -> None:
    first = address(bench)
    second = address(bench)
    assert client.get(first).status_code == 404  # the newer one replaced it
    assert client.get(second).status_code == 200
    assert client.get(second + "x").status_code == 404
    bench.now_ms += LIFETIME_MS + 1
    assert client.get(second).status_code == 404
    assert "请向县里的系统管理员要新的链接" in client.get(second).text
    assert client.get(f"{second}/live").status_code == 404


def test_every_look_is_audited_with_what_was_shown(client: TestClient, bench: Bench) -> None:
    bench.desaturate()
    client.get(address(bench))
    assert bench.rows("SELECT actor, detail FROM history WHERE type = 'worklist'") == [
        ("village", f'{{"shown": ["{bench.escalation().id}"]}}')
    ]


def test_the_database_holds_no_token(bench: Bench) -> None:
    token = address(bench).removeprefix("/w/")
    assert token not in str(bench.rows("SELECT * FROM worklist_link"))


def test_handing_over_asks_the_other_at_once_and_owes_an_outcome_still(
    client: TestClient, bench: Bench
) -> None:
    bench.desaturate()
    bench.passes(2)
    list_ = address(bench)
    one = f"{list_}/{bench.escalation().id}"
    client.post(one, data={"answer": "seen"})
    assert bench.told == ["V"]
    taken = client.post(f"{one}/hand-over", data={"to": "township", "note": "需要上门, 我在外村"})
    assert taken.headers["location"] == f"{one}?done=handed"
    bench.passes(1)
    assert bench.told == ["V", "T"]
    assert (bench.escalation().status, bench.escalation().seen_by) == (Status.OPEN, None)
    assert "转交: 乡镇卫生院值班 (需要上门, 我在外村)" in client.get(one).text
    bench.passes(301)  # no answer from the township either: it comes back
    assert bench.told == ["V", "T", "V"]


NUMBERS = ["请打 138 0000 0001", "138,0000,0001", "１３８０００００００１", "138\u200b00000001"]


@pytest.mark.parametrize("note", [*NUMBERS, "no\0text", "x" * 201])
def test_a_note_carries_no_number_and_no_novel(client: TestClient, bench: Bench, note: str) -> None:
    bench.desaturate()
    one = f"{address(bench)}/{bench.escalation().id}"
    assert client.post(f"{one}/hand-over", data={"to": "township", "note": note}).status_code == 422
    assert client.post(f"{one}/hand-over", data={"to": "nobody", "note": ""}).status_code == 422
    assert bench.rows("SELECT count(*) FROM history WHERE type = 'handed_over'") == [(0,)]


@pytest.mark.parametrize("way", ["hand-over", "refer"])
def test_a_resident_goes_to_nobody_whom_the_page_does_not_offer(
    client: TestClient, bench: Bench, way: str
) -> None:
    with bench.db.transaction():
        bench.db.execute("INSERT INTO sites (id, name, tier) VALUES ('far', 'far', 'village')")
        bench.db.execute(
            "INSERT INTO staff (id, role, site, until_day) VALUES ('gone', 'clerk', 'far', '2020-01-01')"
        )
    bench.desaturate()
    one = f"{address(bench)}/{bench.escalation().id}"
    assert client.post(f"{one}/{way}", data={"to": "gone", "note": ""}).status_code == 422
    assert client.post(f"{one}/{way}", data={"to": "township", "note": ""}).status_code == 303


def test_what_is_closed_is_not_handed_over(bench: Bench) -> None:
    bench.desaturate()
    bench.desk.answer(bench.escalation().id, "village", Answer.CONTACTED, bench.now_ms)
    after = bench.desk.hand_over(bench.escalation().id, "village", "township", "", bench.now_ms)
    assert after is not None
    assert after.status is Status.CLOSED
    assert bench.rows("SELECT count(*) FROM history WHERE type = 'handed_over'") == [(0,)]


def test_a_change_is_told_to_an_open_list(
    client: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def sleep(seconds: float) -> None:
        """In the third pause, an alarm."""
        looks.append(seconds)
        if len(looks) == 3:
            with closing(open_journal(bench.journal)) as db, db.transaction():
                Escalations(db).save(standing(opened_ms=bench.now_ms))

    monkeypatch.setattr("cunmai_rules.pages.live.asyncio.sleep", sleep)
    with client.stream("GET", f"{address(bench)}/live") as stream:
        told = "".join(stream.iter_text())
    assert told == "retry: 1000\n\nevent: changed\ndata: 1\n\n"
    assert len(looks) == 3


def test_the_address_comes_from_a_command(
    bench: Bench, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cunmai_rules.commands.desk.load_model", lambda *_: bench.settings)
    monkeypatch.setattr("cunmai_rules.commands.desk.existing_journal", lambda _: open_journal(bench.journal))
    monkeypatch.setattr("cunmai_rules.commands.desk.system_clock", lambda: bench.now_ms)
    config = ["--config", str(tmp_path / "rules.yaml")]
    told = CliRunner().invoke(commands, ["worklist-link", "village", *config])
    found = re.search(r"http://127\.0\.0\.1:8087(/w/\S+)", told.output)
    assert found
    assert client.get(found[1]).status_code == 200
    CliRunner().invoke(commands, ["worklist-link", "village", "--revoke", *config])
    assert client.get(found[1]).status_code == 404
