"""Which account is whose: a row that says something else than the journal opened is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from central_bank.ledger.accounts import Purpose
from central_bank.ledger.tables import accounts as central_accounts
from operator_bank.ledger.tables import accounts as bank_accounts
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, CAROL, Stack, named


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack: Stack = Stack(Path(tmp_path_factory.mktemp("stack")))
    assert stack.problems() == []
    yield stack
    assert stack.problems() == []


class Table:
    """The table of one service, as somebody changes it who has the database."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._engine = stack.system.engines[name]
        self._table = central_accounts if name == CENTRAL else bank_accounts

    def row(self, number: int) -> dict[str, int]:
        query = select(self._table).where(self._table.c.number == number)
        with self._engine.connect() as connection:
            return dict(connection.execute(query).one()._mapping)

    def put(self, at: int, /, **values: int) -> None:
        """Has a row say something else."""
        statement = update(self._table).where(self._table.c.number == at).values(values)
        with self._engine.begin() as connection:
            assert connection.execute(statement).rowcount == 1

    @contextmanager
    def exchanged(self, one: int, two: int) -> Iterator[None]:
        """For a while, each of two accounts is for what the other one is."""
        self._exchange(one, two)
        yield
        self._exchange(one, two)

    def _exchange(self, one: int, two: int) -> None:
        first, second = self.row(one), self.row(two)
        self.put(one, owner=999_999)  # two rows cannot say the same, be it for a moment
        self.put(two, owner=first["owner"], purpose=first["purpose"])
        self.put(one, owner=second["owner"], purpose=second["purpose"])


ANOTHER = "another owner or purpose"


@pytest.mark.parametrize("purpose", [purpose.name.lower() for purpose in Purpose])
def test_accounts_that_two_banks_exchange_are_named(stack: Stack, purpose: str) -> None:
    alpha, beta = (getattr(stack.bank_accounts(bank), purpose) for bank in ("alpha", "beta"))
    with Table(stack, CENTRAL).exchanged(alpha, beta):
        problems = stack.problems()
    assert named(problems, "central-bank", "OPEN", ANOTHER)


def test_accounts_of_a_bank_that_exchange_their_purposes_are_named(stack: Stack) -> None:
    alpha = stack.bank_accounts("alpha")
    with Table(stack, CENTRAL).exchanged(alpha.reserves, alpha.loss):
        problems = stack.problems()
    assert named(problems, "central-bank", "OPEN", ANOTHER)


@pytest.mark.parametrize("deposits", [False, True])
def test_accounts_that_two_wallets_exchange_are_named(stack: Stack, deposits: bool) -> None:
    alice, carol = (stack.wallet(name) for name in (ALICE, CAROL))
    pair = alice.deposit_account, carol.deposit_account
    with Table(stack, "alpha").exchanged(*(pair if deposits else (alice.account, carol.account))):
        problems = stack.problems()
    assert named(problems, "alpha", "OPEN", ANOTHER)


def test_a_wallet_whose_deposit_account_is_called_its_money_is_named(stack: Stack) -> None:
    alice = stack.wallet(ALICE)
    with Table(stack, "alpha").exchanged(alice.account, alice.deposit_account):
        problems = stack.problems()
    assert named(problems, "alpha", "OPEN", ANOTHER)


@pytest.mark.parametrize("name", [CENTRAL, "alpha"])
def test_an_account_of_nobodys_is_named_and_one_that_nobody_opened(stack: Stack, name: str) -> None:
    of_bank, table = stack.bank_accounts("alpha").office, Table(stack, name)
    account = of_bank if name == CENTRAL else stack.wallet(ALICE).account
    table.put(account, number=777_777)
    problems = stack.problems()
    table.put(777_777, number=account)
    assert named(problems, name, "does not say whose account it is")
    assert named(problems, name, "row number=777777: it was never opened")


def test_a_wallet_without_an_account_is_named(stack: Stack) -> None:
    alice, table = stack.wallet(ALICE), Table(stack, "alpha")
    for account in (alice.account, alice.deposit_account):
        table.put(account, owner=account * 1_000)
    problems = stack.problems()
    for account in (alice.account, alice.deposit_account):
        table.put(account, owner=alice.row_id)
    assert named(problems, "alpha: table wallets", "table accounts has no account of it")
