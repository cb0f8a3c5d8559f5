"""What refused payments tell of their payees is bounded: whoever has too many of them waits.

A payment that fails for its payee says that this wallet is not there, not open, or nearly full.
That cannot be hidden from somebody who could have paid; how often one may ask, can.

Failures are counted apart for each bank that is paid: a bank that turns payments down makes their
payer wait for that bank, and for no other.
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
from runtime.errors import Refusal
from runtime.logs import logger
from runtime.parts import parts_by_owner

T = TypeVar("T")


class PayeeRefusals:
    """Counts them by payer and bank of the payee, in memory, for the newest that had any.

    `on_refused` hears of each; `waiting` says whom it keeps waiting.
    """

    def __init__(self, number_of: Callable[[int], str]) -> None:
        """Takes how the wallet of an account is called."""
        self._number_of = number_of
        self._log = logger("probing")
        # By account and prefix: when its time began, and how many there were since then.
        self._since: OrderedDict[tuple[int, str], tuple[int, int]] = OrderedDict()
        self._until: dict[tuple[int, str], int] = {}
        self.on_refused: Callable[[], None] = lambda: None

    def portions(self, items: Sequence[T], payer_of: Callable[[T], int]) -> Iterator[Sequence[T]]:
        """The items in order, in parts in which no payer has more than may fail."""
        return parts_by_owner(items, payer_of, MAX_PAYEE_REFUSALS)

    def check(self, account: int, payee_number: str, now_ms: int) -> None:
        """That a payer may go on paying wallets of the payee's bank.

        Raises:
            Refusal: TOO_MANY_REFUSALS, with retry_time_ms. The order was not judged.
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
        """A payment of a wallet has failed for its payee."""
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
