"""A history of two banks, and what an audit says of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import select, update

from auditor.audit import StackAudit, audit_engines
from auditor.signatures.stack import EVERY_SIGNATURE, SignaturesAsked
from central_bank.ledger.accounts import BankAccounts
from central_bank.ledger.tables import ledger as central_tables
from operator_bank.customers.tables import opening_orders
from operator_bank.ledger.tables import ledger as bank_tables
from operator_bank.wallets.tables import wallets
from runtime.envelope import sign
from settlement.records import Kind, record_digest
from tests.auditor.forging import Beside, forge, made
from tests.auditor.simulated import CENTRAL, PREFIXES, SimulatedSystem

ALICE, BOB, CAROL, DAN = (f"wallet-{index}" for index in range(4))
STRANGER = SigningKey(b"\x99" * 32)


class Stack:
    """Two banks with two wallets each: alice and carol at alpha, bob and dan at beta."""

    def __init__(self, folder: Path) -> None:
        self.system = SimulatedSystem(1, folder, 4)
        self.settle()
        for name in (ALICE, BOB, CAROL, DAN):
            self.holder(name).top_up(100_000)

    def holder(self, name: str) -> Any:
        return self.system.built[name].holder()

    def number(self, name: str) -> str:
        return self.system.numbers[name]

    def account(self, name: str) -> int:
        bank = "alpha" if name in (ALICE, CAROL) else "beta"
        return int(self.system.built[bank].directory.account(self.number(name)))

    def wallet(self, name: str) -> Any:
        """One at alpha, as its bank knows it."""
        return self.system.built["alpha"].directory.get(self.number(name))

    def bank_accounts(self, bank: str) -> BankAccounts:
        """A bank's accounts at the central bank."""
        found: BankAccounts = self.system.built[CENTRAL].registry.get(bank).accounts
        return found

    def settle(self) -> None:
        """Everything that is on its way arrives."""
        for _ in range(3):
            for bank in PREFIXES:
                while self.system.built[bank].send():
                    pass
                self.system.built[bank].follower.step()

    def pay(self, payer: str, payee: str, fen: int) -> None:
        self.holder(payer).pay(self.number(payee), fen, memo="for tea")

    def forge(self, name: str, change: Callable[[list[Beside]], None]) -> None:
        tables = central_tables if name == CENTRAL else bank_tables
        forge(self.system.engines[name], tables, change)

    def audit(self, asked: SignaturesAsked = EVERY_SIGNATURE) -> StackAudit:
        engines = self.system.engines
        return audit_engines({name: engines[name] for name in [*PREFIXES, CENTRAL]}, asked)

    def problems(self) -> list[str]:
        return self.audit().signatures.problems

    def order(self, kind: Any, wallet: str, key: SigningKey, **values: Any) -> tuple[bytes, bytes]:
        """(payload, signature) of an order, by whatever key."""
        now_ms = self.system.clock.now_ms()
        content = kind(
            wallet_number=self.number(wallet),
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            **values,
        )
        signed = sign(content, key, b"")
        return signed.payload, signed.signature

    def payment(self, payer: str, credit: int, fen: int, sequence: int, order: bytes) -> Any:
        """The record of a payment, or of a hold when nobody is credited."""
        return made(
            origin=self.account(payer),
            debit=self.account(payer),
            credit=credit,
            kind=Kind.TRANSFER if credit else Kind.HOLD,
            sequence=sequence,
            amount_fen=fen,
            time_ms=self.system.clock.now_ms(),
            expires_ms=self.system.clock.now_ms() + 60_000,
            digest=record_digest(order),
        )


def told_stack(folder: Path) -> Stack:
    """A history of every kind of payment, all of it in order."""
    made = Stack(folder)
    made.pay(ALICE, CAROL, 1_000)
    made.pay(ALICE, BOB, 2_000)
    made.pay(DAN, CAROL, 3_000)
    made.holder(CAROL).cash_out(500)
    made.settle()
    made.pay(CAROL, DAN, 700)  # on its way
    return made


@contextmanager
def driver(stack: Stack, name: str) -> Iterator[sqlite3.Connection]:
    with closing(stack.system.engines[name].raw_connection()) as connection:
        yield connection.driver_connection  # type: ignore[misc]


def named(problems: list[str], *parts: str) -> bool:
    """Whether one problem says all of this."""
    return any(all(part in problem for part in parts) for problem in problems)


def first(told: list[Beside], **wanted: int) -> Beside:
    """The first signed record with these values."""
    return next(
        one
        for one in told
        if one.signature and all(one.record[name] == value for name, value in wanted.items())
    )


def paid(stack: Stack, told: list[Beside]) -> Beside:
    """Alice's payment to carol."""
    return first(told, debit=stack.account(ALICE), credit=stack.account(CAROL))


def wallet_row(stack: Stack, name: str) -> int:
    """The id of somebody's wallet in alpha's database."""
    query = select(wallets.c.id).where(wallets.c.number == stack.number(name))
    with stack.system.engines["alpha"].connect() as connection:
        return int(connection.execute(query).scalar_one())


def change_wallet(stack: Stack, name: str, **values: Any) -> None:
    row = wallet_row(stack, name)
    with stack.system.engines["alpha"].begin() as connection:
        changed = update(wallets).where(wallets.c.id == row).values(values)
        assert connection.execute(changed).rowcount == 1


def change_opening(stack: Stack, name: str, **values: Any) -> None:
    """Of the order that opened somebody's wallet."""
    row = wallet_row(stack, name)
    with stack.system.engines["alpha"].begin() as connection:
        changed = update(opening_orders).where(opening_orders.c.wallet == row).values(values)
        assert connection.execute(changed).rowcount == 1
