"""What is done with mandates: one step after another."""

from __future__ import annotations

import random
from contextlib import suppress

from runtime.errors import NoAnswer, Refusal
from simulation.scheme import sub_wallets
from simulation.scheme.life import Living
from wallet.app import App
from wallet.online.requests import ALLOW, DECLINE, RequestLine

_MOST_FEN, _SOON_MS, _LATE_MS = sub_wallets.MOST_ASKED_FEN, 20_000, 3_600_000


class Charges(Living):
    """Steps of those who have given a mandate, and of those who are paid by it."""

    def _charge(self) -> None:
        """Somebody asks by a mandate, now and then by one that is not theirs."""
        mandates = self.system.model.families.mandates
        number = self._chance.choice(list(mandates))
        names = {has: name for name, has in self.system.numbers.items()}
        wallet = names[mandates[number][1]] if self._chance.random() < 0.9 else self._a_wallet()
        fen, soon = self._chance.randrange(1, _MOST_FEN), self._chance.random() < 0.3
        due_ms = self.system.clocks.now_ms(wallet) + (_SOON_MS if soon else _LATE_MS)
        partial = self._chance.random() < 0.2
        self._work(
            wallet,
            lambda app: app.requests_to_pay().ask(number, fen, due_time_ms=due_ms, partial=partial),
        )

    def _allow(self) -> None:
        """Somebody sees what was not paid by their mandate, and says that it be, or declines."""
        wallet = self._a_holder()
        found: list[RequestLine] = []
        with suppress(NoAnswer, Refusal):
            self.system.run(wallet, lambda app: found.extend(app.requests_to_pay().lines()))
        asked = [line for line in found if line.mandate and line.is_open]
        if not asked:
            return
        line = self._chance.choice(asked)
        change = ALLOW if self._chance.random() < 0.8 else DECLINE
        self._work(wallet, lambda app: app.requests_to_pay().change(line.name, change))

    def _mandate(self) -> None:
        """Somebody gives a mandate."""
        wallet = self._a_holder()
        others = [name for name in self.system.numbers if name != wallet]
        payee = self.system.numbers[self._chance.choice(others)]
        chance = random.Random(self._chance.getrandbits(48))

        def act(app: App) -> object:
            terms = sub_wallets.mandate_of(app.clock.now_ms(), payee, chance)
            return app.sub_wallets().give(terms)

        self._work(wallet, act)
