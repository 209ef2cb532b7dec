"""What comes twice because somebody was killed between doing it and saying so: forms, receipts, replies.

Each is one transaction. Whoever got no answer sends the same again, and it changes nothing; what two
connections take at the same moment, they take one after the other.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from starlette.testclient import TestClient

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.receipts import CarrierReceipt, Taken
from cunmai_rules.journal.courtesies import Courtesies
from cunmai_rules.journal.opening import open_journal
from cunmai_wire.events import Answer
from support.rules_bench import LINK_KEY, Bench
from support.sms_bench import Make, SmsBench, unsigned_provider

# -- forms --------------------------------------------------------------------------------------------------


@pytest.fixture
def village(bench: Bench) -> str:
    """The village doctor's address of an open escalation, of which they have been told."""
    bench.desaturate()
    bench.passes(2)
    return page_of(bench, "village")


def page_of(bench: Bench, contact: str) -> str:
    with bench.db.transaction():
        return f"/w/{bench.desk.worklists.grant(contact, bench.now_ms)}/{bench.escalation().id}"


def sent_twice(client: TestClient, bench: Bench, address: str, **form: str) -> None:
    """The same form again, half a minute later: it is answered like the first, and nothing has changed."""
    first = client.post(address, data=form)
    assert first.status_code == 303
    bench.passes(1)
    before = everything(bench)
    bench.now_ms += 30_000
    again = client.post(address, data=form)
    assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])
    bench.notifier.send_due()
    assert everything(bench) == before


def everything(bench: Bench) -> list[object]:
    return [
        *bench.rows("SELECT body FROM escalation"),
        *bench.rows("SELECT type, detail FROM history WHERE type <> 'viewed' ORDER BY n"),
        *bench.rows("SELECT body FROM event ORDER BY n"),
        *bench.rows("SELECT id, state, answer_note, decided_ms FROM referral"),
        *bench.told,
    ]


@pytest.mark.parametrize("answer", list(Answer))
def test_an_answer_that_is_sent_twice_is_one(
    client: TestClient, bench: Bench, village: str, answer: Answer
) -> None:
    sent_twice(client, bench, village, answer=answer)


def test_seen_once_more_after_a_reminder_is_another_answer(
    client: TestClient, bench: Bench, village: str
) -> None:
    client.post(village, data={"answer": "seen"})
    bench.passes(1800)
    assert bench.told == ["V", "V"]
    client.post(village, data={"answer": "seen"})
    assert bench.history().count("answered") == 2
    assert bench.escalation().due_ms == bench.now_ms + 1_800_000


def test_another_answer_of_the_same_person_counts(client: TestClient, bench: Bench, village: str) -> None:
    client.post(village, data={"answer": "seen"})
    client.post(village, data={"answer": "contacted"})
    assert bench.escalation().closed_because == "answered_contacted"


def test_a_hand_over_that_is_sent_twice_asks_once(client: TestClient, bench: Bench, village: str) -> None:
    sent_twice(client, bench, f"{village}/hand-over", to="township", note="我在外村")
    assert bench.told == ["V", "T"]


def test_handed_over_again_after_an_answer_asks_again(client: TestClient, bench: Bench, village: str) -> None:
    client.post(f"{village}/hand-over", data={"to": "township", "note": ""})
    client.post(page_of(bench, "township"), data={"answer": "seen"})
    client.post(f"{village}/hand-over", data={"to": "township", "note": ""})
    bench.passes(1)
    assert bench.history().count("handed_over") == 2
    assert bench.told[-1] == "T"


def test_a_referral_that_is_sent_twice_is_one(client: TestClient, bench: Bench, village: str) -> None:
    sent_twice(client, bench, f"{village}/refer", to="township", note="请收治")
    assert bench.told == ["V", "T"]
    another = client.post(f"{village}/refer", data={"to": "township", "note": "急"})
    assert another.status_code == 409  # it is not the same, and one waits


@pytest.mark.parametrize(("decision", "note"), [("accept", ""), ("decline", "没有床位")])
def test_a_decision_that_is_sent_twice_is_one(
    client: TestClient, bench: Bench, village: str, decision: str, note: str
) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": "请收治"})
    bench.passes(1)
    sent_twice(client, bench, f"{page_of(bench, 'township')}/referral", decision=decision, note=note)


def test_referred_back_twice_is_once(client: TestClient, bench: Bench, village: str) -> None:
    client.post(f"{village}/refer", data={"to": "township", "note": "请收治"})
    bench.passes(1)
    township = page_of(bench, "township")
    client.post(f"{township}/referral", data={"decision": "accept"})
    sent_twice(client, bench, f"{township}/referral", decision="return", note="每天测血氧")
    assert bench.told == ["V", "T", "V"]


# -- receipts -----------------------------------------------------------------------------------------------


def test_a_receipt_that_comes_while_its_acceptance_is_recorded_is_not_lost(make: Make) -> None:
    """Neither sees the other's row before it is committed: the one that is second waits, and finds the first."""
    bench = make(unsigned_provider("a", receipt_within_s=60))
    bench.desaturate()
    bench.notifier.start_due()
    ((notice, provider, _),) = bench.notifier.under_way.values()
    given = bench.desk.escalations.notice(notice.id)
    assert given is not None
    receipt = CarrierReceipt("a", delivered=True, reason="DELIVRD", provider_id="a-0")
    with bench.db.transaction():
        bench.desk.notices.accepted(given, "a-0", provider.receipt_within_s, bench.now_ms)
        other = threading.Thread(target=take_in_another_session, args=(bench, receipt))
        other.start()
        other.join(0.5)  # it has had the time to look, and to find nothing
    other.join(20)
    assert bench.states() == ["delivered"]
    assert bench.rows("SELECT * FROM early_receipt") == []


def take_in_another_session(bench: SmsBench, receipt: CarrierReceipt) -> None:
    with closing(open_journal(bench.journal)) as db:
        desk = Desk(db, bench.settings, LINK_KEY)
        with db.transaction():
            desk.notices.receipt(receipt, bench.now_ms)


def test_an_acceptance_that_is_recorded_while_its_receipt_is_kept_finds_it(make: Make) -> None:
    bench = make(unsigned_provider("a", receipt_within_s=60))
    bench.desaturate()
    bench.notifier.start_due()
    receipt = CarrierReceipt("a", delivered=True, reason="DELIVRD", provider_id="a-0")
    with closing(open_journal(bench.journal)) as db:
        desk = Desk(db, bench.settings, LINK_KEY)
        accepting = Accepting(bench)
        with db.transaction():
            assert desk.notices.receipt(receipt, bench.now_ms) is Taken.EARLY
            accepting.thread.start()
            accepting.thread.join(0.5)
    accepting.thread.join(20)
    assert bench.states() == ["delivered"]


@dataclass
class Accepting:
    """Records the acceptance of the only notice, in a session of its own."""

    bench: SmsBench
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._accept)

    def _accept(self) -> None:
        ((notice, provider, _),) = self.bench.notifier.under_way.values()
        with closing(open_journal(self.bench.journal)) as db:
            desk = Desk(db, self.bench.settings, LINK_KEY)
            given = desk.escalations.notice(notice.id)
            assert given is not None
            with db.transaction():
                desk.notices.accepted(given, "a-0", provider.receipt_within_s, self.bench.now_ms)


# -- replies ------------------------------------------------------------------------------------------------


def test_two_unclear_replies_at_the_same_moment_are_explained_once(make: Make) -> None:
    bench = make(unsigned_provider("a"))
    added: list[bool] = []

    def add(now_ms: int) -> None:
        with closing(open_journal(bench.journal)) as db, db.transaction():
            added.append(Courtesies(db).add("village", "help", {}, now_ms))

    with bench.db.transaction():
        assert Courtesies(bench.db).add("village", "help", {}, bench.now_ms)
        other = threading.Thread(target=add, args=(bench.now_ms + 1,))
        other.start()
        other.join(0.5)
    other.join(20)
    assert added == [False]


@pytest.mark.parametrize("kind", ["killed", "tried_again"])
def test_an_explanation_is_not_sent_twice_by_who_knows_no_key(make: Make, kind: str) -> None:
    """After a kill between sending it and writing that down it is in doubt, and explains nothing more."""
    bench = make(unsigned_provider("a", templates={"page": "SMS_1", "help": "SMS_2"}))
    bench.carrier.down = {"a"} if kind == "tried_again" else set()
    with bench.db.transaction():
        assert bench.desk.courtesies.add("village", "help", {"example": "K7", "codes": "-"}, bench.now_ms)
    bench.notifier._courtesies.turn()
    if kind == "killed":
        bench.restart()  # what came of it was known to the one that is gone
    bench.carrier.down = set()
    for _ in range(3):
        bench.passes(31)
    assert len(bench.courtesies) == 1
