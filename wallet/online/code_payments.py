"""Pays merchant codes through the wallet's bank."""

from __future__ import annotations

import uuid

from dcep.bank.v1.orders_pb2 import PaymentOrder
from dcep.bank.v1.payments_pb2 import PayResponse
from wallet.online.account import OnlineWallet
from wallet.orders.order_book import KeptOrder, OrderState
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.qr.payment_code import PaymentCode

_NAMESPACE = uuid.UUID("6ae0bc4b-2e5c-4d0c-8e3b-1a3f0f6f3c55")


class CodePayments:
    """Pays what a code asks for.

    A code for one payment is paid once from this home: the order's id follows from the code's, so
    whoever scans it again means the same order. Another wallet knows nothing of that.
    """

    def __init__(self, submitter: OrderSubmitter, *, tops_up: bool = False) -> None:
        """`tops_up`: as in `OnlineWallet`."""
        self._submitter = submitter
        self._wallet = OnlineWallet(submitter, tops_up=tops_up)

    def ordered_before(self, code: PaymentCode) -> PaymentOrder | None:
        """The order by which this home has paid a code for one payment, or perhaps has; None if
        there is none, or the code is for many payments.
        """
        if not code.once:
            return None
        _request_id, order = self._newest(code)
        return None if order is None else PaymentOrder.FromString(order.payload)

    def pay(
        self,
        code: PaymentCode,
        amount_fen: int,
        memo: str,
        *,
        anew: bool = False,
        top_up: bool | None = None,
    ) -> Placed[PayResponse]:
        """Pays the wallet that a code names.

        Args:
            code: the code; that it has not ended is the caller's to check.
            amount_fen: how much.
            memo: goes with the payment.
            anew: pays once more what may have been paid already.
            top_up: as in `OnlineWallet.pay`.

        Raises:
            Refusal: as `OnlineWallet.pay`; ID_REUSED if a code for one payment was paid with
                another amount or memo.
            NoAnswer: the same call again does not pay twice.
        """
        request_id = "" if anew or not code.once else self._newest(code)[0]
        return self._wallet.pay(
            code.number, amount_fen, memo, request_id=request_id, anew=anew, top_up=top_up
        )

    def _newest(self, code: PaymentCode) -> tuple[str, KeptOrder | None]:
        """The id of the order for a code, and the order if there is one.

        An order that was refused moved nothing, so the next one has another id.
        """
        attempt = 0
        while True:
            request_id = str(uuid.uuid5(_NAMESPACE, f"{code.number}/{code.request_id}/{attempt}"))
            order = self._submitter.book.find(self._submitter.number, request_id)
            if order is None or order.state != OrderState.REFUSED:
                return request_id, order
            attempt += 1
