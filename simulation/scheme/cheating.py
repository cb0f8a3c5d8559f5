"""Parties that cheat: a thief with other people's orders, a bank that sends anything, an officer
who acts alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from officers.signing import OfficerKey
from runtime.envelope import sign, sign_payload
from runtime.errors import NoAnswer, Refusal
from simulation.scheme.known import Wrong
from simulation.scheme.people import key_of, officers_of
from simulation.scheme.ports import CENTRAL, MALLORY, VALID_MS
from simulation.scheme.system import (
    ISSUED_FEN,
    MALLORYS_WALLETS,
    PREFIXES,
    System,
    wallet_of_mallory,
)

_THIEF = key_of("thief")
_MOST_FEN = 2 * ISSUED_FEN


class Cheats:
    """Attacks on a system. None may be taken, and none may change what anybody has."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._numbers = 0

    def thief(self, chance: random.Random) -> None:
        """Somebody who read an order on its way alters it, and sends it where she likes."""
        if not self._system.seen:
            return
        bank, envelope = chance.choice(self._system.seen)
        order = orders_pb2.PaymentOrder.FromString(envelope.payload)
        number = order.wallet_number.encode()
        order.amount_fen += chance.randrange(1, 1_000)
        altered = order.SerializeToString()
        stolen = chance.choice(
            [
                SignedEnvelope(payload=altered, signature=envelope.signature, key_id=number),
                sign_payload(orders_pb2.PaymentOrder, altered, _THIEF, number),
                SignedEnvelope(payload=altered, signature=bytes(64), key_id=number),
                SignedEnvelope(
                    payload=envelope.payload,
                    signature=envelope.signature,
                    key_id=chance.choice(list(self._system.numbers.values())).encode(),
                ),
            ]
        )
        if stolen == envelope:
            return
        to = chance.choice(list(PREFIXES))
        self._refused(to, "an altered order", lambda b: b.payments.pay(stolen, 0.0))
        other = next(name for name in PREFIXES if name != bank)
        self._refused(other, "another bank's order", lambda b: b.payments.pay(envelope, 0.0))
        self._refused(bank, "a payment as an exchange", lambda b: b.exchange.exchange(envelope))

    def officer(self, chance: random.Random) -> None:
        """An officer of the central bank issues money alone, or approves what nobody proposed."""
        first, second = officers_of(CENTRAL)
        now_ms, act_id = self._system.clocks.now_ms(CENTRAL), self._system.randomness.uuid()
        amount = chance.randrange(1, 1_000_000)
        kind = office_pb2.Issue(bank=chance.choice(list(PREFIXES)), amount_fen=amount)
        proposal = first.proposes(kind, now_ms, act_id)
        self._run(CENTRAL, lambda c: c.acts.propose(first.identity, proposal))
        own = first.signer.approve(proposal.payload, now_ms)
        self._refused(CENTRAL, "one's own act", lambda c: c.acts.approve(first.identity, own))
        self._refused(
            CENTRAL, "one's own act as another", lambda c: c.acts.approve(second.identity, own)
        )
        disguised = OfficerKey(CENTRAL, second.signer.name, key_of(first.identity.name))
        signed = disguised.approve(proposal.payload, now_ms)
        self._refused(
            CENTRAL, "an approval by another key", lambda c: c.acts.approve(second.identity, signed)
        )
        forged = second.signer.approve(proposal.payload, now_ms)
        self._refused(
            CENTRAL, "somebody's approval", lambda c: c.acts.approve(first.identity, forged)
        )
        more = office_pb2.OfficerAct.FromString(proposal.payload)
        more.issue.amount_fen += 1
        other = second.signer.approve(more.SerializeToString(), now_ms)
        self._refused(
            CENTRAL, "another act's approval", lambda c: c.acts.approve(second.identity, other)
        )
        stranger, _ = officers_of(chance.choice(list(PREFIXES)))
        theirs = stranger.signer.approve(proposal.payload, now_ms)
        self._refused(
            CENTRAL, "a bank's officer", lambda c: c.acts.approve(stranger.identity, theirs)
        )

    def bank(self, chance: random.Random) -> None:
        """A bank with no software of ours sends payments of every kind."""
        payments = [self._payment(chance) for _ in range(chance.randrange(1, 5))]
        batch = registration_pb2.OutboundBatch(payments=payments)
        now_ms = self._system.clocks.now_ms(MALLORY)
        batch.bank = chance.choice([MALLORY] * 8 + list(PREFIXES))
        batch.created_time_ms = now_ms
        batch.expires_time_ms = now_ms + VALID_MS
        batch.incarnation = chance.choice([0] * 8 + [1])
        key: SigningKey = chance.choice([key_of(MALLORY)] * 8 + [_THIEF])
        envelope = sign(batch, key, batch.bank.encode())
        self._run(CENTRAL, lambda c: c.settlement.submit(c.registry.get(MALLORY), envelope))

    def _payment(self, chance: random.Random) -> registration_pb2.OutboundPayment:
        """A payment that is good, or has one thing about it that is not."""
        self._numbers += 1
        now_ms = self._system.clocks.now_ms(MALLORY)
        own = wallet_of_mallory(chance.randrange(MALLORYS_WALLETS))
        wallets = list(self._system.numbers.values())
        payment = registration_pb2.OutboundPayment(
            number=self._numbers,
            payment_id=f"{own}-{self._numbers}",
            payer_number=own,
            payee_number=chance.choice(wallets),
            amount_fen=chance.randrange(1, 50_000),
            created_time_ms=now_ms,
            expires_time_ms=now_ms + VALID_MS,
        )
        wrong: list[Callable[[], None]] = [
            lambda: None,
            lambda: setattr(payment, "number", chance.randrange(0, self._numbers + 1)),
            lambda: setattr(payment, "number", 2**62),
            lambda: setattr(payment, "payment_id", f"{chance.choice(wallets)}-1"),
            lambda: setattr(payment, "payer_number", chance.choice(wallets)),
            lambda: setattr(payment, "payee_number", own),
            lambda: setattr(payment, "payee_number", "6201000000000000"),
            lambda: setattr(payment, "amount_fen", chance.choice([0, -1, _MOST_FEN, 2**62])),
            lambda: setattr(payment, "expires_time_ms", chance.choice([0, now_ms - 1, 2**62])),
            lambda: self._return(payment, chance),
        ]
        chance.choice(wrong)()
        return payment

    def _return(self, payment: registration_pb2.OutboundPayment, chance: random.Random) -> None:
        """Makes it give back what somebody paid, to her or to somebody else."""
        paid = self._system.model.settled
        if not paid:
            return
        bank, number = chance.choice(list(paid))
        given = paid[bank, number]
        payment.returns_payment_id, payment.returns_number = given.payment_id, number
        payment.payer_number, payment.payee_number = given.payee_number, given.payer_number
        payment.amount_fen = given.amount_fen + chance.choice([0, 0, 1])
        payment.payment_id = f"{MALLORY}-return-{payment.number}"

    def _run(self, name: str, act: Callable[..., object]) -> None:
        try:
            self._system.run(name, act)
        except (Refusal, NoAnswer):
            return

    def _refused(self, name: str, what: str, act: Callable[..., object]) -> None:
        try:
            self._system.run(name, act)
        except (Refusal, NoAnswer):
            return
        raise Wrong(f"{name} takes {what}")
