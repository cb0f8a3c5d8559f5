"""What the model knows of sub-wallets: what is ordered about them, and that their money goes home.

Of what it cannot know it learns two facts more: whether an order that was interrupted was written,
and whether the bank's step has come to a sub-wallet that is being closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from dcep.bank.v1 import sub_wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from simulation.scheme.judge import Judge
from simulation.scheme.known import Bank, Mandate, Wallet, Wrong
from simulation.scheme.mandates import Try

_OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
_CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE


class Seen(Protocol):
    """What a bank has of a wallet, by its number."""

    def available_fen(self, number: str) -> int:
        """What it has."""

    def is_closed(self, number: str) -> bool:
        """Whether it is closed."""

    def opened(self, number: str, payload: bytes) -> str:
        """The number of the sub-wallet that a wallet has opened by this order; "" if it has not."""

    def tries(self, first: int) -> Sequence[Try]:
        """Which requests are tried by mandates, from one number on."""

    def is_last_order(self, number: str, payload: bytes) -> bool:
        """Whether what a sub-wallet may do is what this order says."""


class _Doubt(NamedTuple):
    """An order that was interrupted."""

    order: sub_wallets_pb2.SubWalletOrder
    payload: bytes


class Families:
    """Sub-wallets that hold money, and mandates. Others, which are opened meanwhile, stay empty.

    Attributes:
        mandates: (parent's number, payee's number) of each that ever was, by its own number.
    """

    def __init__(self, judge: Judge) -> None:
        self.mandates: dict[str, tuple[str, str]] = {}
        self._judge = judge
        self._doubts: dict[str, list[_Doubt]] = defaultdict(list)

    def ordered(
        self,
        name: str,
        here: Bank,
        envelope: SignedEnvelope,
        call: Callable[[], sub_wallets_pb2.OrderSubWalletResponse],
    ) -> sub_wallets_pb2.OrderSubWalletResponse:
        """A bank answers an order about a sub-wallet. Raises as the bank."""
        order = sub_wallets_pb2.SubWalletOrder.FromString(envelope.payload)
        opens = order.action == _OPEN and order.terms.HasField("mandate")
        if not opens and order.sub_wallet_number not in here.wallets:
            return call()
        try:
            answer = call()
        except BaseException:
            self._doubts[name].append(_Doubt(order, envelope.payload))
            raise
        if opens:
            self._open(here, order, answer.sub_wallet.wallet_number)
        else:
            self._take(here, order)
        return answer

    def learn(self, name: str, here: Bank, seen: Seen) -> None:
        """A bank has done something: which of the interrupted orders were written is learned."""
        for doubt in self._doubts.pop(name, []):
            if doubt.order.action == _OPEN:
                if number := seen.opened(doubt.order.wallet_number, doubt.payload):
                    self._open(here, doubt.order, number)
            elif seen.is_last_order(doubt.order.sub_wallet_number, doubt.payload):
                self._take(here, doubt.order)

    def look(self, here: Bank, seen: Seen) -> None:
        """A bank has done something. Raises Wrong if that moved money that it may not move."""
        for number, wallet in here.wallets.items():
            if (wallet.closing or wallet.mandate) and not wallet.closed:
                self._look_at(here, number, wallet, seen)

    def forget(self, name: str) -> None:
        """An older copy has taken the place of a bank's database."""
        self._doubts.pop(name, None)

    def unclosed(self, here: Bank) -> list[str]:
        """The numbers of sub-wallets that are to be closed, and whose parents have room."""
        return [
            number
            for number, wallet in here.wallets.items()
            if (wallet.closing or (wallet.mandate and wallet.available_fen))
            and not wallet.closed
            and (not wallet.available_fen or self._judge.room_fen(here.wallets[wallet.parent]) > 0)
        ]

    def _look_at(self, here: Bank, number: str, wallet: Wallet, seen: Seen) -> None:
        parent = here.wallets[wallet.parent]
        fen = wallet.available_fen - seen.available_fen(number)
        goes_fen = min(wallet.available_fen, max(0, self._judge.room_fen(parent)))
        if fen and (fen != goes_fen or wallet.frozen or parent.frozen):
            raise Wrong(f"{fen} fen of {number} went home, where {goes_fen} could go")
        wallet.available_fen -= fen
        parent.available_fen += fen
        if seen.is_closed(number):
            if wallet.available_fen or wallet.held_fen or not wallet.closing:
                raise Wrong(f"{number} is closed with {wallet.available_fen} fen in it")
            wallet.closed, wallet.frozen = True, False

    def _open(self, here: Bank, order: sub_wallets_pb2.SubWalletOrder, number: str) -> None:
        if number not in here.wallets:
            wallet = here.wallets[number] = Wallet(parent=order.wallet_number)
            give(wallet, order.terms)
            self.mandates[number] = order.wallet_number, order.terms.payees[0]

    @staticmethod
    def _take(here: Bank, order: sub_wallets_pb2.SubWalletOrder) -> None:
        if order.request_id in here.family_orders:
            return
        here.family_orders.add(order.request_id)
        wallet = here.wallets[order.sub_wallet_number]
        wallet.of_a_copy = False
        if order.action == _CLOSE:
            wallet.closing = True
        else:
            give(wallet, order.terms)


def give(wallet: Wallet, terms: sub_wallets_pb2.SubWalletTerms) -> None:
    """A sub-wallet has the limits of an order from now on."""
    wallet.cap_fen = terms.balance_cap_fen
    if terms.HasField("mandate"):
        of = terms.mandate
        wallet.mandate = Mandate(terms.payees[0], of.each_fen, of.month_fen)
    wallet.single_fen = min(terms.single_fen or terms.balance_cap_fen, terms.balance_cap_fen)
