"""Turns: the longest waiting is next, one at a time, and nobody waits for ever."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from cunmai_rules.journal.opening import open_journal
from cunmai_runtime.turns import Turns, turns_of
from support.servers import wait_until


def waiters(turns: Turns, names: str, order: list[str], *, patience_s: float = 30) -> list[threading.Thread]:
    """Threads that ask for a turn one after the other, each once the one before it waits."""
    threads = []
    for name in names:

        def writes(name: str = name) -> None:
            with turns.turn(patience_s):
                order.append(name)

        thread = threading.Thread(target=writes)
        thread.start()
        threads.append(thread)
        wait_until(lambda: len(turns._waiting) == len(threads), what="it waits")
    return threads


def test_who_has_waited_longest_is_next() -> None:
    turns = Turns()
    order: list[str] = []
    with turns.turn(30):
        threads = waiters(turns, "abcdef", order)
    for thread in threads:
        thread.join(10)
    assert order == list("abcdef")


def test_who_comes_again_at_once_is_behind_those_who_wait() -> None:
    """A thread that writes one transaction after the other leaves nobody out."""
    turns = Turns()
    order: list[str] = []
    with turns.turn(30):
        threads = waiters(turns, "page", order)
    with turns.turn(30):
        order.append("backlog")
    for thread in threads:
        thread.join(10)
    assert order == [*"page", "backlog"]


def test_one_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0
    guard = threading.Lock()

    def writes() -> None:
        nonlocal inside, most
        for _ in range(200):
            with turns.turn(30):
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=writes) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (inside, most) == (0, 1)


def test_whose_patience_is_over_goes_on_without_a_turn_and_is_forgotten() -> None:
    turns = Turns()
    order: list[str] = []
    with turns.turn(30):
        with turns.turn(0.01):
            order.append("impatient")
        assert not turns._waiting
    with turns.turn(30):
        order.append("next")
    assert order == ["impatient", "next"]


def test_a_turn_ends_with_the_error_that_ended_it() -> None:
    turns = Turns()
    for _ in range(2):
        try:
            with turns.turn(30):
                raise OSError("the disk is full")
        except OSError:
            pass
    assert not turns._taken


def test_a_file_has_one_queue_by_whatever_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    kept = turns_of(tmp_path / "rules.sqlite")
    assert turns_of(tmp_path / "sub" / ".." / "rules.sqlite") is kept
    assert turns_of(tmp_path / "other.sqlite") is not kept


def test_a_page_does_not_wait_for_more_than_the_transaction_under_way(tmp_path: Path) -> None:
    """Over a real journal: who writes again at once finds what was written by whoever waited."""
    path = tmp_path / "rules.sqlite"
    with closing(open_journal(path)) as judging:
        turns = turns_of(path)

        def answers() -> None:
            with closing(open_journal(path)) as page, page.transaction():
                page.execute("INSERT INTO sender VALUES ('s', 'page')")

        with judging.transaction():
            thread = threading.Thread(target=answers)
            thread.start()
            wait_until(lambda: turns._waiting, what="the page waits")
        with judging.transaction():
            assert judging.execute("SELECT gateway FROM sender").fetchall() == [("page",)]
        thread.join(10)
