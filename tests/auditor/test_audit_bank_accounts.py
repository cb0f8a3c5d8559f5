"""The table of banks' accounts: a row that says something else than the journal opened is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, delete, insert, update

from central_bank.ledger.accounts import Purpose
from central_bank.ledger.tables import accounts
from tests.auditor.told import Stack, named
from tests.simulation.network import CENTRAL


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack: Stack = Stack(Path(tmp_path_factory.mktemp("stack")))
    assert stack.problems() == []
    yield stack
    assert stack.problems() == []


def put(stack: Stack, number: int, bank: int, purpose: int) -> None:
    """Has the table say that an account is another's."""
    with stack.system.engines[CENTRAL].begin() as connection:
        of = accounts.c.number == number
        statement = update(accounts).where(of).values(owner=bank, purpose=purpose)
        assert connection.execute(statement).rowcount == 1


def swap(stack: Stack, one: int, two: int) -> None:
    """Exchanges the owners and purposes of two accounts."""
    places = {row.number: row for row in rows(stack)}
    put(stack, one, 999, 99)
    put(stack, two, places[one].owner, places[one].purpose)
    put(stack, one, places[two].owner, places[two].purpose)


def rows(stack: Stack) -> list[Row[Any]]:
    with stack.system.engines[CENTRAL].connect() as connection:
        return list(connection.execute(accounts.select()))


@pytest.mark.parametrize("purpose", [purpose.name.lower() for purpose in Purpose])
def test_accounts_that_two_banks_exchange_are_named(stack: Stack, purpose: str) -> None:
    alpha, beta = (getattr(stack.bank_accounts(bank), purpose) for bank in ("alpha", "beta"))
    swap(stack, alpha, beta)
    try:
        problems = stack.problems()
    finally:
        swap(stack, alpha, beta)
    assert named(problems, "central-bank", "OPEN", "another owner or purpose")


def test_accounts_of_a_bank_that_exchange_their_purposes_are_named(stack: Stack) -> None:
    alpha = stack.bank_accounts("alpha")
    swap(stack, alpha.reserves, alpha.loss)
    try:
        problems = stack.problems()
    finally:
        swap(stack, alpha.reserves, alpha.loss)
    assert named(problems, "central-bank", "OPEN", "another owner or purpose")


def test_an_account_that_is_nobodys_is_named(stack: Stack) -> None:
    """As is one that nobody opened."""
    office = stack.bank_accounts("beta").office
    row = next(row for row in rows(stack) if row.number == office)
    with stack.system.engines[CENTRAL].begin() as connection:
        connection.execute(delete(accounts).where(accounts.c.number == office))
        connection.execute(insert(accounts), {"number": 777, "owner": 1, "purpose": row.purpose})
    try:
        problems = stack.problems()
    finally:
        with stack.system.engines[CENTRAL].begin() as connection:
            connection.execute(delete(accounts).where(accounts.c.number == 777))
            connection.execute(insert(accounts), row._asdict())
    assert named(problems, "central-bank", "does not say whose account it is")
    assert named(problems, "central-bank", "row number=777: it was never opened")
