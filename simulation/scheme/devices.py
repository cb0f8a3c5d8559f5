"""What people do with offline money: they load it, pay each other, deposit it; and one copies his
device and pays with the same money twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from runtime.errors import Refusal
from simulation.scheme.system import System


class Devices:
    """Payments from device to device: no bank, and no network.

    Attributes:
        papers: payments that were given out and that their payees have not seen yet, each with the
            payee.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self.papers: list[tuple[str, str]] = []

    def pay(self, chance: random.Random) -> None:
        """One device pays another; the payment may lie about for a while before it is taken."""
        if (payer := self._who_has_some(chance)) is None:
            return
        payee = chance.choice([name for name in self._system.numbers if name != payer])
        fen = chance.randrange(self._balance_fen(payer)) + 1
        if (paper := self._paid(payer, payee, fen)) is None:
            return
        self.papers.append((payee, paper))
        if chance.random() < 0.8:
            self.take(len(self.papers) - 1)

    def take(self, index: int) -> None:
        """A payee takes a payment that lay about."""
        payee, paper = self.papers.pop(index)
        self._try(lambda: self._system.wallet(payee).offline_payments().accept(paper))

    def cheat(self, chance: random.Random) -> None:
        """One copies his device, pays, puts the copy back, and pays somebody else with the same."""
        if (cheat := self._who_has_some(chance)) is None:
            return
        first, second = chance.sample([name for name in self._system.numbers if name != cheat], 2)
        # All of it: what he pays of it twice is then lost.
        fen = self._balance_fen(cheat)
        files = self._system.device_files(cheat)
        papers = []
        for payee in (first, second):
            papers.append((payee, self._paid(cheat, payee, fen)))
            if len(papers) == 1:
                self._system.clone(cheat, files)
        given = [(payee, paper) for payee, paper in papers if paper is not None]
        if given:
            self._system.model.cheats.add(self._system.numbers[cheat])
        for payee, paper in given:
            self.papers.append((payee, paper))
            self.take(len(self.papers) - 1)

    def _balance_fen(self, wallet: str) -> int:
        return self._system.wallet(wallet).offline_payments().balance_fen()

    def _paid(self, payer: str, payee: str, fen: int) -> str | None:
        """The text of a payment; None if the payer or the payee cannot now."""
        devices = self._system.wallet(payer).offline_payments()
        request = self._try(lambda: self._system.wallet(payee).offline_payments().request(fen))
        return request and self._try(lambda: devices.pay(request))

    def _who_has_some(self, chance: random.Random) -> str | None:
        """A wallet with money in its device; None if there is none."""
        wallets = [name for name in self._system.numbers if self._balance_fen(name)]
        return chance.choice(wallets) if wallets else None

    @staticmethod
    def _try(act: Callable[[], object]) -> str | None:
        try:
            done = act()
        except Refusal:
            return None
        return done if isinstance(done, str) else None
