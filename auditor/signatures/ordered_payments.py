"""Checks what a wallet's holder orders: payments, refunds, loads, exchanges, mandates' payments."""

from __future__ import annotations

from google.protobuf.message import Message

from auditor.books import CONTROL, SUSPENSE, TILL, VAULT
from auditor.signatures.feed import FeedWalk
from auditor.signatures.machines import CashMachines
from auditor.signatures.mandates import MandateWalk
from auditor.signatures.orders import Line, Wrong, limited, ordered, purposed, read, refused, same
from auditor.signatures.policy import PolicyWalk
from auditor.signatures.refunds import RefundWalk
from auditor.signatures.requests import RequestWalk
from auditor.signatures.settled import undeliverable
from auditor.signatures.signer_lists import Holder
from auditor.signatures.sub_wallets import SubWalletWalk
from auditor.signatures.verifying import Verifying
from auditor.signatures.wallet_keys import WalletKeys
from auditor.signatures.wallets import Wallets
from currency.payments import payer_of
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from language import _
from settlement.records import Kind

_TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP
_DEPOSIT = orders_pb2.EXCHANGE_MEDIUM_DEPOSIT
_CASH = orders_pb2.EXCHANGE_MEDIUM_CASH


class OrderWalk:
    """Walks through what holders have ordered."""

    def __init__(
        self,
        name: str,
        wallets: Wallets,
        keys: WalletKeys,
        subs: SubWalletWalk,
        policy: PolicyWalk,
        refunds: RefundWalk,
        requests: RequestWalk,
        mandates: MandateWalk,
        machines: CashMachines,
        feed: FeedWalk,
        verifying: Verifying,
    ) -> None:
        self._name = name
        self._wallets = wallets
        self._keys = keys
        self._subs = subs
        self._policy = policy
        self._refunds = refunds
        self._requests = requests
        self._mandates = mandates
        self._machines = machines
        self._feed = feed
        self._verifying = verifying

    def signed(self, line: Line, holder: Holder, kind: type[Message]) -> None:
        """Verifies the order beside a record, by the holder's key of then. Raises Wrong."""
        where = _("table journal, position={position}").format(position=line.position)
        key = self._keys.signer(line, holder, kind)
        self._wallets.verify(where, key, kind, line.note, line.signature)

    def paid(self, line: Line, holder: Holder, topped_up_fen: int = 0) -> None:
        """Checks a payment, a refund or a load, which the wallet's holder must have signed."""
        if line.kind == Kind.REFUSAL:
            kinds = refused(line, holder.number)
            key = self._keys.signer(line, holder)
            if not self._verifying.now([key], kinds, line.note, line.signature):
                raise Wrong(_("the signature is not by the wallet's key"))
            return
        if line.kind == Kind.HOLD and line.purpose == purposes_pb2.PURPOSE_TOKEN_LOAD:
            load = ordered(line, orders_pb2.LoadOrder, holder.number)
            self.signed(line, holder, orders_pb2.LoadOrder)
            if line.accepted:
                limited(line)
                self._subs.spent(line, "")
                self._policy.judged(line)
                self._feed.loaded(line, load.device_key)
            return
        if line.kind != Kind.TRANSFER and line.purpose == purposes_pb2.PURPOSE_REFUND:
            self._given_back(line, holder)
            return
        if line.kind not in (Kind.TRANSFER, Kind.HOLD):
            raise Wrong(_("no order of a wallet does this"))
        order = ordered(line, orders_pb2.PaymentOrder, holder.number)
        self.signed(line, holder, orders_pb2.PaymentOrder)
        same("top-up", order.top_up_fen, topped_up_fen)
        if not line.accepted:
            return
        purposed(line, purposes_pb2.PURPOSE_PAYMENT)
        if not self._subs.spent(line, order.payee_number):
            limited(line)
            self._policy.judged(line)
        self._requests.take(line, order)
        payee = self._wallets.account(order.payee_number)
        if line.kind == Kind.HOLD:
            if payee is not None:
                raise Wrong(
                    _("its order's payee is {payee_number}, a wallet of this bank").format(
                        payee_number=order.payee_number
                    )
                )
            self._feed.held(line, payer=holder.number, payee=order.payee_number)
        elif payee != line.credit:
            raise Wrong(
                _("its order's payee is {payee_number}, another was paid").format(
                    payee_number=order.payee_number
                )
            )

    def _given_back(self, line: Line, holder: Holder) -> None:
        """Checks a refund: it goes to whoever paid what it gives back, or lies here for them."""
        order = ordered(line, orders_pb2.RefundOrder, holder.number)
        self.signed(line, holder, orders_pb2.RefundOrder)
        if not line.accepted:
            return
        refunded = self._refunds.take(
            line, order, lambda account: self._wallets.get(account).number
        )
        payer_number = payer_of(refunded.payment_id)
        payer = self._wallets.account(payer_number)
        if line.kind == Kind.HOLD and not payer:
            self._feed.held(line, payer=holder.number, payee=payer_number, refunded=refunded)
        elif (line.kind, line.credit, line.ref) != (Kind.DELIVER, payer, SUSPENSE):
            raise Wrong(
                _("its order's payee is {payee_number}, another was paid").format(
                    payee_number=payer_number
                )
            )
        elif undeliverable(line):
            self._feed.lies(line, "")

    def topped_up(self, payment: Line, currency: Line, deposit: Line) -> None:
        """Checks a payment that is topped up: a chain of it and the two sides of an exchange."""
        account = payment.origin
        holder = self._wallets.get(account)
        if payment.purpose != purposes_pb2.PURPOSE_PAYMENT or payment.debit != account:
            raise Wrong(_("it is linked to more than an exchange, a top-up or a sweep is"))
        self.paid(payment, holder, currency.amount_fen)
        moved = [
            (line.kind, line.origin, line.sequence, line.amount_fen, line.debit, line.credit)
            for line in (currency, deposit)
        ]
        from_deposit = (self._deposit(account), CONTROL)
        if moved != [
            (Kind.TRANSFER, account, 0, currency.amount_fen, *sides)
            for sides in ((VAULT, account), from_deposit)
        ]:
            raise Wrong(_("it moves something else than its order says"))
        for line in (currency, deposit):
            purposed(line, purposes_pb2.PURPOSE_TOP_UP)

    def by_mandate(self, payment: Line, money: Line) -> None:
        """Checks a payment that its payee has asked for: a chain of it and of its money."""
        if not payment.accepted:
            return
        holder = self._wallets.get(payment.debit)
        same("account", payment.origin, payment.debit)
        asker = read(orders_pb2.RequestToPay, payment.note).wallet_number
        payee = self._wallets.account(asker)
        known = set() if payee is None else self._wallets.get(payee).ever()
        terms = self._subs.asked(payment, money, asker)
        order = self._requests.asked(payment, holder.number, known)
        giver = self._wallets.get(self._subs.parent(payment.debit))
        self._mandates.take(payment, order.request_to_pay_id, terms, giver)
        purposed(payment, purposes_pb2.PURPOSE_MANDATE)
        limited(payment)
        self._policy.judged(payment)
        if payment.kind == Kind.HOLD and payee is None:
            self._feed.held(payment, payer=holder.number, payee=asker)
        elif (payment.kind, payment.credit) != (Kind.TRANSFER, payee):
            raise Wrong(
                _("its order's payee is {payee_number}, another was paid").format(
                    payee_number=asker
                )
            )

    def exchange(self, first: Line, second: Line) -> None:
        """Checks an exchange: a chain of two records, one in each of the bank's ledgers."""
        holder = self._wallets.get(first.origin)
        if self._subs.parent(first.origin):
            raise Wrong(_("a sub-wallet has no cash and no deposit"))
        order = ordered(first, orders_pb2.ExchangeOrder, holder.number)
        self.signed(first, holder, orders_pb2.ExchangeOrder)
        account = first.origin
        currency: tuple[int, int] = (VAULT, account)
        deposit = self._deposit(account)
        own = (deposit, CONTROL) if order.medium == _DEPOSIT else (CONTROL, TILL)
        if order.direction != _TOP_UP:
            currency, own = currency[::-1], own[::-1]
        if first.accepted and order.medium == _CASH:
            where = _("table journal, position={position}").format(position=first.position)
            self._machines.stands_behind(order, self._name, where)
        same("amount", order.amount_fen, second.amount_fen)
        kinds = (first.kind, second.kind, second.sequence)
        if kinds != (Kind.TRANSFER, Kind.TRANSFER, 0) or (
            (first.debit, first.credit),
            (second.debit, second.credit),
        ) != (currency, own):
            raise Wrong(_("it moves something else than its order says"))
        top_up = order.direction == _TOP_UP
        for line in (first, second):
            purposed(line, purposes_pb2.PURPOSE_TOP_UP if top_up else purposes_pb2.PURPOSE_CASH_OUT)

    def _deposit(self, account: int) -> int:
        """The deposit account of a wallet's holder; its own, which is none, if there is none."""
        deposit = self._wallets.deposit(account)
        return account if deposit is None else deposit
