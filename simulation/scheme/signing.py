"""A wallet on two phones, and then of two who sign together, at the end of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from google.protobuf.message import Message
from nacl.signing import SigningKey

from currency.key_code import code_of
from dcep.bank.v1 import orders_pb2, signers_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.envelope import sign_payload
from runtime.errors import Refusal
from wallet.app import App
from wallet.limits import ORDER_VALID_MS, QUERY_VALID_MS
from wallet.online.keys import IN_FORCE, KeyHere
from wallet.orders.order_book import PLACES
from wallet.orders.releases import WaitsForOthers
from wallet.orders.signed_now import signed_now
from wallet.peers.interface import GET_RELEASE, GET_WALLET, LIST_PENDING

_RELEASE = states_pb2.SIGNER_ROLE_RELEASE
_FEN = 1
Paid = tuple[str, int]
"""The id of a payment, and its fen."""


class TwoSign:
    """A wallet's home, and a second phone that it lets in."""

    def __init__(self, app: App) -> None:
        """Lets another key in. Raises Refusal, if the wallet cannot have another list."""
        self._app = app
        first = app.key_here()
        key = SigningKey(hashlib.sha256(f"second of {first.number}".encode()).digest())
        self._second = KeyHere(
            first.number, first.bank_name, key, first.bank, first.clock, is_signer=True
        )
        self._second.request()
        app.signers().add(code_of(self._second.public), _RELEASE, "second", lambda _: None)
        assert self._second.state().state == IN_FORCE, f"{first.number} has no second phone"

    def pay(self, payee: str) -> Iterator[Paid]:
        """The second phone pays alone; then it takes both, and no one of them moves anything.

        Yields:
            What was paid, as soon as the bank has said so; below zero what was taken out.
        """
        with suppress(Refusal):
            answer = self._second.bank.pay(self._order(payee))
            yield answer.payment_id, _FEN
        self._app.signers().set_threshold(2, lambda: None)
        bank = self._second.bank
        for alone in (
            lambda: bank.pay(self._order(payee)),
            lambda: bank.exchange(self._cash_out()),
        ):
            _refused(alone)
        yield from self._release()
        prepared = self._app.together().prepare(payee, _FEN, anew=True)
        assert not prepared.message.done, "one signature was enough"
        payload = prepared.order.payload
        kind, name = orders_pb2.PaymentOrder, self._second.key_id
        envelope = sign_payload(kind, payload, self._second.key, name)
        with suppress(Refusal):
            signed = self._second.bank.sign(signers_pb2.SignRequest(payment=envelope))
            assert signed.done, "two signatures were not enough"
            yield signed.paid.payment_id, _FEN

    def _release(self) -> Iterator[Paid]:
        """The first phone takes money out once the second has released it, and not before."""
        try:
            self._app.holder().cash_out(_FEN, anew=True)
        except WaitsForOthers as waits:
            assert waits.missing == 1, "it takes another number of signatures"
        else:
            raise AssertionError("one of two has taken money out alone")
        here, kind = self._second, signers_pb2.ReleaseOrder
        pending = here.bank.list_pending(self._query(LIST_PENDING)).pending
        [digest] = [bytes(one.order_digest) for one in pending if one.is_release]
        payload = here.bank.get_release(self._query(GET_RELEASE), digest).payload
        envelope = sign_payload(kind, payload, here.key, here.key_id)
        signed = here.bank.sign(signers_pb2.SignRequest(release=envelope))
        assert signed.done, "two signatures were not enough"
        with suppress(Refusal):
            placed = self._app.holder().cash_out(_FEN)
            yield placed.order.payment_id, -_FEN

    def _query(self, method: str) -> SignedEnvelope:
        return self._second.signed(orders_pb2.Query, QUERY_VALID_MS, method=method)

    def _cash_out(self) -> SignedEnvelope:
        """An exchange with a sequence of the second phone's."""
        return self._signed(
            orders_pb2.ExchangeOrder,
            direction=orders_pb2.EXCHANGE_DIRECTION_CASH_OUT,
            medium=orders_pb2.EXCHANGE_MEDIUM_DEPOSIT,
            amount_fen=_FEN,
        )

    def _order(self, payee: str) -> SignedEnvelope:
        """A payment with a sequence of the second phone's."""
        return self._signed(orders_pb2.PaymentOrder, payee_number=payee, amount_fen=_FEN)

    def _signed(self, kind: Callable[..., Message], **fields: object) -> SignedEnvelope:
        """An order with a sequence of the second phone's."""
        here = self._second
        known = here.bank.get_wallet(self._query(GET_WALLET))
        low = known.last_sequence + 1
        return signed_now(
            kind,
            ORDER_VALID_MS,
            number=here.number,
            key=here.key,
            clock=here.clock,
            key_id=here.key_id,
            sequence=low + (known.signer.place - low) % PLACES,
            **fields,
        )


def _refused(order: Callable[[], object]) -> None:
    """Raises AssertionError unless one of two signers is refused what takes both."""
    try:
        order()
    except Refusal as refusal:
        assert refusal.reason == errors_pb2.REASON_SIGNER_MAY_NOT, refusal.name
    else:
        raise AssertionError("one of two has ordered alone")
