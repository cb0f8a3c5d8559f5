"""What arrives at a wallet of the bank in memory, as a stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcep.bank.v1 import orders_pb2, payments_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal

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


def check_question(payload: bytes, method: str, now_ms: int) -> None:
    """Refuses a question that no bank answers at this time."""
    asked = orders_pb2.Query.FromString(payload)
    assert (asked.bank, asked.method) == ("alpha", method)
    if asked.created_time_ms > now_ms + 60_000:
        raise Refusal(errors_pb2.REASON_NOT_YET_VALID, "it was made in the future")
    if asked.expires_time_ms < now_ms:
        raise Refusal(errors_pb2.REASON_EXPIRED, "it has expired")
