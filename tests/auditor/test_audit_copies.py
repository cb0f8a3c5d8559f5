"""The audit names an older copy of a database, on either side, by the money that is missing.

Every copy here was true when it was made: its chains, its balances and its signatures hold.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit import StackAudit
from currency.number import make
from dcep.office.v1 import office_pb2
from tests.auditor.copies import copied, office, put_back, two_payments
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack, named


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return two_payments(tmp_path)


def audited(stack: Stack) -> StackAudit:
    found = stack.audit()
    assert found.ok == (not found.problems)
    return found


def test_a_bank_without_what_it_sent_is_an_older_copy_though_the_equations_hold(
    stack: Stack,
) -> None:
    older = copied(stack, "alpha")
    for fen in (1_250, 2_750, 100):
        stack.pay(ALICE, BOB, fen)
    while stack.system.built["alpha"].send():
        pass  # settled; the word about it has not been applied by anybody
    assert audited(stack).ok
    put_back(stack, "alpha", older)
    found = audited(stack)
    assert found.central.ok
    assert all(bank.ok for bank in found.banks)
    first, *each = found.problems
    assert first == (
        "bank alpha is an older copy: the central bank settled 3 payments of 41.00 yuan that it"
        " does not have"
    )
    for sequence, yuan in ((3, "12.50"), (4, "27.50"), (5, "1.00")):
        payment = f"payment {stack.number(ALICE)}-{sequence} of {yuan} yuan"
        assert named(each, f"{payment} to {stack.number(BOB)} is settled", "holds no money for it")
    assert len(each) == 3


def test_what_a_bank_holds_for_another_order_under_the_same_number_is_not_taken_for_it(
    stack: Stack,
) -> None:
    older = copied(stack, "alpha")
    stack.system.rebuild("alpha")  # a start takes places in the journal, both times as many
    stack.pay(ALICE, BOB, 4_000)
    while stack.system.built["alpha"].send():
        pass
    put_back(stack, "alpha", older)
    stack.pay(CAROL, DAN, 4_000)  # the same amount; its hold stands where the lost one stood
    problems = audited(stack).problems
    assert "settled 1 payment of 40.00 yuan that it does not have" in problems[0]
    assert named(problems, f"{stack.number(ALICE)}-3", "stands for another order at the bank")


def test_a_bank_behind_what_it_has_acknowledged_is_an_older_copy(stack: Stack) -> None:
    older = copied(stack, "alpha")
    stack.pay(DAN, CAROL, 700)
    stack.settle()
    stack.system.built["alpha"].follower.acknowledge()
    assert audited(stack).ok
    put_back(stack, "alpha", older)
    assert audited(stack).problems[0] == (
        "bank alpha is an older copy: it had applied 1 entry of its feed (7.00 yuan in, 0.00 yuan"
        " out) more than now, and signed that to the central bank"
    )


def test_a_bank_whose_journal_ends_before_what_it_told_is_an_older_copy(stack: Stack) -> None:
    """What was paid within the bank nobody else knows of, but how much there was."""
    older = copied(stack, "alpha")
    stack.system.rebuild("alpha")
    for _ in range(20):
        stack.pay(ALICE, CAROL, 10)
    stack.system.built["alpha"].follower.acknowledge()
    assert audited(stack).ok
    put_back(stack, "alpha", older)
    problems = audited(stack).problems
    assert problems == [
        "bank alpha is an older copy: its journal had 20 records more than now, and it signed that"
        " to the central bank"
    ]


def test_a_payment_that_was_turned_down_and_is_unknown_to_its_bank_is_named(stack: Stack) -> None:
    older = copied(stack, "alpha")
    stack.holder(ALICE).pay(make("6202", 1), 600, memo="")
    while stack.system.built["alpha"].send():
        pass
    put_back(stack, "alpha", older)
    assert named(audited(stack).problems, "turned down 1 payment of 6.00 yuan")


def test_a_redemption_that_its_bank_has_not_reserved_is_named(stack: Stack) -> None:
    older = copied(stack, "alpha")
    office(stack, office_pb2.Redeem(bank="alpha", amount_fen=50_000))
    assert audited(stack).ok
    put_back(stack, "alpha", older)
    problems = audited(stack).problems
    assert "the central bank made 1 redemption of 500.00 yuan that it does not have" in problems[0]


def test_a_central_bank_without_what_its_banks_have_applied_is_an_older_copy(stack: Stack) -> None:
    older = copied(stack, CENTRAL)
    stack.pay(ALICE, BOB, 1_250)
    stack.pay(DAN, CAROL, 300)
    stack.settle()
    put_back(stack, CENTRAL, older)
    problems = audited(stack).problems
    for place, bank, came, went in ((0, "alpha", "3.00", "12.50"), (1, "beta", "12.50", "3.00")):
        assert problems[place] == (
            f"the central bank is an older copy: bank {bank} has applied 2 entries of its feed"
            f" ({came} yuan in, {went} yuan out), which the central bank signed and does not have"
        )
    for kind, fen in (("CAPTURE", 1_250), ("CAPTURE", 300), ("DELIVER", 1_250), ("DELIVER", 300)):
        assert named(problems, f"{kind} of {fen} fen", "the central bank's")


def test_a_central_bank_that_went_on_from_an_older_copy_is_named_too(stack: Stack) -> None:
    older = copied(stack, CENTRAL)
    stack.pay(ALICE, BOB, 1_250)
    stack.settle()
    put_back(stack, CENTRAL, older)
    office(stack, office_pb2.PayInReserves(bank="beta", amount_fen=900))
    office(stack, office_pb2.Issue(bank="beta", amount_fen=900))
    problems = audited(stack).problems
    for bank, sums in (("alpha", "0.00 yuan in, 12.50"), ("beta", "12.50 yuan in, 0.00")):
        assert named(
            problems,
            "the central bank is an older copy",
            f"bank {bank}",
            f"1 entry of its feed ({sums}",
        )


def test_no_copy_is_called_older_while_payments_are_on_their_way(stack: Stack) -> None:
    stack.pay(ALICE, BOB, 1_250)
    stack.pay(DAN, CAROL, 300)
    assert audited(stack).ok
    while stack.system.built["alpha"].send():
        pass
    assert audited(stack).ok
    stack.system.built["beta"].follower.step()
    assert audited(stack).ok
    office(stack, office_pb2.Redeem(bank="beta", amount_fen=100))
    assert audited(stack).ok
    stack.settle()
    assert audited(stack).ok


def test_a_whole_country_put_back_to_one_moment_is_no_older_copy(stack: Stack) -> None:
    stack.pay(ALICE, BOB, 50)
    copies = {name: copied(stack, name) for name in ("alpha", "beta", CENTRAL)}
    stack.pay(ALICE, BOB, 1_250)
    stack.settle()
    for name, copy in copies.items():
        put_back(stack, name, copy)
    assert audited(stack).ok
    stack.settle()
    assert audited(stack).ok
