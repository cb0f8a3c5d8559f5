"""Requests to pay at the bank in memory; it believes whatever is ordered about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from dcep.bank.v1 import asking_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from wallet.peers.interface import LIST_ASKED


@dataclass
class FakeAsking:
    """The part of `wallet.peers.interface.BankPort` that is about requests to pay.

    Attributes:
        asked: the requests, by id.
        blocked: what was ordered about askers.
        changes: what was ordered about requests.
    """

    asked: dict[str, asking_pb2.Asked] = field(default_factory=dict, kw_only=True)
    blocked: list[orders_pb2.BlockAskerOrder] = field(default_factory=list, kw_only=True)
    changes: list[orders_pb2.ChangeAskedOrder] = field(default_factory=list, kw_only=True)

    if TYPE_CHECKING:  # of the bank itself
        _lose: ClassVar[Any]
        _once: ClassVar[Any]
        _pay: ClassVar[Any]
        _asker: ClassVar[Any]

    def ask(self, order: SignedEnvelope) -> asking_pb2.AskResponse:
        self._lose("mute_before")
        request = orders_pb2.RequestToPay.FromString(order.payload)
        name = f"{request.wallet_number}-{request.nonce.hex()}"
        self.asked[name] = asking_pb2.Asked(request=order, state=asking_pb2.ASKED_STATE_OPEN)
        self._lose("mute_after")
        return asking_pb2.AskResponse(request_to_pay_id=name)

    def pay_asked(self, order: SignedEnvelope) -> asking_pb2.PayAskedResponse:
        content = orders_pb2.PaymentOrder.FromString(order.payload)
        paid = self._once(orders_pb2.PaymentOrder, order, self._pay)
        self.asked[content.request_to_pay_id].state = asking_pb2.ASKED_STATE_PAID
        self.asked[content.request_to_pay_id].paid_fen = content.amount_fen
        return asking_pb2.PayAskedResponse(
            payment_id=paid.payment_id, state=paid.state, available_fen=paid.available_fen
        )

    def change_asked(self, order: SignedEnvelope) -> asking_pb2.ChangeAskedResponse:
        change = orders_pb2.ChangeAskedOrder.FromString(order.payload)
        self.changes.append(change)
        asked = self.asked[change.request_to_pay_id]
        if change.change == orders_pb2.ASKED_CHANGE_REMIND:
            asked.reminders += 1
        elif change.change == orders_pb2.ASKED_CHANGE_DECLINE:
            asked.state = asking_pb2.ASKED_STATE_DECLINED
        elif change.change == orders_pb2.ASKED_CHANGE_ALLOW:
            asked.state = asking_pb2.ASKED_STATE_PAID
        else:
            asked.state = asking_pb2.ASKED_STATE_WITHDRAWN
        return asking_pb2.ChangeAskedResponse(asked=asked)

    def block_asker(self, order: SignedEnvelope) -> asking_pb2.BlockAskerResponse:
        self.blocked.append(orders_pb2.BlockAskerOrder.FromString(order.payload))
        return asking_pb2.BlockAskerResponse()

    def list_asked(
        self, query: SignedEnvelope, page_size: int, page_token: str, request_to_pay_id: str
    ) -> asking_pb2.ListAskedResponse:
        self._asker(query, LIST_ASKED)
        found = [self.asked[name] for name in reversed(self.asked)]
        if request_to_pay_id:
            found = [self.asked[request_to_pay_id]] if request_to_pay_id in self.asked else []
        return asking_pb2.ListAskedResponse(asked=found)
