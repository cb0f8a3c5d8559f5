"""What tests of wallets' signers share: phones and people who sign for one wallet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import (
    aliases_pb2,
    keys_pb2,
    orders_pb2,
    signers_pb2,
    states_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.wallets.signers import PLACES
from runtime.envelope import key_id, sign_payload
from runtime.errors import Refusal
from settlement.records import first_sequence
from tests.device_keys import NONCE
from tests.operator_bank.keys import rotation, said
from tests.operator_bank.system import FOREIGN, Holder, System

SEE, PREPARE, RELEASE = (
    states_pb2.SIGNER_ROLE_SEE,
    states_pb2.SIGNER_ROLE_PREPARE,
    states_pb2.SIGNER_ROLE_RELEASE,
)


class Member(Holder):
    """Somebody, or a phone, in a place of a wallet's list of signers."""

    def __init__(
        self,
        system: System,
        number: str,
        place: int,
        key: SigningKey | None = None,
        role: int = RELEASE,
        *,
        named: bool = True,
    ) -> None:
        super().__init__(system, system.bank.directory.get(number), key or SigningKey.generate())
        self.place, self.role, self.named = place, role, named

    def signed(self, kind: type, **values: Any) -> SignedEnvelope:
        envelope = super().signed(kind, **values)
        if self.named:
            envelope.key_id += b"-" + key_id(bytes(self.key.verify_key))
        return envelope

    def next(self) -> int:
        """Its next sequence under the list that is in force."""
        number = self.system.bank.directory.get(self.number).key_number
        low = max(self.sequence, first_sequence(number)) + 1
        self.sequence = low + (self.place - low) % PLACES
        return self.sequence

    def item(self, *, asks: bool = True) -> signers_pb2.Signer:
        """Its line in a list."""
        line = signers_pb2.Signer(
            place=self.place,
            public_key=bytes(self.key.verify_key),
            role=self.role,  # type: ignore[arg-type]
            label=f"place {self.place}",
        )
        if asks:
            request = said(self.system, keys_pb2.KeyRequest, self.number, self.key)
            line.request.CopyFrom(request)
        return line


def first(holder: Holder) -> Member:
    """A wallet's only key, as it will be in place 0."""
    return Member(holder.system, holder.number, 0, holder.key, named=False)


def listing(by: Holder, members: Iterable[Member | signers_pb2.Signer], **more: Any) -> Any:
    """An order with these signers, signed by one who may."""
    signers = [one if isinstance(one, signers_pb2.Signer) else one.item() for one in members]
    number = by.system.bank.directory.get(by.number).key_number + 1
    fields = {"list_number": number, "signers": signers, "threshold": 1, "bank": "alpha", **more}
    return by.signed(signers_pb2.SignersOrder, **fields)


def listed(by: Holder, members: Sequence[Member], **more: Any) -> None:
    """Puts a list in force."""
    by.system.bank.signers.change(listing(by, members, **more))


def same(envelope: SignedEnvelope, by: Member, kind: type = orders_pb2.PaymentOrder) -> Any:
    """The same bytes, signed by somebody else."""
    name = by.number.encode()
    if by.named:
        name += b"-" + key_id(bytes(by.key.verify_key))
    return sign_payload(kind, envelope.payload, by.key, name)


def every_order(of: Member, payee: str) -> dict[str, Callable[[], Any]]:
    """Every call that moves money or changes a wallet, by a signer alone."""
    bank, deposit = of.system.bank, b"no deposit"
    now_ms = of.system.clock.now_ms()
    device = SigningKey.generate()
    return {
        "pay": lambda: bank.payments.pay(of.order(payee, 1), 0.0),
        "pay abroad": lambda: bank.payments.pay(of.order(FOREIGN, 1), 0.0),
        "pay many": lambda: _first(bank.payments.pay_many([of.order(payee, 1)])),
        "pay together": lambda: _first(bank.payments.pay_together([of.order(payee, 1)])),
        "top up": lambda: bank.exchange.exchange(of.exchange_order(1)),
        "cash out": lambda: bank.exchange.exchange(of.exchange_order(1, out=True)),
        "many exchanges": lambda: _first(bank.exchange.exchange_many([of.exchange_order(1)])),
        "close": lambda: bank.wallets.close(of.closing()),
        "sweep": lambda: bank.sweep_orders.order(
            of.signed(orders_pb2.SweepOrder, sequence=of.next(), sweeps=True)
        ),
        "refund": lambda: bank.refunds.refund(
            of.signed(
                orders_pb2.RefundOrder,
                sequence=of.next(),
                refunds_payment_id=f"{payee}-1",
                refunds_position=1,
                amount_fen=1,
            ),
            0.0,
        ),
        "pay asked": lambda: bank.asked_payments.pay(
            of.order(
                payee, 1, request_to_pay_id=f"{payee}-{'0' * 32}", request_to_pay_digest=bytes(32)
            ),
            0.0,
        ),
        "ask": lambda: bank.asks.ask(
            of.signed(
                orders_pb2.RequestToPay,
                nonce=bytes(16),
                payer_number=payee,
                amount_fen=1,
                due_time_ms=now_ms + 1_000,
            )
        ),
        "change asked": lambda: bank.asks.change(
            of.signed(
                orders_pb2.ChangeAskedOrder,
                request_to_pay_id=f"{payee}-{'0' * 32}",
                change=orders_pb2.ASKED_CHANGE_DECLINE,
            )
        ),
        "block": lambda: bank.asks.block(of.signed(orders_pb2.BlockAskerOrder, blocked=True)),
        "certify": lambda: bank.offline.certifying.certify(of.certifying(bytes(device.verify_key))),
        "load": lambda: bank.offline.loads.load(
            of.signed(
                orders_pb2.LoadOrder,
                sequence=of.next(),
                device_key=bytes(device.verify_key),
                amount_fen=1,
            )
        ),
        "deposit": lambda: bank.offline.deposits.deposit(of.depositing(deposit, nonce=NONCE), 0.0),
        "pay and top up": lambda: bank.payments.pay(of.order(payee, 1, top_up_fen=1), 0.0),
        "alias": lambda: bank.aliases.add(
            aliases_pb2.AddAliasRequest(
                order=of.signed(
                    orders_pb2.AliasOrder,
                    wish=orders_pb2.ALIAS_WISH_ADD,
                    alias_digest=bytes(32),
                    bank="alpha",
                )
            )
        ),
        "no alias": lambda: bank.aliases.remove(
            of.signed(
                orders_pb2.AliasOrder,
                wish=orders_pb2.ALIAS_WISH_REMOVE,
                alias_digest=bytes(32),
                bank="alpha",
            )
        ),
        "sub-wallet": lambda: bank.sub_wallets.order(_sub_wallet(of)),
        "key": lambda: bank.keys.rotations.rotate(rotation(of.system, of, SigningKey.generate())),
        "class": lambda: bank.class_changes.change(_changing(of)),
        "signers": lambda: bank.signers.change(listing(of, [of])),
    }


def _sub_wallet(of: Member) -> SignedEnvelope:
    return of.signed(
        sub_wallets_pb2.SubWalletOrder,
        request_id="123e4567-e89b-42d3-a456-426614174000",
        action=sub_wallets_pb2.SUB_WALLET_ACTION_OPEN,
        public_key=bytes(SigningKey.generate().verify_key),
        bank="alpha",
    )


def _changing(of: Member) -> Any:
    order = of.signed(
        orders_pb2.ChangeClassOrder,
        request_id="123e4567-e89b-42d3-a456-426614174000",
        wallet_class=4,
        bank="alpha",
    )
    return wallets_pb2.ChangeClassRequest(order=order)


def _first(answers: Any) -> None:
    if isinstance(answers[0], Refusal):
        raise answers[0]
