"""Random operations under lost, late, doubled and cut messages and power cuts; then the proof."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from auditor.audit import audit_engines
from dcep.office.v1 import office_pb2
from operator_bank.payments.tables import outbound, undeliverable
from runtime.errors import NoAnswer, Refusal
from tests.central_bank.system import LIN, MEI
from tests.officers.people import Person
from tests.simulation.network import CENTRAL, PREFIXES, RESERVES_FEN, SimulatedSystem

SEEDS = [int(os.environ["SEED"])] if "SEED" in os.environ else [1, 2, 3, 4]
WALLETS, STEPS, START_FEN = 5, 400, 100_000


class Traffic:
    """What people, officers and services do, one step after another."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.system = SimulatedSystem(seed, folder, WALLETS)
        self.chance = self.system.chance
        self.numbers = self.system.numbers
        self.wishes: dict[str, tuple[str, Callable[[Any], None]]] = {}
        """What a wallet wants and has no answer to, by request id."""
        self.settled: dict[str, tuple[str, str, int]] = {}
        """Acknowledged payments: (payer, payee's number, fen), by payment id."""
        self.exchanged: Counter[str] = Counter()
        """Acknowledged top-ups less cash-outs in fen, by wallet."""
        for bank in PREFIXES:
            self.work(bank, lambda b: b.follower.step())
        for wallet in self.numbers:
            self.system.built[wallet].holder().top_up(START_FEN)
            self.exchanged[wallet] = START_FEN

    def step(self) -> None:
        system, bank = self.system, self.chance.choice(list(PREFIXES))
        wallet = self.chance.choice(list(self.numbers))
        acts: dict[Callable[[], Any], int] = {
            lambda: self.wish(wallet): 8,
            lambda: self.insist(self.chance.choice(list(self.wishes) or [""])): 3,
            lambda: self.work(bank, lambda b: b.send()): 5,
            lambda: self.work(bank, lambda b: b.follower.step()): 5,
            lambda: self.work(bank, lambda b: b.project()): 1,
            lambda: self.work(CENTRAL, lambda c: c.project()): 1,
            lambda: self.work(CENTRAL, lambda c: c.settlement.settle_late()): 3,
            lambda: self.work(CENTRAL, lambda c: c.redemption_reserves.step()): 1,
            lambda: self.hang(bank): 1,
            lambda: system.answer_late(): 3,
            lambda: self.work(CENTRAL, lambda c: self.office(c.acts, bank)): 1,
            lambda: self.work(CENTRAL, lambda c: c.acts.step()): 1,
            lambda: self.freeze(wallet, self.chance.random() < 0.2): 1,
            lambda: system.network.step(): 2,
            lambda: system.clock.advance(self.chance.randrange(3_000)): 2,
            lambda: system.rebuild(self.chance.choice(list(system.engines))): 1,
        }
        [act] = self.chance.choices(list(acts), list(acts.values()))
        act()

    def work(self, name: str, step: Callable[[Any], Any]) -> bool:
        """A background step or an officer's act; without an answer it did nothing, or all."""
        try:
            return bool(self.system.run(name, step))
        except (NoAnswer, Refusal):
            return False

    def office(self, acts: Any, bank: str) -> None:
        """Two officers agree to move money, or do not; some acts are left until they expire."""
        kind = self.chance.choice([office_pb2.Issue, office_pb2.Redeem])
        now_ms, wanted = self.system.clock.now_ms(), self.system.randomness.uuid()
        asked = kind(bank=bank, amount_fen=self.chance.randrange(1, 100_000))
        proposal = LIN.propose(asked, now_ms, wanted, lasts_ms=20_000)
        acts.propose(LIN.identity, proposal)
        said = self.chance.random()
        if said < 0.6:
            acts.approve(MEI.identity, MEI.signer.approve(proposal.payload, now_ms))
        elif said < 0.9:
            acts.reject(MEI.identity, MEI.signer.reject(proposal.payload, now_ms))

    def freeze(self, wallet: str, frozen: bool) -> None:
        number = self.numbers[wallet]
        bank = next(name for name, prefix in PREFIXES.items() if number.startswith(prefix))
        first, second = Person(bank, "wang"), Person(bank, "zhou")
        kind = office_pb2.FreezeWallet if frozen else office_pb2.UnfreezeWallet
        now_ms, wanted = self.system.clock.now_ms(), self.system.randomness.uuid()
        proposal = first.propose(kind(wallet_number=number), now_ms, wanted)
        approval = second.signer.approve(proposal.payload, now_ms)
        self.work(bank, lambda b: b.acts.propose(first.identity, proposal))
        self.work(bank, lambda b: b.acts.approve(second.identity, approval))

    def hang(self, bank: str) -> None:
        """A bank's inner port begins to hang, or ends to."""
        self.system.hanging ^= {bank}

    def wish(self, wallet: str) -> None:
        """A payment or an exchange of a random amount."""
        key, fen = self.system.randomness.uuid(), self.chance.randrange(1, 30_000)
        payee = self.chance.choice([n for name, n in self.numbers.items() if name != wallet])
        kind = self.chance.randrange(6)

        def act(app: Any) -> None:
            if kind == 0:
                app.holder().cash_out(fen, request_id=key)
                self.exchanged[wallet] -= fen
            elif kind == 1:
                app.holder().top_up(fen, request_id=key)
                self.exchanged[wallet] += fen
            else:
                placed = app.holder().pay(payee, fen, request_id=key)
                if placed.pending:
                    raise NoAnswer("pending")
                self.settled[placed.order.payment_id] = (wallet, payee, fen)

        self.wishes[key] = (wallet, act)
        self.insist(key)

    def insist(self, key: str) -> None:
        """Asks, perhaps again; after an answer never more."""
        if key not in self.wishes:
            return
        try:
            self.system.run(*self.wishes[key])
        except Refusal:
            pass
        except NoAnswer:
            return
        del self.wishes[key]

    def come_to_rest(self) -> None:
        """Everything works again, until nothing is under way."""
        self.system.network.calm = True
        self.system.hanging.clear()
        while self.system.network.step() or self.system.answer_late():
            pass
        for wallet in self.numbers:
            self.freeze(wallet, False)
        for _ in range(20):
            self.system.clock.advance(1_001)
            while self.work(CENTRAL, lambda c: c.settlement.settle_late()):
                pass
            self.work(CENTRAL, lambda c: c.redemption_reserves.step())
            for name in PREFIXES:
                while self.work(name, lambda b: b.send()) or self.work(
                    name, lambda b: b.follower.step()
                ):
                    pass
            for key in list(self.wishes):
                self.insist(key)
        assert self.wishes == {} and not any(books.pending_outbound for books in self.books())

    def books(self) -> list[Any]:
        return [self.system.built[name].vault.books() for name in PREFIXES]

    def prove(self) -> None:
        """Nothing acknowledged is missing, nothing was made or lost, and the audit holds."""
        holders = {wallet: self.system.built[wallet].holder() for wallet in self.numbers}
        told = {number: holders[w].history(500)[0] for w, number in self.numbers.items()}
        astray_fen = 0
        for wallet, number in self.numbers.items():
            lines = told[number]
            assert sum(e.change_fen for e in lines) == holders[wallet].show().available_fen
            assert "PENDING" not in {e.state for e in lines}
            exchanged = [e.change_fen for e in lines if e.kind in ("top-up", "cash-out")]
            assert sum(exchanged) == self.exchanged[wallet]
            paid = {e.payment_id: -e.change_fen for e in lines if e.kind == "payment"}
            for key, (payer, payee, fen) in self.settled.items():
                if payer == wallet:
                    arrived = [e.change_fen for e in told[payee] if e.payment_id == key]
                    assert paid[key] == fen and sum(arrived) in (fen, 0) and len(arrived) < 2
                    astray_fen += fen - sum(arrived)
            astray_fen -= sum(e.change_fen for e in lines if e.kind == "return")
        # What could not be credited came back, or lies where the bank can see it.
        assert astray_fen == sum(books.suspense_fen for books in self.books())
        for name in PREFIXES:
            with self.system.engines[name].connect() as connection:
                gone = select(func.count()).where(undeliverable.c.payment_id.not_like("%return%"))
                back = select(func.count()).where(outbound.c.kind == "return")
                assert connection.scalar(gone) == connection.scalar(back)
        audit = audit_engines({name: self.system.engines[name] for name in [CENTRAL, *PREFIXES]})
        assert audit.problems == []
        assert audit.central.paid_in_fen == len(PREFIXES) * RESERVES_FEN


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_was_acknowledged_is_lost(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In one thread nothing comes while it is waited for.
    for module, name in (
        ("registration.settlement", "FIRST_LOOK_S"),
        ("registration.settlement", "PATIENCE_S"),
        ("issuance.redemption_reserve", "PATIENCE_S"),
    ):
        monkeypatch.setattr(f"central_bank.{module}.{name}", 0.0)
    print(f"again with: SEED={seed}")
    traffic = Traffic(seed, tmp_path)
    traffic.system.network.calm = False
    for _ in range(STEPS):
        traffic.step()
    traffic.come_to_rest()
    traffic.prove()
    for name in [CENTRAL, *PREFIXES]:
        traffic.system.rebuild(name)
    traffic.prove()
    assert len(traffic.settled) > STEPS / 50
