"""The audit names what is swept out of a wallet without its holder's consent, or beyond it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from currency.days import day_of
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.sweeps.tables import sweep_orders
from runtime.envelope import sign
from settlement.records import Kind, record_digest
from tests.auditor.forging import Beside
from tests.auditor.told import ALICE, BOB, CAROL, DAN, STRANGER, Stack, named
from tests.policies import policy_of

LEVEL = 120_000
SWEEP = purposes_pb2.PURPOSE_SWEEP


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Carol has what she gets over 1,200 yuan swept: once from alice, once from bob at beta."""
    made = Stack(tmp_path)
    made.holder(CAROL).sweep(sweeps=True, above_fen=LEVEL)
    made.pay(ALICE, CAROL, 30_000)
    made.pay(BOB, CAROL, 7_000)
    made.settle()
    return made


def sweeps(told: list[Beside]) -> list[int]:
    """Where the records in the currency's ledger are."""
    return [at for at, one in enumerate(told) if one.record["purpose"] == SWEEP and one.note]


def both(told: list[Beside], which: int) -> tuple[Beside, Beside]:
    at = sweeps(told)[which]
    return told[at], told[at + 1]


IN_BANK, FROM_ANOTHER = 0, 1


def test_honest_sweeps_are_proved(stack: Stack) -> None:
    assert stack.audit().ok, stack.problems()
    shown = stack.holder(CAROL).show()
    assert (shown.available_fen, shown.deposit_fen) == (LEVEL, 500_000 - 100_000 + 17_000)
    assert (shown.sweeps, shown.sweep_above_fen) == (True, LEVEL)
    lines = stack.holder(CAROL).history()[0]
    swept = [(one.kind, one.change_fen) for one in lines if one.sweeps_payment_id]
    assert swept == [("sweep", -7_000), ("sweep", -10_000)]


def test_so_are_those_that_make_room_and_those_with_a_top_up(stack: Stack) -> None:
    stack.holder(CAROL).sweep(sweeps=True)
    cap = stack.holder(CAROL).show().limits.balance_cap_fen
    stack.holder(ALICE).cash_out(10_000)
    if 0 < cap - LEVEL <= 400_000:
        stack.holder(CAROL).top_up(cap - LEVEL)
    stack.holder(ALICE).pay(stack.number(CAROL), 80_000, top_up=True)
    stack.pay(DAN, CAROL, 900)
    stack.settle()
    stack.holder(CAROL).sweep(sweeps=False)
    stack.pay(DAN, CAROL, 1)
    stack.settle()
    assert stack.audit().ok, stack.problems()


def test_so_are_those_after_the_cap_was_lowered(stack: Stack) -> None:
    """Over the level of before, and what arrives brings the wallet down to the cap of now."""
    today = day_of(stack.system.clock.now_ms())
    stack.system.by_two(policy_of({2: (60_000, 0, 0, 0)}, today))
    for bank in ("alpha", "beta"):
        stack.system.built[bank].central_keys.step()
    for payer in (ALICE, BOB):
        stack.pay(payer, CAROL, 500)
        stack.settle()
        assert stack.holder(CAROL).show().available_fen == 60_000
    assert stack.audit().ok, stack.problems()


def test_so_is_one_that_was_refused(stack: Stack) -> None:
    from runtime.errors import Refusal

    with pytest.raises(Refusal):
        stack.pay(ALICE, CAROL, 70_001)
    assert stack.audit().ok, stack.problems()


@pytest.mark.parametrize("which", [IN_BANK, FROM_ANOTHER])
def test_more_than_goes_over_the_level_is_named(stack: Stack, which: int) -> None:
    def change(told: list[Beside]) -> None:
        for one in both(told, which):
            one.record["amount_fen"] += 1

    stack.forge("alpha", change)
    assert named(stack.problems(), "its level is 120000")


@pytest.mark.parametrize("which", [IN_BANK, FROM_ANOTHER])
def test_into_another_s_deposit_account_is_named(stack: Stack, which: int) -> None:
    def change(told: list[Beside]) -> None:
        both(told, which)[1].record["credit"] = stack.account(ALICE) + 1

    stack.forge("alpha", change)
    assert named(stack.problems(), "something else than the payee's holder has consented to")


@pytest.mark.parametrize("which", [IN_BANK, FROM_ANOTHER])
def test_out_of_another_s_wallet_is_named(stack: Stack, which: int) -> None:
    def change(told: list[Beside]) -> None:
        both(told, which)[0].record["debit"] = stack.account(ALICE)

    stack.forge("alpha", change)
    assert named(stack.problems(), "consented")


def consent_of(told: list[Beside]) -> Beside:
    return next(
        one for one in told if one.record["kind"] == Kind.SET_LIMIT_SET and one.record["sequence"]
    )


def ordered_so(stack: Stack, key: object, change: Callable[[orders_pb2.SweepOrder], None]) -> None:
    """The bank writes another order in place of carol's, and its row too."""

    def forged(told: list[Beside]) -> None:
        one = consent_of(told)
        order = orders_pb2.SweepOrder.FromString(one.note)
        change(order)
        signed = sign(order, key, b"")  # type: ignore[arg-type]
        one.note, one.signature = signed.payload, signed.signature
        one.record["digest"] = record_digest(signed.payload)
        values = {"sweeps": int(order.sweeps), "above_fen": order.above_fen}
        with stack.system.engines["alpha"].begin() as connection:
            connection.execute(update(sweep_orders).values(**values))

    stack.forge("alpha", forged)


def test_an_order_that_somebody_else_signed_is_named(stack: Stack) -> None:
    ordered_so(stack, STRANGER, lambda order: None)
    assert named(stack.problems(), "signature")


def test_below_the_level_that_was_signed_is_named(stack: Stack) -> None:
    key = stack.system.built[CAROL].home.key()
    ordered_so(stack, key, lambda order: setattr(order, "above_fen", LEVEL + 1))
    assert named(stack.problems(), "its level is 120001")


def test_after_an_order_that_ends_it_is_named(stack: Stack) -> None:
    key = stack.system.built[CAROL].home.key()
    ordered_so(stack, key, lambda order: setattr(order, "sweeps", False))
    assert named(stack.problems(), "has not consented")


def test_rows_without_a_record_and_records_without_a_row_are_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(update(sweep_orders).values(position=3))
    problems = stack.problems()
    assert named(problems, "table sweep_orders has no row of it")
    assert named(problems, "table sweep_orders, row position=3: no record did this")
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(delete(sweep_orders))
    assert named(stack.problems(), "has not consented")


def test_a_sweep_without_an_arrival_is_named(stack: Stack) -> None:
    """The bank sweeps what it holds already, in the name of a payment that came before."""

    def change(told: list[Beside]) -> None:
        at = sweeps(told)[FROM_ANOTHER]
        currency, deposit = told[at], told[at + 1]
        again = [Beside(one.record.copy(), one.note, one.signature) for one in (currency, deposit)]
        for one in again:
            one.record["amount_fen"] = 1
        again[0].record["sequence"] += 1
        told += again

    stack.forge("alpha", change)
    assert named(stack.problems(), "no payment came")


def test_another_payment_s_name_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        for which in (IN_BANK, FROM_ANOTHER):
            currency = both(told, which)[0]
            note = orders_pb2.SweepNote.FromString(currency.note)
            note.payment_id = f"{stack.number(DAN)}-1"
            currency.note = note.SerializeToString()

    stack.forge("alpha", change)
    problems = stack.problems()
    assert sum("payment" in each and stack.number(DAN) in each for each in problems) == 2
