"""How a run comes to rest, and what everybody does then."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from dcep.errors.v1 import errors_pb2 as _E
from runtime.errors import Refusal
from simulation.scheme.life import Living
from simulation.scheme.ports import CENTRAL
from simulation.scheme.signing import TwoSign
from simulation.scheme.system import (
    PARENTS,
    PREFIXES,
)
from wallet.app import App
from wallet.online.keys import IN_FORCE, REPLACED
from wallet.recovery.rotating import OrdersOpen

_ROUNDS, _ROUND_MS = 12, 2_501
"""So often everything that works in the background has its turn until nothing may be under way."""


class Rests(Living):
    """Everything works again."""

    def rest(self) -> None:
        """Everything works again, until nothing is under way. Raises AssertionError if it never
        is.
        """
        system = self.system
        system.network.calm = True
        system.network.mend()
        system.clocks.agree()
        for disk in system.disks.values():
            disk.full = False
        system.hanging.clear()
        while system.network.deliver_late() or system.answer_late():
            pass
        for _ in range(_ROUNDS):
            before = self.digest()
            system.clocks.advance(_ROUND_MS)
            while self._work(CENTRAL, lambda c: c.settlement.settle_late()):
                pass
            self._work(CENTRAL, lambda c: c.redemption_reserves.step())
            for name in PREFIXES:
                system.bring_back(name)
                while self._work(name, lambda b: b.send()) or self._work(
                    name, lambda b: b.follower.step()
                ):
                    pass
            for wallet, number in system.numbers.items():
                if system.is_frozen(self._bank_of(wallet), number):
                    self._set_frozen(wallet, frozen=False)
            while self.devices.papers:
                self.devices.take(0)
            for wallet in system.numbers:
                self._look_elsewhere(wallet)
            for key in list(self.wishes):
                self._ask(key)
            deposited = [self._deposit_all(wallet) for wallet in system.numbers]
            if (
                all(deposited)
                and not self.wishes
                and self.digest() == before
                and self._all_follow()
                and not self._left()
            ):
                break
        assert all(deposited), "a deposit has no end"
        assert not self.wishes, f"{len(self.wishes)} wishes have no answer"
        self._check_closed()
        holders = [wallet for wallet in system.numbers if wallet not in PARENTS]
        for wallet in system.numbers:
            self._change_key(wallet)
            if wallet in holders:
                self._order_again(wallet)
            self._refund_once(wallet)
        self._settle_refunds()
        for child, parent in PARENTS.items():
            if not self._is_closed(child):
                system.run(parent, partial(_close, number=system.numbers[child]))
        self._end_mandates()
        self._check_closed()
        for wallet in holders:
            if not self._has_mandates(wallet):  # whose money has no room at home
                self._two_sign(wallet)
        self._settle_refunds()
        assert not self._left(), f"{self._left()} payments have no end"
        system.check()

    def _end_mandates(self) -> None:
        """Nothing waits to be tried, and who has given a mandate ends it."""
        names = {number: name for name, number in self.system.numbers.items()}
        for bank, known in self.system.model.banks.items():
            assert not known.tries, f"{bank} has not tried {known.tries}"
            for number, wallet in known.wallets.items():
                if wallet.mandate and not wallet.closing:
                    self.system.run(names[wallet.parent], partial(_close, number=number))
        self._settle_refunds()

    def _has_mandates(self, wallet: str) -> bool:
        """Whether a mandate of a wallet is not closed."""
        known = self.system.model.banks[self._bank_of(wallet)].wallets
        family = self.system.model.family_of(self._bank_of(wallet), self.system.numbers[wallet])
        return any(known[each].mandate and not known[each].closed for each in family)

    def _check_closed(self) -> None:
        """Every sub-wallet is closed that is to be and can be. Raises AssertionError."""
        for name, known in self.system.model.banks.items():
            waiting = self.system.model.families.unclosed(known)
            assert not waiting, f"{name} has not closed {waiting}"

    def _order_again(self, wallet: str) -> None:
        """A wallet orders something more, which its bank may refuse, but not for its number once
        its holder has looked.
        """
        for looked in (False, True):
            try:
                placed = self.system.wallet(wallet).holder().cash_out(1, anew=True)
            except Refusal as refusal:
                if refusal.reason != _E.REASON_WALLET_USED_ELSEWHERE:
                    return
                assert not looked, f"{wallet} cannot go on"
                self._look_elsewhere(wallet)
            else:
                self.exchanged[placed.order.payment_id] = (wallet, -1)
                return

    def _change_key(self, wallet: str) -> None:
        """A wallet's key puts another one in its place; what was ordered by it before stays, and
        the wallet goes on with sequences that nobody has used.
        """
        app = self.system.wallet(wallet)
        before = app.key_here()
        with suppress(OrdersOpen):  # of a home that was put back
            if self._is_closed(wallet):
                return
            there = app.rotate_key()
            assert there.state().state == IN_FORCE, f"{wallet} has not the key that it made"
            assert before.state().state == REPLACED, f"{wallet} still has the key of before"

    def _two_sign(self, wallet: str) -> None:
        """A wallet is on a second phone, which pays; then each payment takes both."""
        payee = next(number for name, number in self.system.numbers.items() if name != wallet)
        for payment_id, fen in TwoSign(self.system.wallet(wallet)).pay(payee):
            if fen < 0:
                self.exchanged[payment_id] = (wallet, fen)
            else:
                self.settled[payment_id] = (wallet, payee, fen)

    def _refund_once(self, wallet: str) -> None:
        """A wallet refunds a part of the last payment that it was told of, and then too much of it.
        The model knows what its bank has to say.
        """
        number = self.system.numbers[wallet]
        came = [(key, said) for key, said in self.settled.items() if said[1] == number]
        if not came:
            return
        payment_id, (_, _, paid_fen) = came[-1]
        for fen in (paid_fen // 3 + 1, paid_fen):
            with suppress(Refusal):
                refund = self.system.wallet(wallet).holder().refund(payment_id, fen, anew=True)
                payer = payment_id.partition("-")[0]
                self.settled[refund.order.payment_id] = (wallet, payer, fen)

    def _settle_refunds(self) -> None:
        """What went to another bank arrives, or comes back."""
        before = ""
        while (ends := self.digest()) != before:
            before = ends
            for name in PREFIXES:
                while self._work(name, lambda b: b.send()):
                    pass
            for name in PREFIXES:
                while self._work(name, lambda b: b.follower.step()):
                    pass

    def _left(self) -> int:
        """How many payments of all banks are on their way."""
        books = [self.system.bank(name).vault.books() for name in PREFIXES]
        return sum(each.pending_outbound for each in books)

    def _all_follow(self) -> bool:
        """Whether no bank's feed has stopped."""
        return all(self.system.bank(name).follower.stopped is None for name in PREFIXES)


def _close(parent: App, number: str) -> None:
    """A wallet closes a sub-wallet of its own."""
    parent.sub_wallets().close(number)
