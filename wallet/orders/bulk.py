"""Submits many payments at once: all are written down first, then sent in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from dcep.bank.v1 import payments_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import is_undecided
from wallet.orders.order_book import KeptOrder, OrderState
from wallet.orders.submitter import (
    NOT_OURS,
    OrderSubmitter,
    content_of,
    refused_said,
    used_elsewhere,
)
from wallet.orders.types import EXPIRED, PAYMENT, REFUSED

_DONE = (states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_RETURNED)


class Wish(NamedTuple):
    """A payment that is to be made."""

    payee_number: str
    amount_fen: int
    memo: str

    @property
    def content(self) -> bytes:
        """SHA-256 of it; equal for equal payments."""
        return content_of(PAYMENT, self._asdict())


class OrderAnswer(NamedTuple):
    """What a bank said of an order.

    Attributes:
        order: as the book has it now.
        reason: why the bank has not decided about it yet; 0 if it has, or if it is on its way.
    """

    order: KeptOrder
    reason: int = 0

    @property
    def ended(self) -> bool:
        """Whether it was the bank's last word."""
        return self.order.state != OrderState.UNKNOWN


@dataclass(frozen=True)
class BulkPayments:
    """Orders many payments of a wallet, each exactly once.

    The same promises as `OrderSubmitter.place`: an order is in the book before it leaves, and is
    sent again unchanged until somebody answers.
    """

    submitter: OrderSubmitter

    def order(self, run: str, wishes: Sequence[Wish], valid_ms: int = 0) -> list[KeptOrder]:
        """Writes down a new order for each payment, in one transaction; none is sent.

        Args:
            valid_ms: how long each may be carried out; 0: as any payment.

        Raises:
            Refusal: WALLET_USED_ELSEWHERE.
            NoAnswer: the bank has to say first where the wallet stands, and does not.
        """
        submitter = self.submitter
        submitter.begin()
        submitter.check_alone()
        fields = [wish._asdict() for wish in wishes]

        def make(sequences: Sequence[int]) -> list[KeptOrder]:
            return [
                submitter.signed(
                    PAYMENT, each, content_of(PAYMENT, each), sequence, run=run, valid_ms=valid_ms
                )
                for sequence, each in zip(sequences, fields, strict=True)
            ]

        return submitter.book.add_all(submitter.number, len(fields), make)

    def send(self, orders: Sequence[KeptOrder]) -> list[OrderAnswer]:
        """Sends orders together, in one call, and writes down those that have ended.

        Args:
            orders: payments of unknown outcome, as many as one call may carry.

        Returns:
            What the bank says of each, in order.

        Raises:
            Refusal: of the whole call; or WALLET_USED_ELSEWHERE, when the rest is written down.
            NoAnswer: the outcome of all is unknown; the same call again is safe.
        """
        items = self.submitter.bank.pay_many([self.submitter.envelope_of(each) for each in orders])
        said = [self._said(order, item) for order, item in zip(orders, items, strict=True)]
        self.submitter.book.finish_all([one.order for one in said if one.ended])
        if any(
            one.order.reason == errors_pb2.REASON_WALLET_USED_ELSEWHERE for one in said if one.ended
        ):
            self.submitter.book.seen_elsewhere(self.submitter.number, self.submitter.clock.now_ms())
            raise used_elsewhere()
        if any(one.order.reason == errors_pb2.REASON_KEY_REPLACED for one in said if one.ended):
            self.submitter.follow()  # the wallet's signers are others; repeated, it goes on
        # Only the bank's books say of an order that is too old whether it had once come in time.
        return [
            OrderAnswer(self.submitter.look_up(one.order, expired=True))
            if one.reason == errors_pb2.REASON_EXPIRED
            else one
            for one in said
        ]

    def _said(self, order: KeptOrder, item: states_pb2.ItemAnswer) -> OrderAnswer:
        if self.submitter.is_void(order, item.reason):
            return OrderAnswer(order, errors_pb2.REASON_EXPIRED)
        return _said(order, item)


def _said(order: KeptOrder, item: states_pb2.ItemAnswer) -> OrderAnswer:
    if item.state in _DONE:
        answer = payments_pb2.PayResponse(
            payment_id=order.payment_id, state=item.state, repeated=item.repeated
        )
        return OrderAnswer(
            replace(order, state=OrderState.DONE, answer=answer.SerializeToString(), heard=True)
        )
    if item.state not in (REFUSED, EXPIRED):
        return OrderAnswer(order, int(item.reason))
    reason = int(item.reason) or errors_pb2.REASON_EXPIRED
    if reason == errors_pb2.REASON_EXPIRED or is_undecided(reason):
        return OrderAnswer(order, reason)
    if reason in NOT_OURS:
        reason = errors_pb2.REASON_WALLET_USED_ELSEWHERE
    return OrderAnswer(
        replace(
            order,
            state=OrderState.REFUSED,
            reason=reason,
            message=refused_said(reason),
            heard=True,
        )
    )
