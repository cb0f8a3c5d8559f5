"""A company's wallet in tests: what takes several signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from dcep.bank.v1 import signers_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from tests.operator_bank.signers import PREPARE, SEE, Member, first, listed, same
from tests.operator_bank.system import Holder, System

PAYMENT, REFUND, EXCHANGE, CLOSE = (
    signers_pb2.RELEASED_KIND_PAYMENT,
    signers_pb2.RELEASED_KIND_REFUND,
    signers_pb2.RELEASED_KIND_EXCHANGE,
    signers_pb2.RELEASED_KIND_CLOSE,
)


class Company:
    """A wallet of which any two of three release, a clerk prepares, and an auditor looks."""

    def __init__(self, system: System, bob: Holder) -> None:
        bob.exchange(1_000)
        self.system, self.number = system, bob.number
        self.ann = first(bob)
        self.ben, self.cat = Member(system, bob.number, 1), Member(system, bob.number, 2)
        self.clerk = Member(system, bob.number, 3, role=PREPARE)
        self.looker = Member(system, bob.number, 4, role=SEE)
        self.all = [self.ann, self.ben, self.cat, self.clerk, self.looker]
        listed(self.ann, self.all, threshold=2)

    @property
    def fen(self) -> int:
        wallet = self.system.bank.directory.get(self.number)
        return self.system.bank.wallets.state(wallet).available_fen

    def sign(self, envelope: SignedEnvelope, by: Member | None = None) -> Any:
        """Has a payment signed: as it is, or the same bytes by somebody."""
        if by is not None:
            envelope = same(envelope, by)
        return self.system.bank.together.sign_payment(envelope, 0.0)

    def sign_list(self, envelope: SignedEnvelope, by: Member | None = None) -> Any:
        if by is not None:
            envelope = same(envelope, by, signers_pb2.SignersOrder)
        return self.system.bank.together.sign_list(envelope)

    def sign_release(self, envelope: SignedEnvelope, by: Member | None = None) -> Any:
        if by is not None:
            envelope = same(envelope, by, signers_pb2.ReleaseOrder)
        return self.system.bank.together.sign_release(envelope)

    def withdraw(self, order: SignedEnvelope, by: Member) -> None:
        digest = hashlib.sha256(order.payload).digest()
        said = by.signed(signers_pb2.WithdrawOrder, order_digest=digest, bank="alpha")
        self.system.bank.together.withdraw(said)

    @property
    def waiting(self) -> list[signers_pb2.PendingOrder]:
        wallet = self.system.bank.directory.get(self.number)
        return self.system.bank.together.pending(wallet)


def releasing(
    by: Member, orders: Iterable[SignedEnvelope], kind: int = PAYMENT, **values: Any
) -> SignedEnvelope:
    """A release of these orders, signed by somebody."""
    items = [signers_pb2.ReleaseItem(kind=kind, payload=each.payload) for each in orders]  # type: ignore[arg-type]
    number = by.system.bank.directory.get(by.number).key_number
    fields = {"list_number": number, "place": by.place, "items": items, "bank": "alpha"}
    return by.signed(signers_pb2.ReleaseOrder, **{**fields, **values})


def pay(company: Company, order: SignedEnvelope) -> Any:
    return company.system.bank.payments.pay(order, 0.0)[0]


def released(company: Company, orders: list[SignedEnvelope], kind: int = PAYMENT) -> SignedEnvelope:
    """Two of three release what the clerk has prepared."""
    release = releasing(company.clerk, orders, kind)
    assert not company.sign_release(release).done
    assert not company.sign_release(release, company.ann).done
    assert company.sign_release(release, company.cat).done
    return release
