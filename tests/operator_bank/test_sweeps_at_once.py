"""Who pays a wallet that sweeps, however often, keeps nobody else waiting for commits."""

from __future__ import annotations

from sqlalchemy import text

from dcep.bank.v1 import orders_pb2
from operator_bank.limits import MAX_SWEPT_OF_ONE_PAYER, MAX_SWEPT_ROUNDS
from runtime.errors import Refusal
from tests.operator_bank.system import Holder, System

LEVEL = 1_000


def consent(holder: Holder) -> None:
    order = holder.signed(
        orders_pb2.SweepOrder, sequence=holder.next(), sweeps=True, above_fen=LEVEL
    )
    assert not holder.system.bank.sweep_orders.order(order)


def commits(system: System) -> int:
    """How many rows the bank's journal has."""
    with system.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM journal")).scalar_one())


def test_who_pays_a_wallet_often_does_not_keep_others_waiting(
    system: System, alice: Holder, bob: Holder
) -> None:
    """Each payment to such a wallet needs a commit, for which the payments of all others wait."""
    carol = system.open(name="Carol")
    carol.exchange(LEVEL)
    consent(carol)
    bob.exchange(1_000)
    dave = system.open(name="Dave")
    orders = []
    for _ in range(60):
        orders += [alice.order(carol.number, 1_000), bob.order(dave.number, 1)]
    orders += [dave.order(carol.number, 1), carol.order(dave.number, 1)]
    before = commits(system)
    answers = system.bank.payments.pay_together(orders)
    assert commits(system) - before <= MAX_SWEPT_OF_ONE_PAYER + 2
    own, others = answers[:-2:2], answers[1:-2:2]
    assert not any(isinstance(one, Refusal) for one in [*others, *answers[-2:]])
    assert [isinstance(one, Refusal) for one in own] == [
        place >= MAX_SWEPT_OF_ONE_PAYER for place in range(60)
    ]
    assert {one.name for one in own if isinstance(one, Refusal)} == {"OVERLOADED"}
    assert dave.fen == 60
    again = system.bank.payments.pay_together(orders[8:16:2])
    assert not any(isinstance(one, Refusal) for one in again), "nothing was decided about them"
    system.check_books()


def test_many_who_pay_a_wallet_at_once_take_a_bounded_number_of_commits(
    system: System, alice: Holder
) -> None:
    carol = system.open(name="Carol")
    carol.exchange(LEVEL)
    consent(carol)
    payers = [system.open(name=f"Payer {number}") for number in range(MAX_SWEPT_ROUNDS + 4)]
    for payer in payers:
        payer.exchange(1_000)
    before = commits(system)
    orders = [payer.order(carol.number, 1_000) for payer in payers]
    orders += [carol.order(alice.number, 1)]
    answers = system.bank.payments.pay_together(orders)
    assert commits(system) - before == MAX_SWEPT_ROUNDS
    late = [isinstance(one, Refusal) for one in answers]
    assert late == [False] * (MAX_SWEPT_ROUNDS - 1) + [True] * 5 + [False], "and it can pay itself"
    system.check_books()


def test_few_payers_do_not_take_the_rounds_of_the_others(system: System) -> None:
    """Of each payer one payment comes before a second one of anybody."""
    carol = system.open(name="Carol")
    carol.exchange(LEVEL)
    consent(carol)
    greedy = [system.open(name=f"Greedy {number}") for number in range(4)]
    honest = [system.open(name=f"Honest {number}") for number in range(4)]
    for payer in (*greedy, *honest):
        payer.exchange(1_000)
    dave = system.open(name="Dave")
    orders, kinds = [], []
    for payer in greedy:
        for _ in range(MAX_SWEPT_OF_ONE_PAYER):
            orders += [payer.order(carol.number, 1), payer.order(dave.number, 1)]
            kinds += ["greedy", "other"]
    orders += [payer.order(carol.number, 1) for payer in honest]
    kinds += ["honest"] * len(honest)
    before = commits(system)
    answers = system.bank.payments.pay_together(orders)
    assert commits(system) - before <= MAX_SWEPT_ROUNDS
    late = [kind for kind, one in zip(kinds, answers, strict=True) if isinstance(one, Refusal)]
    assert set(late) <= {"greedy"}
    assert len(late) == 4 * MAX_SWEPT_OF_ONE_PAYER + 4 - (MAX_SWEPT_ROUNDS - 1)
    assert dave.fen == 4 * MAX_SWEPT_OF_ONE_PAYER
    system.check_books()
