"""Who lives in a run, and what all of them do in the same way."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2 as _E
from dcep.office.v1 import office_pb2
from runtime.errors import NoAnswer, Refusal
from simulation.scheme import sub_wallets
from simulation.scheme.cheating import Cheats
from simulation.scheme.devices import Devices
from simulation.scheme.ports import CENTRAL
from simulation.scheme.system import (
    MANDATES,
    PARENTS,
    PREFIXES,
    HomeCopy,
    System,
    SystemCopy,
)
from wallet.app import App
from wallet.orders.submitter import RefusedBefore

START_FEN, _CHILDS_FEN = 100_000, 20_000


class Done(NamedTuple):
    """What somebody has a bank do with their wallet.

    Attributes:
        wallet: whose.
        payee: the number of who is paid; "" for an exchange.
        change_fen: of the wallet.
    """

    wallet: str
    payee: str
    change_fen: int


class Wish(NamedTuple):
    """What somebody wants and has no answer to.

    Attributes:
        wallet: who.
        act: has their wallet do it, or ask again.
        done: what becomes of it, if it is no load.
    """

    wallet: str
    act: Callable[[App], None]
    done: Done | None


class Living:
    """People who want things, officers who decide, services that work.

    Attributes:
        system: what runs.
        settled: acknowledged payments, (payer, payee's number, fen) by payment id.
        exchanged: acknowledged exchanges, (wallet, fen into it), by id.
        refused: what was refused.
        forgotten: what may be done though nobody was told so: it was refused by a bank which an
            older copy took the place of since, or asked for in a home which one took the place of.
        gone: ids of orders that a bank had decided, and that an older copy of it did not have.
        wishes: what wallets want and have no answer to, by request id.
        some_load_is_forgotten: so its tokens stay in the float, until they expire.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        """Founds the system, and has every wallet topped up and every device certified."""
        self.system = System(seed, folder)
        self.settled: dict[str, tuple[str, str, int]] = {}
        self.exchanged: dict[str, tuple[str, int]] = {}
        self.refused: set[Done] = set()
        self.forgotten: set[Done] = set()
        self.gone: set[str] = set()
        self.wishes: dict[str, Wish] = {}
        self.some_load_is_forgotten = False
        self._proposed: list[SignedEnvelope] = []
        self._copies: list[tuple[str, SystemCopy]] = []
        self._homes: list[HomeCopy] = []
        self._central_copy: Engine | None = None
        self._cheats = Cheats(self.system)
        self.devices = Devices(self.system)
        self._chance = random.Random(seed)
        for wallet, number in self.system.numbers.items():
            if (parent := PARENTS.get(wallet)) is None:
                placed = self.system.wallet(wallet).holder().top_up(START_FEN)
                self.exchanged[placed.order.payment_id] = (wallet, START_FEN)
            else:
                paid = self.system.wallet(parent).holder().pay(number, _CHILDS_FEN)
                self.settled[paid.order.payment_id] = (parent, number, _CHILDS_FEN)
            self.system.wallet(wallet).loading().prepare()
        for giver, payee in MANDATES:
            app = self.system.wallet(giver)
            now_ms, number = app.clock.now_ms(), self.system.numbers[payee]
            app.sub_wallets().give(sub_wallets.mandate_of(now_ms, number, self._chance))

    def digest(self) -> str:
        """Of where every journal ends: equal runs have equal ones, hex."""
        ends = [self.system.tip(name) for name in (CENTRAL, *PREFIXES)]
        return hashlib.sha256(b"".join(ends)).hexdigest()[:16]

    def _ask(self, key: str) -> None:
        """Somebody asks for what they want, perhaps again; after an answer never more."""
        wish = self.wishes[key]
        try:
            self.system.run(wish.wallet, wish.act)
        except Refusal as refusal:
            if wish.done is not None:
                self.refused.add(wish.done)
            # What is told of an order from before its holder may have looked into since.
            is_new = not isinstance(refusal, RefusedBefore)
            if is_new and refusal.reason == _E.REASON_WALLET_USED_ELSEWHERE:
                knows = self.system.knows_of_another_place(wish.wallet)
                assert knows, f"{wish.wallet} orders on, as if nobody else had its key"
        except NoAnswer:
            return
        del self.wishes[key]

    def _work(self, name: str, step: Callable[[Any], object]) -> bool:
        """A background step or an officer's act; without an answer it did nothing, or all."""
        try:
            return bool(self.system.run(name, step))
        except (NoAnswer, Refusal):
            return False

    def _send(self) -> None:
        """A bank sends what is to go out."""
        self._work(self._a_bank(), lambda b: b.send())

    def _set_frozen(self, wallet: str, *, frozen: bool) -> None:
        number = self.system.numbers[wallet]
        name = self._bank_of(wallet)
        family = self.system.model.family_of(name, number)
        self._set_number_frozen(name, number, family if frozen else [], frozen=frozen)
        if not frozen:
            # Each is thawed by an act of its own; those that have a home, by themselves.
            for each in family:
                if each not in self.system.numbers.values():
                    self._set_number_frozen(name, each, [], frozen=False)

    def _set_number_frozen(
        self, name: str, number: str, along: Sequence[str], *, frozen: bool
    ) -> None:
        kind = office_pb2.FreezeWallet if frozen else office_pb2.UnfreezeWallet
        done = False
        with suppress(Refusal):
            done = self.system.by_two(name, kind(wallet_number=number))
        # A power cut may have come before the act or after it.
        for each in (number, *along):
            is_so = frozen if done else self.system.is_frozen(name, each)
            self.system.model.freeze(name, each, is_so)

    def _look_elsewhere(self, wallet: str) -> None:
        with suppress(NoAnswer, Refusal):
            self.system.resume(wallet)

    def _deposit_all(self, wallet: str) -> bool:
        """Whether everything in a device has come to its end."""
        try:
            return not self.system.run(wallet, lambda app: app.loading().deposit()).pending
        except (NoAnswer, Refusal):
            return False

    def _is_closed(self, wallet: str) -> bool:
        known = self.system.model.banks[self._bank_of(wallet)]
        return known.wallets[self.system.numbers[wallet]].closed

    def _bank_of(self, wallet: str) -> str:
        number = self.system.numbers[wallet]
        return next(bank for bank, prefix in PREFIXES.items() if number.startswith(prefix))

    def _a_wallet(self) -> str:
        return self._chance.choice(list(self.system.numbers))

    def _a_holder(self) -> str:
        """A wallet that is no sub-wallet."""
        return self._chance.choice([name for name in self.system.numbers if name not in PARENTS])

    def _a_bank(self) -> str:
        return self._chance.choice(list(PREFIXES))
