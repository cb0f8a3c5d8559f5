"""A watch tells of each arrival once, whatever becomes of its stream."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.online.watching import Watching


class Watcher:
    """Somebody who watches in a thread of their own."""

    def __init__(self, make_app: MakeApp) -> None:
        self.told: queue.Queue[tuple[int, str, int] | None] = queue.Queue()
        self.remarks: queue.Queue[str] = queue.Queue()
        self.failed: list[Exception] = []
        self._holder = make_app("bob").holder()
        self.watching = self._holder.watching(self.remarks.put)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def end(self) -> None:
        self.watching.cancel()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _listen(self) -> None:
        try:
            for arrival in self.watching:
                entry = self._holder.entry(arrival)
                self.told.put((entry.change_fen, entry.memo, entry.balance_after_fen))
        except Exception as error:
            self.failed.append(error)
        self.told.put(None)


@pytest.fixture
def bob(make_app: MakeApp) -> Iterator[Watcher]:
    watcher = Watcher(make_app)
    yield watcher
    watcher.end()


@pytest.fixture
def pay(make_app: MakeApp, bob: Watcher) -> Iterator[object]:
    alice = make_app("alice").holder()
    alice.top_up(10_000)
    number = make_app("bob").profile().number
    yield lambda fen, memo: alice.pay(number, fen, memo)


def test_what_comes_while_the_bank_is_lost_is_told_once_it_is_back(
    bank: FakeBank, bob: Watcher, pay: object
) -> None:
    assert callable(pay)
    pay(300, "first")
    assert bob.told.get(timeout=10) == (300, "first", 300)
    bank.down = True
    bank.cut_watches()
    assert "does not answer (the connection was cut)" in bob.remarks.get(timeout=10)
    bank.down = False
    pay(400, "meanwhile")
    pay(500, "meanwhile too")
    assert bob.remarks.get(timeout=10) == "The bank answers again."
    assert bob.told.get(timeout=10) == (400, "meanwhile", 1_200)
    assert bob.told.get(timeout=10) == (500, "meanwhile too", 1_200)
    pay(600, "last")
    assert bob.told.get(timeout=10) == (600, "last", 1_800)
    assert bob.told.empty()


def test_a_stream_that_ends_without_an_arrival_leaves_nothing_out(
    bank: FakeBank, bob: Watcher, pay: object
) -> None:
    assert callable(pay)
    bank.cut_watches()
    bob.remarks.get(timeout=10)
    pay(300, "only")
    assert bob.told.get(timeout=10) == (300, "only", 300)


def test_a_final_no_ends_it(bank: FakeBank, bob: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> object:
        raise Refusal(errors_pb2.REASON_WALLET_CLOSED, "it is closed")

    monkeypatch.setattr(bank, "list_payments", closed)
    bank.cut_watches()
    assert bob.told.get(timeout=10) is None
    assert [type(error) for error in bob.failed] == [Refusal]


def test_a_bank_that_is_away_from_the_start_is_said_at_once(
    bank: FakeBank, make_app: MakeApp
) -> None:
    holder = make_app("carol").holder()
    bank.down = True
    with pytest.raises(NoAnswer):
        holder.watching()


def test_cancelled_before_it_began_it_ends(make_app: MakeApp) -> None:
    watching = make_app("carol").holder().watching()
    assert isinstance(watching, Watching)
    watching.cancel()
    assert list(watching) == []
