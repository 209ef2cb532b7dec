"""The intake's queue: bounded in messages and in bytes, and what does not fit waits instead of being dropped."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from cunmai_runtime.intake import BoundedQueue, Delivery


def _delivery(size: int, mid: int = 1) -> Delivery:
    return Delivery("t", b"x" * size, 0, mid, 1)


def test_it_is_bounded_in_messages() -> None:
    queue = BoundedQueue(2, 1000)
    assert [queue.put(_delivery(1), 0) for _ in range(3)] == [True, True, False]
    assert queue.held == (2, 2)


def test_it_is_bounded_in_bytes() -> None:
    queue = BoundedQueue(100, 1000)
    assert [queue.put(_delivery(400), 0) for _ in range(3)] == [True, True, False]
    assert queue.held == (2, 800)
    queue.take(1, 1000, 0)
    assert queue.put(_delivery(600), 0)


def test_one_that_is_larger_than_everything_is_let_through_alone() -> None:
    queue = BoundedQueue(100, 1000)
    assert queue.put(_delivery(5000), 0)
    assert not queue.put(_delivery(1), 0)
    assert [len(one.payload) for one in queue.take(10, 1000, 0)] == [5000]
    assert queue.held == (0, 0)


def test_a_batch_is_bounded_too_and_never_empty_where_there_is_something() -> None:
    queue = BoundedQueue(100, 10_000)
    for size in (900, 900, 5, 5, 5):
        queue.put(_delivery(size), 0)
    assert [len(one.payload) for one in queue.take(10, 1000, 0)] == [900]
    assert [len(one.payload) for one in queue.take(3, 1000, 0)] == [900, 5, 5]
    assert [len(one.payload) for one in queue.take(10, 1, 0)] == [5]
    assert queue.take(10, 1000, 0) == []


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 5), st.integers(1, 500))
def test_everything_comes_out_once_in_order_and_the_bounds_hold(
    sizes: list[int], most_messages: int, most_bytes: int
) -> None:
    queue = BoundedQueue(most_messages, most_bytes)
    sent = [_delivery(size, mid) for mid, size in enumerate(sizes)]

    def fill() -> None:
        for delivery in sent:
            while not queue.put(delivery, 1):
                pass

    thread = threading.Thread(target=fill)
    thread.start()
    taken: list[Delivery] = []
    while len(taken) < len(sent):
        messages, size = queue.held
        assert messages <= most_messages
        assert size <= most_bytes or messages == 1
        taken += queue.take(3, 400, 1)
    thread.join()
    assert taken == sent
