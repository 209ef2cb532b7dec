"""What the journal promises, over both kinds of database, and what several workers of one journal rely on.

The stories of tests/unit/rules run over both kinds, too: this suite is about the journal itself.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.agreed import agree, exchange
from cunmai_rules.journal.database import Database, JournalAt, Share, StatementRefused, part_of
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.events import Events
from cunmai_rules.journal.judgements import REFUSED, Judgements, subject_of
from cunmai_rules.journal.notices import Notice
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.memory import NOTHING_YET
from cunmai_runtime.errors import Retryable
from cunmai_wire.events import Grade, Lane, NoticeState
from support.postgres import Cluster

STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"
NOW_MS = 1_767_323_045_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> JournalAt:
    if request.param == "sqlite":
        return tmp_path / "rules.sqlite"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.schema()


@pytest.fixture
def db(at: JournalAt) -> Iterator[Database]:
    with closing(open_journal(at)) as db:
        yield db


@pytest.fixture
def other(at: JournalAt, db: Database) -> Iterator[Database]:
    """A second connection, as of another thread or worker."""
    with closing(open_journal(at)) as other:
        yield other


def escalation(id_: str = "e1", subject: str = "R-1", **changes: object) -> Escalation:
    values = {
        "id": id_, "subject": subject, "gateway": "cz-01", "device": "oxi-1", "resident": subject,
        "rule": "spo2-low", "version": "1", "grade": Grade.RED, "lane": Lane.PAGE, "reason": "limit_met",
        "stream": STREAM, "seq": 1, "reading_t_ms": NOW_MS, "opened_ms": NOW_MS, "contacts": ("village",),
        "rules": ("spo2-low",),
    }  # fmt: skip
    return Escalation(**(values | changes))  # type: ignore[arg-type]


def notice(id_: str, of: str = "e1", due_ms: int = NOW_MS) -> Notice:
    return Notice(id_, of, "village", 1, NoticeState.QUEUED, 0, due_ms, NOW_MS)


class Undone(Exception):
    """What a test raises in the middle of something."""


def take_and_fail(db: Database) -> None:
    with db.transaction():
        Judgements(db).take(STREAM, 1)
        raise Undone


def take_and_err(db: Database) -> None:
    with db.savepoint():
        Judgements(db).take(STREAM, 2)
        db.execute("INSERT INTO nowhere VALUES (1)")


def tell_and_fail(db: Database) -> None:
    with db.transaction():
        tell(db, "gone")
        raise Undone


def lock_and_fail(db: Database) -> None:
    with db.savepoint():
        db.lock(("R-1",))
        raise Undone


# -- transactions ---------------------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(db: Database, other: Database) -> None:
    with pytest.raises(Undone):
        take_and_fail(db)
    assert not Judgements(db).seen(STREAM, 1)
    with db.transaction():
        Judgements(db).take(STREAM, 1)
    assert Judgements(other).seen(STREAM, 1)


def test_what_is_not_committed_is_seen_by_nobody_else(db: Database, other: Database) -> None:
    with db.transaction():
        Judgements(db).take(STREAM, 1)
        assert not Judgements(other).seen(STREAM, 1)
    assert Judgements(other).seen(STREAM, 1)


def test_a_part_that_fails_is_undone_alone(db: Database) -> None:
    judgements = Judgements(db)
    with db.transaction():
        judgements.take(STREAM, 1)
        with pytest.raises(StatementRefused):
            take_and_err(db)
        judgements.take(STREAM, 3)
    assert [judgements.seen(STREAM, seq) for seq in (1, 2, 3)] == [True, False, True]


def test_after_a_failed_statement_nothing_is_committed_by_mistake(db: Database) -> None:
    """SQLite undoes the statement alone, PostgreSQL refuses the rest: either way, no half is kept unnoticed."""
    refused = False
    try:
        with db.transaction():
            db.execute("INSERT INTO agreed VALUES ('a', '1')")
            try:
                db.execute("INSERT INTO agreed VALUES ('a', '2')")
            except StatementRefused:
                refused = True
    except StatementRefused:
        assert db.execute("SELECT value FROM agreed").fetchall() == []
    else:
        assert db.execute("SELECT value FROM agreed").fetchall() == [("1",)]
    assert refused


def test_an_error_quotes_no_row(db: Database) -> None:
    db.execute("INSERT INTO agreed VALUES ('13800000001', 'x')")
    with pytest.raises(StatementRefused) as caught:
        db.execute("INSERT INTO agreed VALUES ('13800000001', 'y')")
    assert "13800000001" not in str(caught.value)


def test_a_journal_opens_again_with_what_was_in_it(at: JournalAt) -> None:
    with closing(open_journal(at)) as db:
        agree(db, "name", "value")
    with closing(open_journal(at)) as db:
        assert db.execute("SELECT value FROM agreed WHERE name = 'name'").fetchall() == [("value",)]


def test_many_open_a_new_journal_at_once(at: JournalAt) -> None:
    failed: list[BaseException] = []

    def opened() -> None:
        try:
            open_journal(at).close()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failed.append(error)

    threads = [threading.Thread(target=opened) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []


# -- what was seen, and states --------------------------------------------------------------------------------


def test_a_reading_is_taken_once_as_judged_or_refused(db: Database) -> None:
    judgements = Judgements(db)
    with db.transaction():
        assert judgements.take(STREAM, 5)
        assert not judgements.take(STREAM, 5)
        assert not judgements.take(STREAM, 5, REFUSED)
        assert judgements.take(STREAM, 6, REFUSED)
        assert judgements.take(STREAM, 4)
    assert db.execute("SELECT what, first, last FROM held ORDER BY first").fetchall() == [
        ("judged", 4, 5),
        ("refused", 6, 6),
    ]


def test_a_stream_is_its_first_senders_for_ever(db: Database) -> None:
    with db.transaction():
        assert Judgements(db).belongs_to(STREAM, "cz-01")
        assert not Judgements(db).belongs_to(STREAM, "cz-02")
    with db.transaction():
        assert Judgements(db).belongs_to(STREAM, "cz-01")


def test_a_digest_lasts_as_long_as_its_reading(db: Database) -> None:
    judgements, subject = Judgements(db), subject_of("cz-01", "oxi-1", "R-1")
    seen = Observation(STREAM, 1, "oximetry", NOW_MS, {"spo2_pct": 97.0}, ("motion",), late=False)
    with db.transaction():
        judgements.record(subject, seen, NOW_MS, "d1", ())
    assert judgements.digest(STREAM, 1) == "d1"
    (kept,) = judgements.around("R-1", NOW_MS - 1, NOW_MS + 1)
    assert (kept.values, kept.quality, kept.late) == ({"spo2_pct": 97.0}, ("motion",), False)
    with db.transaction():
        assert judgements.forget_before(NOW_MS + 1) == 1
    assert judgements.digest(STREAM, 1) is None


def test_a_corrected_reading_counts_for_nobody_also_where_it_comes_later(db: Database) -> None:
    judgements, subject = Judgements(db), subject_of("cz-01", "oxi-1", "R-1")
    with db.transaction():
        judgements.correct(STREAM, 2)
        for seq in (1, 2):
            seen = Observation(STREAM, seq, "oximetry", NOW_MS + seq, {}, (), late=False)
            corrected = judgements.is_corrected(STREAM, seq)
            judgements.record(subject, seen, NOW_MS, "d", (), corrected=corrected)
        judgements.correct(STREAM, 1)
        judgements.correct(STREAM, 1)
    assert judgements.around("R-1", 0, NOW_MS * 2) == []
    assert judgements.since("R-1", (-1, "", 0)) == []


def test_each_worker_looks_after_its_own_parts(at: JournalAt, db: Database) -> None:
    subjects = [subject_of("cz-01", "oxi-1", f"R-{number}") for number in range(200)]
    with db.transaction():
        for subject in subjects:
            Judgements(db).save_memory(subject, NOTHING_YET, NOW_MS, NOTHING_YET)
    assert len({part_of(subject.id) for subject in subjects}) > 50
    of = [due_in(at, slot) for slot in range(3)]
    if isinstance(at, Path):  # one file, one worker: each connection looks after all
        assert [len(one) for one in of] == [200] * 3
        return
    assert sorted(id_ for one in of for id_ in one) == sorted(subject.id for subject in subjects)
    assert all({part_of(id_) % 3 for id_ in one} == {slot} for slot, one in enumerate(of))


def due_in(at: JournalAt, slot: int) -> list[str]:
    with closing(open_journal(at, Share(slot, 3))) as db, db.transaction():
        return [subject.id for subject in Judgements(db).due_subjects(NOW_MS, 500)]


def test_the_part_of_a_subject_is_the_same_for_ever() -> None:
    """crc32 as of zlib, modulo 64; as gzip computes it."""
    assert (part_of("R-7F3K"), part_of("居民")) == (0xC55B2FA8 % 64, 0xCEC9ED47 % 64)


def test_rules_that_are_removed_are_told_once_and_to_every_worker(at: JournalAt, db: Database) -> None:
    with db.transaction():
        assert Judgements(db).take_rules({"a", "b"}) == []
        assert Judgements(db).take_rules({"a", "b"}) == []
        assert Judgements(db).take_rules({"a"}) == ["b"]
        assert Judgements(db).take_rules({"a"}) == []


# -- escalations ----------------------------------------------------------------------------------------------


def test_an_escalation_comes_back_as_it_was_saved(db: Database) -> None:
    before = escalation(due_ms=NOW_MS + 5, raised=("spo2-low",))
    with db.transaction():
        Escalations(db).save(before)
    assert Escalations(db).get("e1") == before
    assert Escalations(db).counts() == {(Lane.PAGE, Status.OPEN): 1}


def test_a_deadline_is_due_when_it_has_passed_or_the_clock_was_set_back(db: Database) -> None:
    with db.transaction():
        for id_, due_ms in (
            ("past", -1), ("soon", 10), ("of a clock ahead", 61_000), ("absurd", 61_001), ("never", None),
        ):  # fmt: skip
            due = None if due_ms is None else NOW_MS + due_ms
            Escalations(db).save(escalation(id_, f"R-{id_}", due_ms=due))
    with db.transaction():
        assert {one.id for one in Escalations(db).overdue(NOW_MS, 1000, 10)} == {"past", "absurd"}


def test_a_notice_is_made_once_and_listed_while_it_is_queued(db: Database) -> None:
    escalations = Escalations(db)
    with db.transaction():
        escalations.save(escalation())
        escalations.add_notice(notice("n1"))
        escalations.add_notice(notice("n1"))
        escalations.add_notice(notice("n2", due_ms=NOW_MS + 10))
    assert [one.id for one in escalations.due_notices(NOW_MS, 1000, 10)] == ["n1"]
    assert len(escalations.notices("e1")) == 2


def test_history_is_append_only_while_its_escalation_stands(db: Database) -> None:
    escalations = Escalations(db)
    with db.transaction():
        escalations.save(escalation())
        escalations.log(NOW_MS, "e1", "opened", "rules", why="测试")
    for statement in ("UPDATE history SET actor = 'x'", "DELETE FROM history"):
        with pytest.raises(StatementRefused, match="append-only"):
            db.execute(statement)
    with pytest.raises(StatementRefused, match="cannot be removed"):
        db.execute("DELETE FROM escalation")
    assert [entry.detail for entry in escalations.history("e1")] == [{"why": "测试"}]


def test_what_was_closed_long_ago_goes_with_everything_of_it(db: Database) -> None:
    escalations = Escalations(db)
    with db.transaction():
        escalations.save(escalation(status=Status.CLOSED, closed_ms=NOW_MS))
        escalations.save(escalation("e2"))
        escalations.add_notice(notice("n1"))
        escalations.add_link("token", "e1", "village", NOW_MS)
        escalations.log(NOW_MS, "e1", "opened", "rules")
    assert escalations.link("token") == ("e1", "village", NOW_MS)
    with db.transaction():
        assert escalations.forget_closed(NOW_MS, 10) == 0
        assert escalations.forget_closed(NOW_MS + 1, 10) == 1
    left = {
        table: len(db.execute(f"SELECT 1 FROM {table}").fetchall()) for table in ("notice", "link", "history")
    }
    assert left == {"notice": 0, "link": 0, "history": 0}
    assert [one.id for one in escalations.newest(10)] == ["e2"]


# -- events ---------------------------------------------------------------------------------------------------


def tell(db: Database, text: str) -> None:
    Events(db).add(
        "cz-01", NOW_MS, "escalation_closed", device="oxi-1", resident="R-1", escalation=text, reason="test"
    )


def numbers(db: Database, now_ms: int = NOW_MS) -> list[tuple[int, str]]:
    """Number and escalation of what is to be sent now."""
    with db.transaction():
        pending = Events(db).pending(now_ms, now_ms)
    return [
        (seq, json.loads(body)["escalation"])
        for one in pending
        for seq, body in zip(one.seqs, one.bodies, strict=True)
    ]


def test_events_are_numbered_without_gaps_whatever_was_undone(db: Database) -> None:
    with db.transaction():
        tell(db, "e1")
    with pytest.raises(Undone):
        tell_and_fail(db)
    with db.transaction():
        tell(db, "e2")
    assert numbers(db) == [(1, "e1"), (2, "e2")]
    with db.transaction():
        tell(db, "e3")
        assert Events(db).waiting() == 3
    assert numbers(db) == [(1, "e1"), (2, "e2"), (3, "e3")]
    for _, body in db.execute("SELECT seq, body FROM event ORDER BY n"):
        assert json.loads(body)["seq"] > 0


def test_a_number_is_never_given_twice_also_when_all_before_it_are_receipted(db: Database) -> None:
    for last in (1, 2, 3):
        with db.transaction():
            tell(db, f"e{last}")
        assert numbers(db) == [(last, f"e{last}")]
        with db.transaction():
            Events(db).receipted([(1, last)])
    assert Events(db).stream() == Events(db).stream()
    assert str(uuid.UUID(Events(db).stream())) == Events(db).stream()


@pytest.mark.server
def test_events_of_transactions_that_end_in_another_order_leave_no_gap(postgres: Cluster) -> None:
    at = postgres.schema()
    with (
        closing(open_journal(at)) as one,
        closing(open_journal(at)) as two,
        closing(open_journal(at)) as sender,
    ):
        with one.transaction():
            tell(one, "began first")
            with two.transaction():
                tell(two, "ended first")
            assert numbers(sender) == [(1, "ended first")]
        assert numbers(sender) == [(1, "ended first"), (2, "began first")]


# -- locks ----------------------------------------------------------------------------------------------------


def test_whoever_locks_later_sees_what_the_first_has_written(db: Database, other: Database) -> None:
    """Two workers add one to the same thing, many times: no addition is lost."""

    def add(mine: Database) -> None:
        for _ in range(40):
            with mine.transaction():
                mine.lock(("R-1", "R-2"))
                row = mine.execute("SELECT value FROM agreed WHERE name = 'sum'").fetchone()
                value = str(int(row[0]) + 1 if row else 1)
                mine.execute(
                    "INSERT INTO agreed VALUES ('sum', :v) ON CONFLICT (name) DO UPDATE SET value = :v",
                    {"v": value},
                )

    in_thread(add, db, other)
    assert db.execute("SELECT value FROM agreed").fetchall() == [("80",)]


def in_thread(work: Callable[[Database], None], mine: Database, theirs: Database) -> None:
    """The same work over two connections at once. (SQLite's belong to their threads: both in turn.)"""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work(theirs)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failed.append(error)

    if type(mine).__name__ == "SqliteDatabase":
        work(theirs)
    thread = threading.Thread(target=guarded)
    if type(mine).__name__ != "SqliteDatabase":
        thread.start()
    work(mine)
    if thread.ident:
        thread.join(60)
    assert failed == []


@pytest.mark.server
def test_what_another_has_locked_is_left_for_later(postgres: Cluster) -> None:
    at = postgres.schema()
    with closing(open_journal(at)) as one, closing(open_journal(at)) as two:
        with one.transaction():
            one.lock(("R-1",))
            with two.transaction():
                assert set(two.lock_free(["R-1", "R-2"])) == {"R-2"}
        with two.transaction():
            assert set(two.lock_free(["R-1", "R-2"])) == {"R-1", "R-2"}


@pytest.mark.server
def test_locks_of_an_undone_part_are_taken_anew(postgres: Cluster) -> None:
    at = postgres.schema()
    with closing(open_journal(at)) as one, closing(open_journal(at)) as two, one.transaction():
        with pytest.raises(Undone):
            lock_and_fail(one)
        with two.transaction():
            assert two.lock_free(["R-1"]) == ["R-1"]
        one.lock(("R-1",))
        with two.transaction():
            assert two.lock_free(["R-1"]) == []


@pytest.mark.server
def test_waiting_in_a_circle_ends_and_may_be_tried_again(postgres: Cluster) -> None:
    at = postgres.schema()
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def lock(first: str, second: str) -> None:
        with closing(open_journal(at)) as db:
            try:
                with db.transaction():
                    db.lock((first,))
                    both.wait(10)
                    db.lock((second,))
                outcomes.append("done")
            except Retryable:
                outcomes.append("again")

    threads = [threading.Thread(target=lock, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["again", "done"]


def test_the_first_to_say_it_is_agreed_with(db: Database) -> None:
    assert agree(db, "link key", "a")
    assert agree(db, "link key", "a")
    assert not agree(db, "link key", "b")
    assert (exchange(db, "x", "1"), exchange(db, "x", "2")) == (None, "1")
