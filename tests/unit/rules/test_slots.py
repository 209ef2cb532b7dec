"""A slot whose session with the database is lost while a provider has a message in its hands.

What the provider has said is known to the process, and is written down at its next session. It is not a doubt,
and the message is not sent again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from cunmai_rules.heartbeat import Pulse
from cunmai_rules.journal.database import PostgresAt
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.notify.breakers import Breakers
from cunmai_rules.notify.providers.base import Accepted, Message, Outcome
from cunmai_rules.notify.providers.settings import Provider
from cunmai_rules.slots import JUDGE, NOTIFY, Common, Slot
from support.postgres import Cluster
from support.rules_bench import LINK_KEY
from support.servers import wait_until
from support.sms_bench import Make, SmsBench, unsigned_provider

pytestmark = pytest.mark.server


@dataclass
class SlowCarrier:
    """It takes every message, and answers when it is told to."""

    answers: list[Future[Outcome]] = field(default_factory=list)

    def submit(self, message: Message, provider: Provider) -> Future[Outcome]:
        self.answers.append(Future())
        return self.answers[-1]


@pytest.fixture
def told(tmp_path: Path, postgres: Cluster) -> Iterator[SmsBench]:
    """One message is owed, to a provider that knows no idempotency key."""
    make = Make(tmp_path, postgres)
    bench = make(unsigned_provider("a", unsure_wait_s=5), unsigned_provider("b"))
    bench.desaturate()
    yield bench
    bench.close()


def a_slot(bench: SmsBench, carrier: SlowCarrier) -> Slot:
    clock = bench.clock
    names = [one.name for one in bench.settings.providers]
    assert isinstance(bench.journal, PostgresAt)
    settings = bench.settings.model_copy(update={"database": SecretStr(bench.journal.dsn)})
    common = Common(settings, LINK_KEY, bench.in_force, clock, Pulse(clock), Breakers(names, clock))
    slot = Slot(0, common, lambda error: pytest.fail(repr(error)))
    slot._sender = carrier  # type: ignore[assignment]  # what a notifier needs of it
    return slot


@contextmanager
def running(work: threading.Thread, over: threading.Event) -> Iterator[None]:
    work.start()
    try:
        yield
    finally:
        over.set()
        work.join(30)


def lose_the_session_with(bench: SmsBench, postgres: Cluster, role: str) -> None:
    """As when the database goes away: the session that has the role is ended by the server."""
    with closing(open_journal(bench.journal)) as db:
        number = db._role(role) % (1 << 32)  # type: ignore[attr-defined]  # of the lock, as pg_locks has it
    with closing(psycopg.connect(postgres.dsn, autocommit=True)) as admin:
        holders = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid = %s::bigint::oid",
            (number,),
        )
        assert holders.fetchall() == [(True,)]


def test_what_was_accepted_while_the_session_was_lost_is_recorded_and_not_sent_again(
    told: SmsBench, postgres: Cluster
) -> None:
    carrier, over = SlowCarrier(), threading.Event()
    slot = a_slot(told, carrier)
    with running(threading.Thread(target=slot._notify, args=(over,)), over):
        wait_until(lambda: len(carrier.answers) == 1, what="the provider is given the message")
        lose_the_session_with(told, postgres, NOTIFY)
        carrier.answers[0].set_result(Accepted("a-1"))
        wait_until(lambda: told.states() == ["accepted"], what="its acceptance is on record")
        told.now_ms += 120_000  # a doubt would be over, and the other provider asked
        wait_until(lambda: slot._under_way == {}, what="nothing is under way")
    assert len(carrier.answers) == 1
    assert told.rows("SELECT provider, provider_id, attempts FROM notice") == [("a", "a-1", 1)]


def test_it_is_recorded_also_where_another_process_has_the_slot_by_then(told: SmsBench) -> None:
    carrier, stop = SlowCarrier(), threading.Event()
    slot = a_slot(told, carrier)
    with closing(open_journal(told.journal)) as db:
        slot._notifier(db).start_due()
    carrier.answers[0].set_result(Accepted("a-1"))
    with closing(open_journal(told.journal)) as other, closing(slot._open()) as db:
        assert other.take_role(JUDGE, 0)
        with running(threading.Thread(target=slot._attend, args=(db, stop)), stop):
            wait_until(lambda: told.states() == ["accepted"], what="its acceptance is on record")


def test_an_acceptance_that_is_recorded_twice_is_one(told: SmsBench) -> None:
    """The commit was done, and the word of it lost with the session."""
    carrier = SlowCarrier()
    slot = a_slot(told, carrier)
    with closing(slot._open()) as db:
        slot._notifier(db).start_due()
        left = dict(slot._under_way)
        carrier.answers[0].set_result(Accepted("a-1"))
        slot._notifier(db).record()
        before = told.rows("SELECT accepted_ms, attempts FROM notice")
        told.now_ms += 1000
        slot._under_way.update(left)
        slot._notifier(db).record()
    assert told.rows("SELECT accepted_ms, attempts FROM notice") == before
    assert told.history().count("notice_accepted") == 1
