"""Knows which wallets belong to which, and what each sub-wallet may do.

A sub-wallet with a mandate is paid from when its one payee asks (see `mandates`). Nobody orders
with its key. Of the others, amounts and the end are judged by the rule, by what the journal says of
the account and by the end of each order. Whom a sub-wallet may pay is looked at here, before an
order goes to the rule.
"""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict
from itertools import islice
from typing import NamedTuple

from sqlalchemy import select

from currency.sub_limits import CHOICES, limit_set_of
from dcep.bank.v1 import sub_wallets_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.ledger.accounts import Purpose
from operator_bank.ledger.tables import accounts
from operator_bank.sub_wallets.tables import sub_wallet_orders
from operator_bank.wallets.known import Wallet
from runtime.errors import Refusal
from settlement.records import AccountFlag, Result, record_digest
from settlement.rule import spent_fen

OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
CHANGE = sub_wallets_pb2.SUB_WALLET_ACTION_CHANGE
CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE
Terms = sub_wallets_pb2.SubWalletTerms
_OVER = (Result.OVER_SINGLE_LIMIT, Result.OVER_DAY_LIMIT, Result.OVER_YEAR_LIMIT)


class SubWallet(NamedTuple):
    """A sub-wallet.

    Attributes:
        account: its own.
        parent: the account of the wallet that it belongs to.
        terms: what it may do, by the last order.
        closing: its parent has ordered to close it.
        opened_ms: when it was opened, Unix milliseconds.
        digest: of the last order, for the record that closes the account.
    """

    account: int
    parent: int
    terms: Terms
    closing: bool
    opened_ms: int
    digest: int

    @property
    def limit_set(self) -> int:
        """The limit set of its account."""
        return limit_set_of(self.terms.balance_cap_fen, self.terms.single_fen, self.terms.day_fen)

    @property
    def is_mandate(self) -> bool:
        """Whether its payee is paid when it asks. That is so from its opening on, or never."""
        return bool(self.terms.HasField("mandate"))

    def is_over(self, now_ms: int) -> bool:
        """Whether its time is over, and its money is to go home."""
        return self.closing or now_ms > self.terms.ends_time_ms


class Families:
    """The sub-wallets in memory. One thread changes those of a parent at a time; any may look."""

    def __init__(self, context: Context) -> None:
        self._ledger = context.ledger
        self._clock = context.clock
        self._changing = threading.Lock()
        self._subs: dict[int, SubWallet] = {}
        self._of_parent: dict[int, tuple[int, ...]] = {}
        self._mandates: OrderedDict[int, None] = OrderedDict()
        """Accounts of mandates that are not closed."""
        self._ends: list[tuple[int, int]] = []
        self._over: OrderedDict[int, None] = OrderedDict()
        """Accounts of those whose money is to go home, until they are closed."""
        own, of = accounts.alias(), sub_wallet_orders.c
        parents = accounts.alias()
        query = (
            select(
                *(of.time_ms, of.order_payload),
                *(own.c.number.label("account"), parents.c.number.label("parent_account")),
            )
            .join(own, (own.c.owner == of.wallet) & (own.c.purpose == Purpose.WALLET))
            .join(parents, (parents.c.owner == of.parent) & (parents.c.purpose == Purpose.WALLET))
            .order_by(of.position)
        )
        for row in context.database.read(lambda c: c.execute(query).all()):
            payload = bytes(row.order_payload)
            order = sub_wallets_pb2.SubWalletOrder.FromString(payload)
            digest = record_digest(payload)
            self.take(row.account, row.parent_account, order, digest, row.time_ms)

    def take(
        self,
        account: int,
        parent: int,
        order: sub_wallets_pb2.SubWalletOrder,
        digest: int,
        time_ms: int,
    ) -> SubWallet:
        """Takes in what was ordered and journaled about a sub-wallet.

        Args:
            account: the sub-wallet's.
            parent: its parent's account.
            order: what the parent has signed.
            digest: of that order, as records have it.
            time_ms: when it was carried out.
        """
        with self._changing:
            before = self._subs.get(account)
            terms = order.terms if before is None or order.action != CLOSE else before.terms
            sub = SubWallet(
                account,
                parent,
                terms,
                order.action == CLOSE,
                time_ms if before is None else before.opened_ms,
                digest,
            )
            self._subs[account] = sub
            if before is None:
                self._of_parent[parent] = (*self._of_parent.get(parent, ()), account)
                if sub.is_mandate:
                    self._mandates[account] = None
            if sub.closing:
                self._over[account] = None
            else:
                self._await_end(sub)
            return sub

    def _await_end(self, sub: SubWallet) -> None:
        self._over.pop(sub.account, None)
        heapq.heappush(self._ends, (sub.terms.ends_time_ms, sub.account))

    def find(self, account: int) -> SubWallet | None:
        """The sub-wallet of an account; None if it is none."""
        return self._subs.get(account)

    def of(self, parent: int) -> list[SubWallet]:
        """The sub-wallets of a wallet's account, closed ones too, the oldest first."""
        return [self._subs[account] for account in self._of_parent.get(parent, ())]

    def open_ones(self, parent: int) -> list[SubWallet]:
        """Those that are not closed."""
        family = self.of(parent)
        closed = self._ledger.read([each.account for each in family])["flags"] & AccountFlag.CLOSED
        return [each for each, is_closed in zip(family, closed, strict=True) if not is_closed]

    def caps_fen(self, parent: int) -> int:
        """What the open sub-wallets of a wallet may have together."""
        return sum(each.terms.balance_cap_fen for each in self.open_ones(parent))

    def are_kin(self, one: int, other: int) -> bool:
        """Whether one of two accounts is the other's parent."""
        if not self._subs:
            return False
        first, second = self._subs.get(one), self._subs.get(other)
        return bool((first and first.parent == other) or (second and second.parent == one))

    def over(self, most: int) -> list[SubWallet]:
        """Some of those whose money is to go home, and that were not closed the last time; the
        next call begins with others.
        """
        now_ms = self._clock.now_ms()
        with self._changing:
            while self._ends and self._ends[0][0] < now_ms:
                _, account = heapq.heappop(self._ends)
                if self._subs[account].is_over(now_ms):
                    self._over[account] = None
            turn = list(islice(self._over, most))
            for account in turn:
                self._over.move_to_end(account)
            return [self._subs[account] for account in turn]

    def mandates_with_money(self, most: int) -> list[SubWallet]:
        """Of so many mandates, which take turns, those with money that nobody asks for any more: it
        came back, or was given back, and is to go home.
        """
        with self._changing:
            turn = list(islice(self._mandates, most))
            for account in turn:
                self._mandates.move_to_end(account)
        if not turn:
            return []
        has = self._ledger.read(turn)["available_fen"] > 0
        return [self._subs[account] for account, fen in zip(turn, has, strict=True) if fen]

    def now(self, account: int) -> SubWallet:
        """A sub-wallet that was found to be over, as it is now: its end may have been put off in
        its last moment, or the clock set back. Then it waits for its end again.
        """
        with self._changing:
            sub = self._subs[account]
            if account in self._over and not sub.is_over(self._clock.now_ms()):
                self._await_end(sub)
            return sub

    def closed(self, account: int) -> None:
        """Takes in that an account is closed."""
        with self._changing:
            self._over.pop(account, None)
            self._mandates.pop(account, None)

    def mandate(self, account: int) -> SubWallet | None:
        """The mandate of an account; None if it is none."""
        sub = self._subs.get(account)
        return sub if sub is not None and sub.is_mandate else None

    def pays_by_mandate(self, account: int, asker: str) -> bool:
        """Whether an account is a mandate's by which this asker is paid."""
        given = self.mandate(account)
        return given is not None and asker in given.terms.payees

    def mandates_of(self, parent: int) -> list[SubWallet]:
        """The mandates that a wallet has given, closed ones too, the oldest first."""
        return [each for each in self.of(parent) if each.is_mandate]

    def check_end(self, wallet: Wallet, expires_ms: int) -> None:
        """Raises Refusal: VALIDITY_TOO_LONG, if an order would outlive its sub-wallet.

        The end is only ever put off, so an order that was taken once passes for good.
        """
        sub = self._subs.get(wallet.account)
        if sub is not None and expires_ms > sub.terms.ends_time_ms:
            raise Refusal(
                errors_pb2.REASON_VALIDITY_TOO_LONG,
                "the sub-wallet ends before that",
                field="expires_time_ms",
                ends_time_ms=str(sub.terms.ends_time_ms),
            )

    def refusal(self, account: int, payee_number: str, payee: int) -> Refusal | None:
        """Why a wallet may not pay a payee; None if it may, as far as this is not the rule's.

        Args:
            account: the payer's.
            payee_number: as the order has it; "" for offline money, which may go to anybody.
            payee: the payee's account here, if there is one.
        """
        sub = self._subs.get(account)
        if sub is None:
            return None
        if sub.closing:
            return said(errors_pb2.REASON_WALLET_CLOSED)
        allowed = sub.terms.payees
        if not allowed or payee_number in allowed or payee == sub.parent:
            return None
        return said(errors_pb2.REASON_PAYEE_NOT_ALLOWED, "" if payee_number else "device_key")

    def check_is_none(self, wallet: Wallet) -> None:
        """Raises Refusal: NOT_FOR_SUB_WALLETS."""
        if wallet.account in self._subs:
            raise Refusal(
                errors_pb2.REASON_NOT_FOR_SUB_WALLETS, "this is done by the wallet it belongs to"
            )

    def whose_limit(self, account: int, result: Result, amount_fen: int) -> dict[str, str]:
        """Says, for a refusal, whether a limit that a sub-wallet met is that of its parent.

        It looks at how things stand now: for a person to know where to ask.
        """
        sub = self._subs.get(account)
        if sub is None or result not in _OVER:
            return {}
        own = CHOICES[sub.limit_set]
        if result == Result.OVER_SINGLE_LIMIT:
            is_own = amount_fen > own.single_fen
        else:
            day_fen, _ = spent_fen(self._ledger.read([account]), 0, self._clock.now_ms())
            is_own = 0 < own.day_fen < day_fen + amount_fen and result == Result.OVER_DAY_LIMIT
        return {} if is_own else {"limit_of": "parent"}


def said(reason: int, field: str = "") -> Refusal:
    """The refusal of an order that a sub-wallet may not make, for this reason."""
    if reason == errors_pb2.REASON_PAYEE_NOT_ALLOWED:
        message = "this sub-wallet was opened to pay others only"
        return Refusal(reason, message, field=field or "payee_number")
    if reason == errors_pb2.REASON_WALLET_CLOSED:
        return Refusal(reason, "the sub-wallet is being closed")
    return Refusal(reason, "it was refused for this before; make it anew")
