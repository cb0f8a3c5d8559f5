"""What an order says about money that comes from the deposit account with it."""

from __future__ import annotations

from collections.abc import Callable

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.errors import Refusal
from wallet.orders.order_book import KeptOrder
from wallet.orders.submitter import OrderSubmitter
from wallet.peers.interface import GET_WALLET


def topping_up(
    submitter: OrderSubmitter, amount_fen: int, *, wanted: bool
) -> Callable[[], dict[str, int]] | None:
    """What `OrderSubmitter.place` asks for before it makes an order, so that what the wallet lacks
    for it comes from the deposit account.

    Args:
        submitter: of the wallet.
        amount_fen: what is paid.
        wanted: whether that is to be; None is returned if not.

    Raises:
        Refusal: when it is asked: NO_DEPOSIT_ACCOUNT, the wallet lacks something and has none.
    """

    def lacking() -> dict[str, int]:
        known = submitter.bank.get_wallet(submitter.query(GET_WALLET))
        missing = amount_fen - known.available_fen
        if missing <= 0:
            return {}
        if not known.has_deposit_account:
            raise Refusal(
                errors_pb2.REASON_NO_DEPOSIT_ACCOUNT,
                N_("the wallet does not hold enough, and has no deposit account to top it up from"),
                field="top_up_fen",
            )
        return {"top_up_fen": missing}

    return lacking if wanted else None


def topped_up_fen(order: KeptOrder) -> int:
    """How much the order of a payment takes out of the deposit account."""
    return int(orders_pb2.PaymentOrder.FromString(order.payload).top_up_fen)
