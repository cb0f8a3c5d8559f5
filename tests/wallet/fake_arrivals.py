"""What arrives at a wallet of the bank in memory, as a stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcep.bank.v1 import payments_pb2
from runtime.errors import NoAnswer

if TYPE_CHECKING:
    from tests.wallet.fake_bank import Account


class Arrivals:
    """A stream of what comes to an account after a position, until it is cancelled or cut."""

    def __init__(self, news: threading.Condition, account: Account, position: int) -> None:
        self._news = news
        self._account = account
        self._position = position
        self._ended: str | None = None

    def __iter__(self) -> Iterator[payments_pb2.WatchPaymentsResponse]:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._ended is not None or self._next() is not None)
                if self._ended is not None:
                    if self._ended:
                        raise NoAnswer(self._ended)
                    return
                payment = self._next()
                assert payment is not None
                self._position = payment.position
                available_fen = self._account.available_fen
            yield payments_pb2.WatchPaymentsResponse(payment=payment, available_fen=available_fen)

    def cancel(self) -> None:
        self._end("")

    def cut(self) -> None:
        self._end("the connection was cut")

    def _next(self) -> payments_pb2.Payment | None:
        came = (p for p in self._account.history if p.position > self._position)
        return next((payment for payment in came if payment.change_fen > 0), None)

    def _end(self, why: str) -> None:
        with self._news:
            self._ended = why
            self._news.notify_all()
