"""What an account was opened as is compared with what it has to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import central_bank.authentication.banks as central_banks
import operator_bank.app as bank_app
from operator_bank.ledger import accounts
from runtime.errors import NoAnswer, Refusal
from settlement import builders
from settlement.records import AccountFlag, Kind, opening_of, opening_ref
from tests.auditor import simulated
from tests.auditor.forging import Beside
from tests.auditor.told import ALICE, BOB, CAROL, Stack
from wallet.peers.bank_directory import BankEntry
from wallet.tables import metadata as wallet_tables

NEGATIVE = AccountFlag.MAY_GO_NEGATIVE
ISSUED_FEN = 150_000
"""To each bank, whose two wallets top up 100,000 each."""

OTHERWISE = "its order wants an account in other books, or with other limits"


@pytest.fixture
def bottomless(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The banks run a version of their own, whose vault may go below zero."""
    honest = builders.opening

    def opening(number: int, **how: Any) -> Any:
        return honest(number, **how | ({"flags": NEGATIVE} if number == accounts.VAULT else {}))

    monkeypatch.setattr(bank_app, "opening", opening)
    monkeypatch.setattr(simulated, "ISSUED_FEN", ISSUED_FEN)
    return monkeypatch


def test_an_honest_bank_cannot_sell_currency_that_it_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated, "ISSUED_FEN", ISSUED_FEN)
    with pytest.raises(Refusal) as refused:
        Stack(tmp_path)
    assert refused.value.name == "BANK_CANNOT_NOW"


def test_a_bank_that_sells_currency_that_it_does_not_have_is_named(
    bottomless: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack = Stack(tmp_path)
    stack.settle()
    audit = stack.audit()
    alpha = next(bank for bank in audit.banks if bank.bank == "alpha")
    assert alpha.ok and alpha.vault_fen < 0  # the equation alone would not have told
    assert "alpha: account 1 may go below zero" in audit.problems


def test_a_bank_whose_circulation_may_go_below_zero_is_named(
    bottomless: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    honest = central_banks.opening

    def opening(numbers: list[int], now_ms: int, flags: int = 0) -> Any:
        return honest(numbers, now_ms, NEGATIVE)

    bottomless.setattr(central_banks, "opening", opening)
    stack = Stack(tmp_path)
    for payer in (ALICE, CAROL):
        stack.pay(payer, BOB, 90_000)
    stack.settle()
    audit = stack.audit()
    assert audit.central.ok and audit.central.circulation_fen["alpha"] < 0
    named = [one for one in audit.problems if one.startswith("central-bank: account ")]
    assert named and all(one.endswith("may go below zero") for one in named)


def test_a_wallet_that_was_opened_without_the_limits_of_its_class_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        (one,) = openings(told, stack.account(ALICE))
        was = opening_of(int(one.record["ref"]))
        one.record["ref"] = opening_ref(ledger=was.ledger, limit_set=0)

    stack.forge("alpha", change)
    assert any(OTHERWISE in problem for problem in stack.audit().problems)


def test_a_wallet_whose_spending_counts_against_anothers_limits_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        (one,) = openings(told, stack.account(CAROL))
        one.record["debit"] = stack.account(ALICE)

    stack.forge("alpha", change)
    assert any(OTHERWISE in problem for problem in stack.audit().problems)


def openings(told: list[Beside], account: int) -> list[Beside]:
    """The OPEN of an account."""
    of = (int(Kind.OPEN), account)
    return [one for one in told if (one.record["kind"], one.record["credit"]) == of]


def test_a_bank_where_an_opening_was_refused_once_is_in_order(stack: Stack) -> None:
    """A wallet's two accounts have any numbers, not two that follow each other."""
    system = stack.system
    ledger = system.built["alpha"].books.ledger
    says = iter([False, True])  # room when it is looked at, none when the records come
    ledger.is_short = lambda: next(says, False)
    system.add("late", wallet_tables)
    entry = BankEntry("alpha", "alpha", ca=__file__, offline_root="")
    with pytest.raises((Refusal, NoAnswer)):
        system.built["late"].open(entry, holder_name="late")
    ledger.is_short = lambda: False
    system.numbers["late"] = system.built["late"].open(entry, holder_name="late").number
    wallet = system.built["alpha"].directory.get(system.numbers["late"])
    assert wallet.deposit_account != wallet.account + 1
    system.built["late"].holder().top_up(1_000)
    assert stack.audit().problems == []
