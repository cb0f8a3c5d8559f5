"""Sweeps when limits are lowered meanwhile, and when the bank dies in the middle of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from dcep.bank.v1 import orders_pb2
from settlement.core import CoreStopped
from tests.operator_bank.system import DEPOSIT_FEN, FOREIGN, II, LIMITS, Holder, System
from tests.refusals import refused_for

HAS, LOWERED = 100_000, 60_000
DAY_MS = 86_400_000


@pytest.fixture
def carol(system: System) -> Holder:
    carol = system.open(name="Carol")
    carol.exchange(HAS)
    return carol


def consent(holder: Holder, above_fen: int = 0) -> None:
    order = holder.signed(
        orders_pb2.SweepOrder, sequence=holder.next(), sweeps=True, above_fen=above_fen
    )
    holder.system.bank.sweep_orders.order(order)


def has(holder: Holder) -> tuple[int, int]:
    """What is in the wallet, and in the deposit account, in fen."""
    shown = holder.system.bank.wallets.state(holder.wallet)
    return shown.available_fen, shown.deposit_fen or 0


def lower(system: System, fen: int = LOWERED, *, from_day: int = 0) -> None:
    """The central bank lets a wallet of class II have less."""
    system.limits = {**LIMITS, II: (fen, *LIMITS[II][1:])}
    system.publish(from_day)


@pytest.mark.parametrize("above_fen", [0, 120_000, 70_000, 50_000])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_arrives_over_a_cap_that_was_lowered_goes_on(
    system: System, alice: Holder, carol: Holder, above_fen: int, *, elsewhere: bool
) -> None:
    consent(carol, above_fen)
    lower(system)
    level = min(above_fen or LOWERED, LOWERED)
    for fen in (3_000, 1):
        if elsewhere:
            system.hear(incoming=system.arriving(carol.number, fen))
        else:
            alice.pay(carol.number, fen)
    left_fen, deposit_fen = has(carol)
    assert (left_fen, left_fen + deposit_fen) == (level, DEPOSIT_FEN + 3_001)
    assert system.bank.vault.books().suspense_fen == 0
    system.check_books()


def test_a_cap_that_is_lower_from_tomorrow_counts_from_tomorrow(
    system: System, alice: Holder, carol: Holder
) -> None:
    consent(carol)
    lower(system, from_day=system.today + 1)
    alice.pay(carol.number, 1_000)
    assert has(carol) == (HAS + 1_000, DEPOSIT_FEN - HAS)
    system.clock.advance(DAY_MS)
    system.restart()
    alice.pay(carol.number, 1_000)
    assert has(carol) == (LOWERED, DEPOSIT_FEN - HAS + 42_000)
    system.check_books()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_held_over_a_lowered_cap_lets_nothing_in_and_nothing_is_lost(
    system: System, alice: Holder, carol: Holder, *, elsewhere: bool
) -> None:
    """Too much is on its way out for room to be made: it is refused, or lies in suspense."""
    consent(carol)
    carol.pay(FOREIGN, 70_000)
    lower(system)
    if elsewhere:
        system.hear(incoming=system.arriving(carol.number, 3_000))
        assert system.bank.vault.books().suspense_fen == 3_000
    else:
        assert refused_for(alice.pay, carol.number, 3_000) == "PAYEE_CANNOT_BE_PAID"
        assert alice.fen == HAS
    assert has(carol) == (HAS - 70_000, DEPOSIT_FEN - HAS)
    system.check_books()


class Died(Exception):
    """The bank's process ends here."""


@contextmanager
def dying(system: System) -> Iterator[None]:
    """The bank dies at its next commit of something in the journal, just before it."""
    journals = False

    def execute(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal journals
        journals = journals or statement.startswith("INSERT INTO journal")

    def commit(_: Any) -> None:
        if journals:
            raise Died

    event.listen(system.engine, "before_cursor_execute", execute)
    event.listen(system.engine, "commit", commit)
    try:
        with pytest.raises((Died, CoreStopped)):
            yield
    finally:
        event.remove(system.engine, "before_cursor_execute", execute)
        event.remove(system.engine, "commit", commit)


@pytest.mark.parametrize("times", [1, 3])
def test_a_bank_that_dies_before_a_sweep_is_written_makes_it_once(
    system: System, carol: Holder, times: int
) -> None:
    consent(carol, HAS + 500)
    for fen in (3_000, 400, 450_000):
        system.entry(incoming=system.arriving(carol.number, fen))
    for _ in range(times):
        with dying(system):
            system.deliver()
        system.restart()
        assert has(carol) == (HAS, DEPOSIT_FEN - HAS)
    system.deliver()
    system.bank.follower.ask_again()
    while system.bank.follower.step():
        pass
    left_fen, deposit_fen = has(carol)
    assert left_fen + deposit_fen == DEPOSIT_FEN + 453_400
    system.hear(incoming=system.arriving(carol.number, 1))
    assert has(carol) == (HAS + 500, DEPOSIT_FEN - HAS + 452_901)
    assert system.bank.vault.books().suspense_fen == 0
    system.check_books()


def test_a_bank_that_dies_after_a_sweep_is_written_makes_no_second(
    system: System, carol: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent(carol, HAS + 500)
    system.entry(incoming=system.arriving(carol.number, 3_000))
    ledger = system.bank.books.ledger
    submit = ledger.submit

    def and_dies(batch: Any) -> Any:
        submit(batch)
        raise Died

    monkeypatch.setattr(ledger, "submit", and_dies)
    with pytest.raises(Died):
        system.deliver()
    for _ in range(2):
        system.restart()
        system.bank.follower.ask_again()
        while system.bank.follower.step():
            pass
        assert has(carol) == (HAS + 500, DEPOSIT_FEN - HAS + 2_500)
    system.check_books()
