"""An independent model of the money: it predicts each answer of a bank, and each balance.

It shares no code with what it checks, and takes nothing from it but two facts that only the system
can know: how far a bank has applied its feed, and whether an order that a power cut interrupted was
written. Either answer to the second is right; the balances afterwards say which it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

from dcep.bank.v1 import (
    asking_pb2,
    exchange_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.app import OperatorBank
from runtime.errors import NoAnswer, Refusal, is_undecided, reason_name
from simulation.scheme.families import Families, Seen
from simulation.scheme.feeds import Feeds
from simulation.scheme.judge import TOP_UP, Judge
from simulation.scheme.known import Bank, Decision, Effect, Identity, Request, Wrong
from simulation.scheme.mandates import Mandates

Order = TypeVar(
    "Order",
    orders_pb2.PaymentOrder,
    orders_pb2.RefundOrder,
    orders_pb2.ExchangeOrder,
    orders_pb2.LoadOrder,
    orders_pb2.SweepOrder,
)
Answer = TypeVar(
    "Answer",
    payments_pb2.PayResponse,
    asking_pb2.PayAskedResponse,
    payments_pb2.RefundResponse,
    exchange_pb2.ExchangeResponse,
    offline_pb2.LoadTokensResponse,
    wallets_pb2.OrderSweepResponse,
)
T = TypeVar("T")
Call = Callable[[OperatorBank, SignedEnvelope], Answer]
_E = errors_pb2
_PENDING = states_pb2.PAYMENT_STATE_PENDING
_SETTLED = states_pb2.PAYMENT_STATE_SETTLED
_ENDING = (orders_pb2.ASKED_CHANGE_WITHDRAW, orders_pb2.ASKED_CHANGE_DECLINE)
_ABOUT_PIECES = (_E.REASON_ALREADY_DEPOSITED, _E.REASON_TOKEN_INVALID)


@dataclass
class _Doubt:
    """An order that a power cut interrupted."""

    identity: Identity
    payload: bytes
    expected: frozenset[int]
    effect: Effect


class Model(Feeds):
    """All banks, as they must be.

    Attributes:
        clock: gives Unix milliseconds as a party has them, by its name.
        families: what becomes of sub-wallets.
        mandates: what is paid by them.
        cheats: wallets whose devices were copied.
        together: the numbers of wallets whose orders take several signatures.
    """

    def __init__(self, clock: Callable[[str], int], cap_fen: int, cheats_prefix: str) -> None:
        super().__init__(Judge(cap_fen), cheats_prefix)
        self.clock = clock
        self.families = Families(self.judge)
        self.mandates = Mandates(self.judge, self._take)
        self._doubts: dict[str, list[_Doubt]] = {}
        self.together: set[str] = set()
        self.cheats: set[str] = set()
        self._perhaps: dict[Identity, set[int]] = {}
        self._interrupted: dict[Identity, bytes] = {}
        """Reasons that an order may have been refused for, in a call that had no answer."""

    def pay(
        self, bank: OperatorBank, envelope: SignedEnvelope, call: Call[payments_pb2.PayResponse]
    ) -> payments_pb2.PayResponse:
        """Has a bank answer a payment, and checks what it says. Raises Wrong, or as the bank."""
        order = orders_pb2.PaymentOrder.FromString(envelope.payload)
        name = bank.context.bank
        here = self.banks[name]
        expected = self.judge.against_payment(here, order, self.clock(name))
        expected |= self.judge.against_top_up(here, order, bank.vault.books().vault_fen)
        own = order.payee_number in here.wallets
        fen, pulled_fen = order.amount_fen, order.top_up_fen
        changes = {order.wallet_number: (pulled_fen - fen, 0 if own else fen, -pulled_fen)}
        if own:
            swept_fen = self.judge.swept_fen(
                here.wallets[order.payee_number], fen, first=bool(pulled_fen)
            )
            changes[order.payee_number] = (fen - swept_fen, 0, swept_fen)
        parties = (order.wallet_number, order.payee_number, fen)
        effect = Effect(changes, pending=not own, parties=parties)
        answer = self._judged(bank, envelope, order, expected, effect, call)
        if not answer.repeated:
            wanted = _SETTLED if own else _PENDING
            if answer.state != wanted:
                raise Wrong(f"a new payment has state {answer.state}, not {wanted}")
            self._check_said(here, order.wallet_number, answer.available_fen)
        return answer

    def pay_asked(
        self,
        bank: OperatorBank,
        envelope: SignedEnvelope,
        call: Call[asking_pb2.PayAskedResponse],
    ) -> asking_pb2.PayAskedResponse:
        """Has a bank answer a payment of a request, and checks what it says. Raises Wrong, or as
        the bank.
        """
        order = orders_pb2.PaymentOrder.FromString(envelope.payload)
        name, fen = bank.context.bank, order.amount_fen
        here = self.banks[name]
        expected, perhaps = self.judge.against_answer(here, order, self.clock(name))
        identity = (order.wallet_number, order.sequence)
        if perhaps:
            self._perhaps.setdefault(identity, set()).update(perhaps)
        own = order.payee_number in here.wallets
        changes = {order.wallet_number: (-fen, 0 if own else fen, 0)}
        if own:
            swept_fen = self.judge.swept_fen(here.wallets[order.payee_number], fen)
            changes[order.payee_number] = (fen - swept_fen, 0, swept_fen)
        parties = (order.wallet_number, order.payee_number, fen)
        effect = Effect(changes, pending=not own, parties=parties, answers=order.request_to_pay_id)
        answer = self._judged(bank, envelope, order, expected, effect, call)
        if not answer.repeated:
            self._check_said(here, order.wallet_number, answer.available_fen)
        return answer

    def asked(self, name: str, envelope: SignedEnvelope, call: Callable[[], T]) -> T:
        """A bank answers a request to pay that may be of a wallet there, and is then known to it;
        likewise a bank that is brought one.
        """
        asked = orders_pb2.RequestToPay.FromString(envelope.payload)
        here, key = self.banks[name], f"{asked.wallet_number}-{asked.nonce.hex()}"
        if asked.payer_number not in here.wallets or key in here.requests:
            return call()
        try:
            answer = call()
        except (Refusal, NoAnswer):
            raise
        except BaseException:
            here.requests[key] = Request(asked, perhaps=True)
            raise
        here.requests[key] = Request(asked)
        if asked.wallet_number in here.wallets:
            self.mandates.asked(here, key)
        return answer

    def changed(self, name: str, payload: bytes, call: Callable[[], T]) -> T:
        """A bank answers what a wallet orders about a request, or is told of it."""
        change = orders_pb2.ChangeAskedOrder.FromString(payload)
        request = self.banks[name].requests.get(change.request_to_pay_id)
        if request is None or change.change == orders_pb2.ASKED_CHANGE_REMIND:
            return call()
        if change.change == orders_pb2.ASKED_CHANGE_ALLOW:
            request.allowed = True
            return call()
        try:
            answer = call()
        except (Refusal, NoAnswer):
            raise
        except BaseException:
            request.perhaps = True
            raise
        request.over = True
        return answer

    def ended(self, name: str, payload: bytes) -> None:
        """A bank was told what a wallet has ordered about a request, if it has."""
        change = orders_pb2.ChangeAskedOrder.FromString(payload)
        request = self.banks[name].requests.get(change.request_to_pay_id)
        if request is not None and change.change in _ENDING:
            request.over = True

    def refund(
        self, bank: OperatorBank, envelope: SignedEnvelope, call: Call[payments_pb2.RefundResponse]
    ) -> payments_pb2.RefundResponse:
        """Has a bank answer a refund, and checks what it says. Raises Wrong, or as the bank."""
        order = orders_pb2.RefundOrder.FromString(envelope.payload)
        name = bank.context.bank
        here, fen, of = self.banks[name], order.amount_fen, order.refunds_payment_id
        expected = self.judge.against_refund(here, order, self.clock(name))
        payer_number = of.partition("-")[0]
        payer = here.wallets.get(payer_number)
        changes = {order.wallet_number: (-fen, 0 if payer is not None else fen, 0)}
        if payer is not None and self.judge.can_take(payer, fen):
            changes[payer_number] = (fen, 0, 0)
        effect = Effect(
            changes,
            pending=payer is None,
            parties=(order.wallet_number, payer_number, fen),
            refunds=of,
        )
        answer = self._judged(bank, envelope, order, expected, effect, call)
        if not answer.repeated:
            wanted = _SETTLED if payer is not None else _PENDING
            if answer.state != wanted:
                raise Wrong(f"a new refund has state {answer.state}, not {wanted}")
            self._check_said(here, order.wallet_number, answer.available_fen)
        return answer

    def exchange(
        self,
        bank: OperatorBank,
        envelope: SignedEnvelope,
        call: Call[exchange_pb2.ExchangeResponse],
    ) -> exchange_pb2.ExchangeResponse:
        """Has a bank answer an exchange, and checks what it says. Raises Wrong, or as the bank."""
        order = orders_pb2.ExchangeOrder.FromString(envelope.payload)
        name = bank.context.bank
        here = self.banks[name]
        sign = 1 if order.direction == TOP_UP else -1
        fen = sign * order.amount_fen
        vault_fen = bank.vault.books().vault_fen
        expected = self.judge.against_exchange(here, order, vault_fen, self.clock(name))
        effect = Effect({order.wallet_number: (fen, 0, -fen)})
        answer = self._judged(bank, envelope, order, expected, effect, call)
        if not answer.repeated:
            self._check_said(here, order.wallet_number, answer.available_fen)
        return answer

    def sweep(
        self,
        bank: OperatorBank,
        envelope: SignedEnvelope,
        call: Call[wallets_pb2.OrderSweepResponse],
    ) -> wallets_pb2.OrderSweepResponse:
        """Has a bank answer an order about sweeping. Raises Wrong, or as the bank."""
        order = orders_pb2.SweepOrder.FromString(envelope.payload)
        name = bank.context.bank
        against = {
            _E.REASON_EXPIRED: self.clock(name) > order.expires_time_ms,
            _E.REASON_WALLET_FROZEN: self.banks[name].wallets[order.wallet_number].frozen,
        }
        expected = frozenset(reason for reason, holds in against.items() if holds)
        effect = Effect({order.wallet_number: (0, 0, 0)}, sweeps=order)
        return self._judged(bank, envelope, order, expected, effect, call)

    def certified(self, order: SignedEnvelope, certificate: bytes) -> None:
        """A bank has certified a device's key."""
        key = orders_pb2.CertifyDeviceOrder.FromString(order.payload).device_key
        self._keys[hashlib.sha256(certificate).digest()] = key

    def load(
        self,
        bank: OperatorBank,
        envelope: SignedEnvelope,
        call: Call[offline_pb2.LoadTokensResponse],
    ) -> offline_pb2.LoadTokensResponse:
        """Has a bank answer a load, and checks what it says. Raises Wrong, or as the bank."""
        order = orders_pb2.LoadOrder.FromString(envelope.payload)
        name = bank.context.bank
        expected = self.judge.against_load(self.banks[name], order, self.clock(name))
        fen = order.amount_fen
        changes = {order.wallet_number: (-fen, fen, 0)}
        effect = Effect(changes, pending=True, device_key=order.device_key)
        perhaps = self._perhaps.setdefault((order.wallet_number, order.sequence), set())
        if order.wallet_number in self.cheats:
            perhaps.add(_E.REASON_DEVICE_REVOKED)  # as soon as somebody has proved it
        if self.banks[name].was_put_back:
            perhaps.add(_E.REASON_DEVICE_UNKNOWN)  # it was certified after the copy
        return self._judged(bank, envelope, order, expected, effect, call)

    def sent_deposits(self, bank: str, items: Sequence[registration_pb2.TokenDepositItem]) -> None:
        """A bank has written deposits down, and sends them."""
        for item in items:
            digest = hashlib.sha256(item.offline_payment).digest()
            self.banks[bank].deposits[item.number] = digest

    def deposit(
        self,
        bank: OperatorBank,
        envelope: SignedEnvelope,
        call: Callable[[OperatorBank, SignedEnvelope], offline_pb2.DepositTokensResponse],
    ) -> offline_pb2.DepositTokensResponse:
        """Has a bank answer a deposit. Raises Wrong if pieces are refused that honest people
        brought in, or as the bank.
        """
        order = orders_pb2.DepositOrder.FromString(envelope.payload)
        digest = hashlib.sha256(order.offline_payment).digest()
        self._pieces[digest] = (order.wallet_number, order.offline_payment)
        try:
            return call(bank, envelope)
        except Refusal as refusal:
            honest = order.wallet_number not in self.cheats
            here = self.banks[bank.context.bank]
            if refusal.reason in _ABOUT_PIECES and honest and not here.was_put_back:
                raise Wrong(f"{order.wallet_number} is refused good pieces: {refusal}") from refusal
            raise

    def freeze(self, bank: str, number: str, frozen: bool) -> None:
        """Two officers have frozen a wallet, or the opposite."""
        wallet = self.banks[bank].wallets[number]
        wallet.frozen = frozen and not wallet.closed

    def officers_saw(self, bank: str, number: str, there: bool | None) -> None:
        """Two officers say that a wallet's holder was at a counter, or take it back; None if they
        were interrupted.
        """
        self.banks[bank].wallets[number].was_there = there

    def classed(self, bank: str, number: str, wallet_class: int) -> None:
        """A holder has got a class. Raises Wrong if it is one that asks for presence at a counter,
        and nobody has seen them.
        """
        wallet = self.banks[bank].wallets[number]
        if wallet_class == wallets_pb2.WALLET_CLASS_I and wallet.was_there is False:
            raise Wrong(f"{number} has class I, and nobody has seen its holder")

    def family_of(self, bank: str, number: str) -> list[str]:
        """The numbers of a wallet's sub-wallets."""
        wallets = self.banks[bank].wallets
        return [child for child, wallet in wallets.items() if wallet.parent == number]

    def look(self, bank: str, seen: Seen) -> None:
        """A bank has done something: what of it only the bank can know is learned. Raises Wrong."""
        here = self.banks[bank]
        self.families.learn(bank, here, seen)
        if any(wallet.mandate for wallet in here.wallets.values()):
            tries = seen.tries(min(here.tries, default=here.last_try + 1))
            self.mandates.look(here, tries, self.clock(bank))
        self.families.look(here, seen)

    def rekeyed(self, bank: str, number: str) -> None:
        """Another key, or a list of signers, is in force: what the one before consented to ends."""
        wallet = self.banks[bank].wallets.get(number)
        if wallet is not None:
            wallet.swept_by = None

    def resolve(
        self,
        bank: str,
        available_fen: Callable[[str], int],
        accepted: Callable[[Identity], bool],
    ) -> None:
        """After a power cut: finds out which of the interrupted orders were written.

        Args:
            available_fen: what the bank says that a wallet has.
            accepted: whether the bank's journal has an order as accepted; asked about orders alone
                by which the payer has as much as before: of a level, and what is topped up whole.
        """
        here = self.banks[bank]
        for doubt in self._doubts.pop(bank, []):
            payer = doubt.identity[0]
            said = available_fen(payer)
            before = here.wallets[payer].available_fen
            after = before + doubt.effect.changes[payer][0]
            is_written = after != before or accepted(doubt.identity)
            if said == after and not doubt.expected and is_written:
                self._take(here, doubt.identity, doubt.payload, doubt.effect)
            elif said != before:
                raise Wrong(f"after a power cut {payer} has {said} fen, not {before} or {after}")
            else:
                self._perhaps.setdefault(doubt.identity, set()).update(doubt.expected)
                if doubt.expected:  # the refusal may have been written, for this order alone
                    self._interrupted[doubt.identity] = doubt.payload

    def check(self, bank: str, state: Callable[[str], tuple[int, int, bool]]) -> None:
        """Compares each wallet's (available fen, held fen, frozen). Raises Wrong."""
        for number, wallet in self.banks[bank].wallets.items():
            expected = (wallet.available_fen, wallet.held_fen, wallet.frozen)
            if (said := state(number)) != expected:
                raise Wrong(f"wallet {number} of {bank} is {said}, not {expected}")

    def copy(self, bank: str) -> Bank:
        """What the model knows of a bank now."""
        return deepcopy(self.banks[bank])

    def put_back(self, bank: str, copy: Bank) -> None:
        """A bank's database was put back to an older copy."""
        self.banks[bank] = deepcopy(copy)
        self.banks[bank].was_put_back = True
        self.families.forget(bank)
        self._doubts.pop(bank, None)

    def came_back(self, bank: str) -> None:
        """A bank goes on from an older copy."""
        self.banks[bank].came_back = True
        for wallet in self.banks[bank].wallets.values():
            wallet.of_a_copy = wallet.mandate is not None

    def _judged(
        self,
        bank: OperatorBank,
        envelope: SignedEnvelope,
        order: Order,
        expected: frozenset[int],
        effect: Effect,
        call: Call[Answer],
    ) -> Answer:
        """The bank's answer, which is as expected; what it does is noted."""
        here = self.banks[bank.context.bank]
        identity = (order.wallet_number, order.sequence)
        before = here.decided.get(identity)
        allowed = self._allowed(before, envelope.payload, expected, identity)
        lost = here.lost.get(f"{identity[0]}-{identity[1]}")
        if lost is not None and effect.parties is not None and _is_looked_for(expected):
            _payer, payee, fen = effect.parties
            if lost == (payee, fen, order.created_time_ms):
                return call(bank, envelope)  # told what the older copy had lost: it moves nothing
            allowed = {_E.REASON_ID_REUSED}
        try:
            answer = call(bank, envelope)
        except Refusal as refusal:
            if is_undecided(refusal.reason) or self._may_not(order, refusal):
                raise
            if refusal.reason not in allowed:
                raise Wrong(
                    f"{identity} is refused with {refusal.name}; allowed: {_names(allowed)}"
                ) from refusal
            if before is None:
                here.decided[identity] = Decision(envelope.payload, refusal.reason)
            raise
        except BaseException:
            if before is None:
                doubt = _Doubt(identity, envelope.payload, expected, effect)
                self._doubts.setdefault(bank.context.bank, []).append(doubt)
            raise
        if 0 not in allowed:
            raise Wrong(f"{identity} is taken; it had to be refused: {_names(allowed)}")
        if not isinstance(answer, offline_pb2.LoadTokensResponse) and answer.repeated != (
            before is not None
        ):
            raise Wrong(f"{identity} says repeated: {answer.repeated}")
        if before is None:
            self._take(here, identity, envelope.payload, effect)
        return answer

    def _may_not(self, order: Order, refusal: Refusal) -> bool:
        """Whether one of several signers is refused alone: nothing is decided of the order."""
        together = order.wallet_number in self.together
        return refusal.reason == _E.REASON_SIGNER_MAY_NOT and together

    def _allowed(
        self,
        before: Decision | None,
        payload: bytes,
        expected: frozenset[int],
        identity: Identity,
    ) -> set[int]:
        """The Reasons that an order may have; 0 for being taken."""
        if before is not None and before.payload == payload:
            # Whose money was short is said by what is there now: the rule does not write it down.
            return {*_SHORT} if before.reason in _SHORT else {before.reason}
        if before is not None:
            return {_E.REASON_ID_REUSED}
        allowed = {*(expected or {0}), *self._perhaps.get(identity, ())}
        if self._interrupted.get(identity, payload) != payload:
            allowed.add(_E.REASON_ID_REUSED)
        return allowed

    def _take(self, here: Bank, identity: Identity, payload: bytes, effect: Effect) -> None:
        here.decided[identity] = Decision(payload, 0)
        for number, (available, held, deposit) in effect.changes.items():
            wallet = here.wallets[number]
            wallet.available_fen += available
            wallet.held_fen += held
            wallet.deposit_fen += deposit
        if effect.sweeps is not None:
            here.wallets[identity[0]].swept_by = effect.sweeps if effect.sweeps.sweeps else None
        if effect.device_key:
            ((number, (_, held, _)),) = effect.changes.items()
            here.loading[effect.device_key] = (number, held)
        if effect.parties is None:
            return
        payer, payee, fen = effect.parties
        payment_id = f"{identity[0]}-{identity[1]}"
        if effect.answers:
            here.answered[payment_id] = (effect.answers, fen)
        if effect.refunds:
            here.refunded[payer, effect.refunds] += fen
            if payee in effect.changes:
                here.not_refundable.add((payee, payment_id))
        elif not effect.pending:
            here.received[payee, payment_id] = fen
        if effect.pending:
            here.pending[payment_id] = self._ordered[payment_id] = effect.parties

    def _check_said(self, here: Bank, number: str, said_fen: int) -> None:
        expected = here.wallets[number].available_fen
        if said_fen != expected:
            raise Wrong(f"wallet {number} is told {said_fen} fen, and has {expected}")


_SHORT = frozenset(
    (_E.REASON_DEPOSIT_SHORT, _E.REASON_BANK_CANNOT_NOW, _E.REASON_INSUFFICIENT_FUNDS)
)


def _is_looked_for(expected: frozenset[int]) -> bool:
    """Whether a bank looks whether an order is one that it has lost: not without the payment that
    it refunds.
    """
    return expected.isdisjoint({_E.REASON_PAYMENT_UNKNOWN, _E.REASON_NOT_REFUNDABLE})


def _names(reasons: set[int]) -> str:
    return ", ".join(sorted(reason_name(each) if each else "taken" for each in reasons))
