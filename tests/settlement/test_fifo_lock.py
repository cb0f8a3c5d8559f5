"""A lock that nobody keeps from those who wait."""

from __future__ import annotations

import threading
import time

from settlement.fifo_lock import FifoLock


def test_one_at_a_time_in_the_order_in_which_they_came() -> None:
    lock, came, inside = FifoLock(), [], 0

    def work(number: int) -> None:
        nonlocal inside
        with lock:
            inside += 1
            came.append((number, inside))
            inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    with lock:
        for count, thread in enumerate(threads, 1):
            thread.start()
            while lock.waiting() < count:
                time.sleep(0.001)
    with lock:  # whoever has just given it back waits behind all of them
        came.append((99, 1))
    for thread in threads:
        thread.join(10)
    assert came == [(number, 1) for number in (*range(20), 99)]


def test_who_takes_it_again_and_again_lets_in_who_waits() -> None:
    lock, got_in = FifoLock(), threading.Event()

    def other() -> None:
        with lock:
            got_in.set()

    with lock:
        thread = threading.Thread(target=other)
        thread.start()
        while not lock.waiting():
            time.sleep(0.001)
    with lock:
        assert got_in.is_set()
    thread.join(10)


def test_it_is_free_again_after_an_error() -> None:
    lock = FifoLock()
    for _ in range(2):
        try:
            with lock:
                raise ValueError("a piece of work that fails")
        except ValueError:
            pass
    with lock:
        pass
