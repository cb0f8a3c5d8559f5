"""Brings the money of sub-wallets home that were closed or have ended, and then closes them.

A mandate holds no money of its own: what comes back into it goes home at any time. What is on its
way when a sub-wallet ends comes back to it, and goes home after that. If its parent
has no room, or is frozen, it waits where it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_HOMECOMING, MAX_MANDATES_LOOKED_AT
from operator_bank.sub_wallets.families import Families, SubWallet
from operator_bank.wallets.classes import Policy
from runtime.one_call_each import OneCallEach
from settlement.builders import Row, records_of, setting_flags, transfer
from settlement.core import Batch
from settlement.records import AccountFlag, RecordFlag

_FROZEN, _CLOSED = AccountFlag.FROZEN, AccountFlag.CLOSED


class Homecoming:
    """Makes one step for each sub-wallet whose time is over.

    Attributes:
        on_closed: is told the account of each that it has closed.
    """

    def __init__(self, context: Context, policy: Policy, families: Families) -> None:
        self._ledger = context.ledger
        self._clock = context.clock
        self._policy = policy
        self._families = families
        self._bringing = OneCallEach()
        self._numbering = threading.Lock()
        self.on_closed: Callable[[int], None] = lambda account: None

    def step(self) -> bool:
        """Brings home what can go, of some at a time, which take turns; returns False, as what
        cannot go waits for something else.
        """
        for sub in self._families.over(MAX_HOMECOMING):
            self.bring(sub.account)
        for sub in self._families.mandates_with_money(MAX_MANDATES_LOOKED_AT):
            self.bring(sub.account)
        return False

    def bring(self, account: int) -> None:
        """Brings home at once what can go of one whose time is over, or of a mandate."""
        with self.not_meanwhile(account):
            sub = self._families.now(account)
            if sub.is_mandate or sub.is_over(self._clock.now_ms()):
                self._bring(sub)

    def not_meanwhile(self, account: int) -> AbstractContextManager[None]:
        """A context in which no money of a sub-wallet goes home, for its parent to put its end off
        in.
        """
        return self._bringing.holding({account})

    def _bring(self, sub: SubWallet) -> None:
        own, parent = rows = self._ledger.read([sub.account, sub.parent])
        if own["flags"] & _CLOSED:
            self._families.closed(sub.account)
            return
        if (own["flags"] | parent["flags"]) & _FROZEN:
            return
        fen = available_fen = int(own["available_fen"])
        cap_fen = self._policy.cap_fen(rows, 1)
        if cap_fen:
            fen = min(fen, cap_fen - int(parent["available_fen"]) - int(parent["held_fen"]))
        if fen > 0:
            self._go(sub, fen)
        now_ms = self._clock.now_ms()
        if sub.is_over(now_ms) and fen == available_fen and not own["held_fen"]:
            # Refused if something came in meanwhile; then it is for the next step.
            closing = setting_flags(sub.account, _CLOSED, time_ms=now_ms, digest=sub.digest)
            if self._submit(closing):
                self._families.closed(sub.account)
                self.on_closed(sub.account)

    def _go(self, sub: SubWallet, fen: int) -> None:
        with self._numbering:
            [last] = self._ledger.read([accounts.SUB_WALLETS])
            self._submit(self._homeward(sub, int(last["last_sequence"]) + 1, fen))

    def _homeward(self, sub: SubWallet, sequence: int, fen: int) -> Row:
        return transfer(
            origin=accounts.SUB_WALLETS,
            sequence=sequence,
            debit=sub.account,
            credit=sub.parent,
            amount_fen=fen,
            purpose=purposes_pb2.PURPOSE_SUB_WALLET,
            time_ms=self._clock.now_ms(),
            flags=RecordFlag.NO_LIMIT,
            digest=sub.digest,
        )

    def _submit(self, row: Row) -> bool:
        return self._ledger.submit(Batch(records_of([row]))).result(0).accepted
