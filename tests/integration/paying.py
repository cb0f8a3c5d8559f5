"""Wallets that pay each other, on and on, while something is done to the services."""

from __future__ import annotations

import random
from collections import Counter
from types import TracebackType
from typing import Self

from auditor.audit import audit_stack
from auditor.signatures.stack import SignaturesAsked
from currency.number import PREFIX_DIGITS
from dcep.bank.v1 import states_pb2
from dcep.purposes.v1 import purposes_pb2
from deployment.topology import load
from sandbox.demo.environment import System, wait_until
from sandbox.stack.supervisor import Stack
from tests.integration.histories import Calls, Payer, Service, contradictions, kept, service
from tests.integration.raw_wallet import BankStubs, RawWallet

PATIENCE_S = 240.0
START_FEN = 100_000


def healthy(system: System) -> bool:
    """Whether each service of a stack says that it serves."""
    plan = load(system.plan.folder)
    return all(map(Stack(plan).healthy, plan.pids))


def pids(system: System) -> dict[str, int]:
    """The processes of a stack's services, by name."""
    return dict(load(system.plan.folder).pids)


class Paying:
    """Some wallets at each bank; they pay from the beginning of a ``with`` block to its end."""

    def __init__(self, system: System, chance: random.Random, per_bank: int = 2) -> None:
        self.calls = Calls()
        self._system = system
        stubs = [BankStubs(system.plan, bank.name) for bank in system.plan.banks]
        names = [f"payer {number}" for number in range(per_bank)]
        self.wallets = [RawWallet(peer, name=name) for peer in stubs for name in names]
        for wallet in self.wallets:
            wallet.top_up(START_FEN)
        numbers = [wallet.number for wallet in self.wallets]
        self._payers = [
            Payer(wallet, numbers, self.calls, random.Random(chance.random()))
            for wallet in self.wallets
        ]

    def __enter__(self) -> Self:
        for payer in self._payers:
            payer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for payer in self._payers:
            payer.stop()

    def more(self, count: int) -> None:
        """Waits until so many more payments have come through."""
        enough = len(self.calls.settled()) + count
        wait_until(lambda: len(self.calls.settled()) >= enough, "payments", PATIENCE_S)

    def check(self) -> Service:
        """Once it has ended: compares what was told with what the databases and statements have.

        Returns:
            How well the payers were served.
        """
        for payer in self._payers:
            payer.join(PATIENCE_S)
        wait_until(lambda: healthy(self._system), "health", PATIENCE_S)
        self._system.wait_quiet()
        audit = audit_stack(self._system.plan, SignaturesAsked(None, None, lambda _: None))
        assert audit.ok, audit.problems
        assert contradictions(self.calls.all(), kept(self._system.plan)) == []
        for wallet in self.wallets:
            self._check_statement(wallet)
        assert sum(w.show().available_fen for w in self.wallets) == START_FEN * len(self.wallets)
        served = service(self.calls.all())
        assert served.unpaid == 0, "nothing that was done is a reason to refuse anybody"
        self._check_that_all_kinds_were_paid()
        return served

    def _check_that_all_kinds_were_paid(self) -> None:
        """Payments within a bank alone would show nothing of those across banks."""
        pairs = {(p.payer[:PREFIX_DIGITS], p.payee[:PREFIX_DIGITS]) for p in self.calls.settled()}
        banks = {wallet.number[:PREFIX_DIGITS] for wallet in self.wallets}
        assert {payer for payer, payee in pairs if payer != payee} == banks

    def _check_statement(self, wallet: RawWallet) -> None:
        settled = self.calls.settled()
        out = [payment for payment in settled if payment.payer == wallet.number]
        received = [payment.amount_fen for payment in settled if payment.payee == wallet.number]
        shown = wallet.show()
        assert shown.held_fen == 0
        spent = sum(payment.amount_fen for payment in out)
        assert shown.available_fen == START_FEN - spent + sum(received)
        listed = wallet.payments()
        told = Counter(
            item.payment_id
            for item in listed
            if item.state == states_pb2.PAYMENT_STATE_SETTLED and item.change_fen < 0
        )
        assert told == Counter({f"{wallet.number}-{payment.sequence}": 1 for payment in out})
        arrived = [
            item.change_fen
            for item in listed
            if item.purpose == purposes_pb2.PURPOSE_PAYMENT and item.change_fen > 0
        ]
        assert sorted(arrived) == sorted(received)
