"""What services and officers do: one step after another."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

from currency.days import day_of
from dcep.bank.v1 import wallets_pb2
from dcep.office.v1 import office_pb2
from runtime.errors import Refusal
from simulation.scheme import classes
from simulation.scheme.life import Living
from simulation.scheme.people import officers_of
from simulation.scheme.ports import CENTRAL
from simulation.scheme.system import (
    CAP_FEN,
    PREFIXES,
    policy_of,
)

_BEST = wallets_pb2.WALLET_CLASS_I
_ACT_LASTS_MS = 20_000
_MOST_PROPOSED = 3


class Institutions(Living):
    """Steps of banks, of the central bank, and of their officers."""

    def _follow(self) -> None:
        """A bank reads its feed."""
        self._work(self._a_bank(), lambda b: b.follower.step())

    def _acknowledge(self) -> None:
        """A bank signs how far it has read."""
        self._work(self._a_bank(), lambda b: b.follower.acknowledge())

    def _project(self) -> None:
        """A service writes its journal out into tables."""
        self._work(self._chance.choice([CENTRAL, *PREFIXES]), lambda s: s.project())

    def _settle(self) -> None:
        """The central bank settles what was answered late."""
        self._work(CENTRAL, lambda c: c.settlement.settle_late())

    def _reserve(self) -> None:
        """The central bank asks banks to set money aside."""
        self._work(CENTRAL, lambda c: c.redemption_reserves.step())

    def _hang(self) -> None:
        """A bank's inner port begins to hang, or ends to."""
        self.system.hanging ^= {self._a_bank()}

    def _answer(self) -> None:
        """A bank that hung answers."""
        self.system.answer_late()

    def _office(self) -> None:
        """An officer of the central bank proposes to issue or to redeem."""
        first, _ = officers_of(CENTRAL)
        kind = self._chance.choice([office_pb2.Issue, office_pb2.Redeem])
        now_ms, wanted = self.system.clocks.now_ms(CENTRAL), self.system.randomness.uuid()
        asked = kind(bank=self._a_bank(), amount_fen=self._chance.randrange(1, 100_000))
        proposal = first.proposes(asked, now_ms, wanted, lasts_ms=_ACT_LASTS_MS)
        self._proposed = [*self._proposed, proposal][-_MOST_PROPOSED:]
        self._work(CENTRAL, lambda c: c.acts.propose(first.identity, proposal))
        self._work(CENTRAL, lambda c: c.redemption_reserves.step())

    def _decide(self) -> None:
        """Another officer approves what was proposed, or turns it down; perhaps again."""
        if not self._proposed:
            return
        proposal = self._chance.choice(self._proposed)
        _, second = officers_of(CENTRAL)
        now_ms = self.system.clocks.now_ms(CENTRAL)
        if self._chance.random() < 0.7:
            signed = second.signer.approve(proposal.payload, now_ms)
            self._work(CENTRAL, lambda c: c.acts.approve(second.identity, signed))
        else:
            signed = second.signer.reject(proposal.payload, now_ms)
            self._work(CENTRAL, lambda c: c.acts.reject(second.identity, signed))

    def _expire(self) -> None:
        """What nobody has decided expires."""
        self._work(CENTRAL, lambda c: c.acts.step())

    def _freeze(self) -> None:
        """A wallet is frozen, or the opposite."""
        self._set_frozen(self._a_wallet(), frozen=self._chance.random() < 0.5)

    def _counter(self) -> None:
        """Two officers of a bank see a holder with a document, or take back what they have seen."""
        wallet = self._a_holder()
        name, number = self._bank_of(wallet), self.system.numbers[wallet]
        right, confirms = self._chance.random() < 0.8, self._chance.random() < 0.7
        if confirms:
            salt = self._chance.randbytes(16)
            kind: Any = classes.seen(self.system.wallet(wallet), salt, right=right)
        else:
            lower = self._chance.choice([2, 3, 4])
            kind = office_pb2.DowngradeWallet(wallet_number=number, wallet_class=lower)
        try:
            done = self.system.by_two(name, kind)
        except Refusal:
            return
        assert right or not (confirms and done), f"{name} has taken somebody else for {wallet}"
        self.system.model.officers_saw(name, number, confirms if done else None)
        chance = random.Random(self._chance.getrandbits(48))
        if confirms:
            self._work(wallet, lambda app: classes.change(app, chance, _BEST))

    def _policy(self) -> None:
        """Two officers of the central bank publish what holds already, from some day on."""
        day = day_of(self.system.clocks.now_ms(CENTRAL)) + self._chance.randrange(1, 9)
        with suppress(Refusal):
            self.system.by_two(CENTRAL, policy_of(CAP_FEN, day))
