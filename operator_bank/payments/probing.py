"""Bounds what a payer can learn about payees from refused payments: too many make it wait.

A payment that fails for its payee tells that the payee's wallet does not exist, is not open, or is
nearly full. That cannot be hidden from somebody who could have paid; but it can be bounded how
often one may ask.

Failures are counted separately for each bank that is paid. So a bank that turns payments down makes
their payer wait for that bank only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from currency.number import prefix_of
from dcep.errors.v1 import errors_pb2
from operator_bank.ledger.accounts import FIRST_OF_WALLETS
from operator_bank.limits import (
    MAX_PAYEE_REFUSALS,
    MAX_PROBING,
    MAX_SHOWN_PROBING,
    PAYEE_REFUSALS_MS,
)
from runtime.chunks import chunks_by_owner
from runtime.errors import Refusal
from runtime.logs import logger

T = TypeVar("T")


class PayeeRefusals:
    """Counts failed payments by payer and payee's bank, in memory, for the newest payers that had
    any.

    `on_refused` is called for each; `waiting` says who has to wait.
    """

    def __init__(self, number_of: Callable[[int], str]) -> None:
        """Args:
        number_of: gives the number of the wallet of an account.
        """
        self._number_of = number_of
        self._log = logger("probing")
        # By account and prefix: when the count began, and how many payments failed since then.
        self._since: OrderedDict[tuple[int, str], tuple[int, int]] = OrderedDict()
        self._until: dict[tuple[int, str], int] = {}
        self.on_refused: Callable[[], None] = lambda: None

    def portions(self, items: Sequence[T], payer_of: Callable[[T], int]) -> Iterator[Sequence[T]]:
        """The items in order, in parts in each of which a payer has no more than may fail."""
        return chunks_by_owner(items, payer_of, MAX_PAYEE_REFUSALS)

    def check(self, account: int, payee_number: str, now_ms: int) -> None:
        """Checks that a payer may pay wallets of the payee's bank now.

        Raises:
            Refusal: TOO_MANY_REFUSALS, with retry_time_ms. Nothing was decided about the order.
        """
        if not self._until:
            return
        key = account, prefix_of(payee_number)
        until_ms = self._until.get(key, 0)
        if now_ms < until_ms:
            raise Refusal(
                errors_pb2.REASON_TOO_MANY_REFUSALS,
                f"{MAX_PAYEE_REFUSALS} payments of this wallet to that bank failed for their "
                "payees; it can pay there again later",
                retry_time_ms=str(until_ms),
            )
        self._until.pop(key, None)

    def count(self, account: int, payee_number: str, now_ms: int) -> None:
        """Counts that a payment of a wallet failed for its payee."""
        if account < FIRST_OF_WALLETS:
            return
        self.on_refused()
        key = account, prefix_of(payee_number)
        since_ms, count = self._since.pop(key, (now_ms, 0))
        if now_ms - since_ms >= PAYEE_REFUSALS_MS:
            since_ms, count = now_ms, 0
        self._since[key] = since_ms, count + 1
        while len(self._since) > MAX_PROBING:
            self._until.pop(self._since.popitem(last=False)[0], None)
        if count + 1 == MAX_PAYEE_REFUSALS:
            self._until[key] = since_ms + PAYEE_REFUSALS_MS
            self._log.warning("probing", wallet=self._number_of(account), refused=count + 1)

    def waiting(self, now_ms: int) -> list[str]:
        """Numbers of wallets that have to wait now."""
        waits = [key for key, until_ms in list(self._until.items()) if now_ms < until_ms]
        found = dict.fromkeys(account for account, _ in waits)
        return [self._number_of(account) for account in list(found)[:MAX_SHOWN_PROBING]]
