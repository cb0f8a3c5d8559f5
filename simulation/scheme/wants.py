"""What people do: one step after another."""

from __future__ import annotations

import random
from contextlib import suppress

from runtime.errors import NoAnswer, Refusal
from simulation.scheme import classes, sub_wallets
from simulation.scheme.life import Done, Living, Wish
from simulation.scheme.system import (
    PARENTS,
    wallet_of_mallory,
)
from wallet.app import App
from wallet.online.requests import DECLINE, REMIND, WITHDRAW, RequestLine

_MOST_FEN, _MOST_LOADED_FEN, _MOST_TOPPED_UP_FEN = 30_000, 20_000, 200_000
_SOON_MS, _LATE_MS = 20_000, 3_600_000
"""When requests to pay are due: some while a run goes on, some not."""

_FEW = 5


class Wants(Living):
    """Steps of people."""

    def _wish(self) -> None:
        """Somebody wants to pay, to top up or to cash out."""
        wallet, numbers = self._a_wallet(), self.system.numbers
        key, fen = self.system.randomness.uuid(), self._chance.randrange(1, _MOST_FEN)
        others = [number for name, number in numbers.items() if name != wallet]
        payee = self._chance.choice([*others, wallet_of_mallory(0)])
        kind = self._chance.randrange(2 if wallet in PARENTS else 0, 6)

        done = Done(wallet, payee, -fen)
        if kind < 2:
            done = Done(wallet, "", -fen if kind == 0 else fen)

        def act(app: App) -> None:
            if kind < 2:
                exchange = app.holder().cash_out if kind == 0 else app.holder().top_up
                placed = exchange(fen, request_id=key)
                self.exchanged[placed.order.payment_id] = (wallet, done.change_fen)
                return
            paid = app.holder().pay(payee, fen, request_id=key)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, payee, fen)

        self.wishes[key] = Wish(wallet, act, done)
        self._ask(key)

    def _pay(self, wallet: str, payee: str) -> None:
        """Somebody wants to pay somebody."""
        key, fen = self.system.randomness.uuid(), self._chance.randrange(1, _MOST_FEN)

        def act(app: App) -> None:
            paid = app.holder().pay(payee, fen, request_id=key)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, payee, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, payee, -fen))
        self._ask(key)

    def _ask_to_pay(self) -> None:
        """Somebody asks somebody else for money; nobody need be told whether that was heard."""
        wallet, numbers = self._a_wallet(), self.system.numbers
        payer = self._chance.choice([number for name, number in numbers.items() if name != wallet])
        fen, partial = self._chance.randrange(2, _MOST_FEN), self._chance.random() < 0.5
        lasts_ms = self._chance.choice([_SOON_MS, _LATE_MS])
        due_ms = self.system.clocks.now_ms(wallet) + lasts_ms

        def act(app: App) -> object:
            return app.requests_to_pay().ask(payer, fen, due_time_ms=due_ms, partial=partial)

        self._work(wallet, act)

    def _pay_asked(self) -> None:
        """Somebody pays a request that they are shown, or a part of it, or more than is left."""
        wallet, key = self._a_wallet(), self.system.randomness.uuid()
        lines = [line for line in self._requests_of(wallet) if not (line.mine or line.mandate)]
        if not lines:
            return
        line = self._chance.choice(lines)
        fen = line.left_fen or 1
        if line.partial:
            fen = self._chance.randrange(1, fen + 2)

        def act(app: App) -> None:
            paid = app.requests_to_pay().pay(line, fen, request_id=key)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, line.counterparty, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, line.counterparty, -fen))
        self._ask(key)

    def _pay_topped_up(self) -> None:
        """Somebody pays with what is in the deposit account as well."""
        wallet, numbers = self._a_holder(), self.system.numbers
        key, fen = self.system.randomness.uuid(), self._chance.randrange(1, _MOST_TOPPED_UP_FEN)
        others = [number for name, number in numbers.items() if name != wallet]
        payee = self._chance.choice([*others, wallet_of_mallory(0)])

        def act(app: App) -> None:
            paid = app.holder().pay(payee, fen, request_id=key, top_up=True)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, payee, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, payee, -fen))
        self._ask(key)

    def _refund(self) -> None:
        """Somebody gives a payment back that came, a part of it, or more than it."""
        wallet, key = self._a_wallet(), self.system.randomness.uuid()
        number = self.system.numbers[wallet]
        came = [(of, said[2]) for of, said in self.settled.items() if said[1] == number]
        received = self.system.model.banks[self._bank_of(wallet)].received
        mandates = self.system.model.families.mandates
        came += [
            (of, fen)
            for (payee, of), fen in received.items()
            if payee == number and of.partition("-")[0] in mandates
        ]
        if not came:
            return
        payment_id, paid_fen = self._chance.choice(came)
        fen, payer = self._chance.randrange(1, paid_fen + 2), payment_id.partition("-")[0]

        def act(app: App) -> None:
            given = app.holder().refund(payment_id, fen, request_id=key)
            if given.pending:
                raise NoAnswer("pending")
            self.settled[given.order.payment_id] = (wallet, payer, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, payer, -fen))
        self._ask(key)

    def _change_asked(self) -> None:
        """Somebody withdraws a request, or reminds of it, or declines one."""
        wallet = self._a_wallet()
        if not (lines := self._requests_of(wallet)):
            return
        line = self._chance.choice(lines)
        change = self._chance.choice([WITHDRAW, REMIND]) if line.mine else DECLINE
        self._work(wallet, lambda app: app.requests_to_pay().change(line.name, change))

    def _requests_of(self, wallet: str) -> list[RequestLine]:
        """Those that a wallet has made or is shown, as far as its bank answers."""
        found: list[RequestLine] = []
        with suppress(NoAnswer, Refusal):
            self.system.run(wallet, lambda app: found.extend(app.requests_to_pay().lines()))
        return found[:_FEW]

    def _sub_wallet(self) -> None:
        """Somebody orders something about a sub-wallet of theirs."""
        chance = random.Random(self._chance.getrandbits(48))
        self._work(self._a_holder(), lambda app: sub_wallets.order(app, chance))

    def _in_the_family(self) -> None:
        """Somebody moves money to a sub-wallet of theirs, or it pays them."""
        child = self._chance.choice(list(PARENTS))
        parties = self._chance.choice([(PARENTS[child], child), (child, PARENTS[child])])
        self._pay(parties[0], self.system.numbers[parties[1]])

    def _with_a_sub_wallet(self) -> None:
        """A sub-wallet pays somebody else, or somebody else pays it."""
        child = self._chance.choice(list(PARENTS))
        others = [name for name in self.system.numbers if name not in (child, PARENTS[child])]
        other = self._chance.choice(others)
        payer, payee = self._chance.choice([(child, other), (child, other), (other, child)])
        self._pay(payer, self.system.numbers[payee])

    def _another_class(self) -> None:
        """Somebody asks their bank for another class."""
        chance = random.Random(self._chance.getrandbits(48))
        self._work(self._a_holder(), lambda app: classes.change(app, chance))

    def _sweep(self) -> None:
        """Somebody orders whether, and from where on, arrivals go on to the deposit account."""
        sweeps, level = self._chance.random() < 0.8, self._chance.choice([0, 1, 2])
        above_fen = self._chance.randrange(1, _MOST_TOPPED_UP_FEN) if level else 0
        wallet = self._a_holder()
        self._work(wallet, lambda app: app.holder().sweep(sweeps=sweeps, above_fen=above_fen))

    def _load(self) -> None:
        """Somebody loads money onto a device."""
        wallet, key = self._a_wallet(), self.system.randomness.uuid()
        fen = self._chance.randrange(1, _MOST_LOADED_FEN)

        def act(app: App) -> None:
            if app.loading().load(fen, request_id=key).pending:
                raise NoAnswer("pending")

        self.wishes[key] = Wish(wallet, act, None)
        self._ask(key)

    def _hand(self) -> None:
        """One device pays another."""
        self.devices.pay(self._chance)

    def _take(self) -> None:
        """A payment that lay about is taken."""
        if self.devices.papers:
            self.devices.take(self._chance.randrange(len(self.devices.papers)))

    def _clone(self) -> None:
        """Somebody pays with the same money twice."""
        self.devices.cheat(self._chance)

    def _deposit(self) -> None:
        """Somebody deposits what is in a device."""
        self._deposit_all(self._a_wallet())

    def _insist(self) -> None:
        """Somebody asks again who had no answer."""
        if self.wishes:
            self._ask(self._chance.choice(list(self.wishes)))
