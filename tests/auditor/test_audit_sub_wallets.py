"""A forger who opens a sub-wallet, changes its limits, or takes its money is named by the audit."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, update

from currency.sub_limits import limit_set_of
from dcep.bank.v1 import orders_pb2, sub_wallets_pb2
from dcep.office.v1 import office_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.ledger.accounts import SUB_WALLETS
from operator_bank.sub_wallets.tables import sub_wallet_orders
from runtime.envelope import sign
from settlement.records import Kind, RecordFlag, record_digest
from tests.auditor.acting import both
from tests.auditor.forging import Beside, made
from tests.auditor.told import ALICE, BOB, CAROL, Stack, named

OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
CHANGE = sub_wallets_pb2.SUB_WALLET_ACTION_CHANGE
CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE
KEY = SigningKey(b"c" * 32)
DAY_MS = 86_400_000


class Family:
    """Alice's sub-wallet at alpha, which has been paid, has paid, and was closed."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.bank = stack.system.built["alpha"]
        self.ends_ms = stack.system.clock.now_ms() + 30 * DAY_MS
        self.sequence = 0
        self.number = self.order(OPEN, public_key=bytes(KEY.verify_key), terms=self.terms())
        self.account = self.bank.directory.account(self.number)
        stack.holder(ALICE).pay(self.number, 3_000)
        self.pay(stack.number(CAROL), 500)
        stack.system.clock.advance(1_000)

    def terms(self, **more: Any) -> sub_wallets_pb2.SubWalletTerms:
        usual = {"balance_cap_fen": 20_000, "single_fen": 1_000, "ends_time_ms": self.ends_ms}
        return sub_wallets_pb2.SubWalletTerms(**{**usual, **more})

    def order(self, action: int, **more: Any) -> str:
        stack, now_ms = self.stack, self.stack.system.clock.now_ms()
        order = sub_wallets_pb2.SubWalletOrder(
            wallet_number=stack.number(ALICE),
            request_id=str(uuid.uuid4()),
            action=action,  # type: ignore[arg-type]
            bank="alpha",
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            **more,
        )
        key = stack.system.built[ALICE].home.key()
        signed = sign(order, key, stack.number(ALICE).encode())
        return self.bank.sub_wallets.order(signed).wallet_number

    def change(self, **more: Any) -> None:
        self.order(CHANGE, sub_wallet_number=self.number, terms=self.terms(**more))

    def close(self) -> None:
        self.order(CLOSE, sub_wallet_number=self.number)

    def pay(self, payee: str, fen: int) -> None:
        self.sequence += 1
        now_ms = self.stack.system.clock.now_ms()
        order = orders_pb2.PaymentOrder(
            wallet_number=self.number,
            sequence=self.sequence,
            payee_number=payee,
            amount_fen=fen,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
        )
        self.bank.payments.pay(sign(order, KEY, self.number.encode()), 0.0)

    def alpha(self, statement: Any) -> None:
        with self.stack.system.engines["alpha"].begin() as connection:
            connection.execute(statement)

    def pay_abroad(self) -> None:
        self.pay(self.stack.number(BOB), 10)

    def forge_payment(self, *, expires_ms: int) -> None:
        """A payment to Carol that the key has signed, and the bank has not looked at."""
        now_ms = self.stack.system.clock.now_ms()
        order = orders_pb2.PaymentOrder(
            wallet_number=self.number,
            sequence=40,
            payee_number=self.stack.number(CAROL),
            amount_fen=1,
            created_time_ms=now_ms,
            expires_time_ms=expires_ms,
        )
        signed = sign(order, KEY, b"")
        record = made(
            origin=self.account,
            debit=self.account,
            credit=self.stack.account(CAROL),
            kind=Kind.TRANSFER,
            sequence=40,
            amount_fen=1,
            time_ms=now_ms,
            expires_ms=expires_ms,
            digest=record_digest(signed.payload),
        )
        paid = Beside(record, signed.payload, signed.signature)
        self.stack.forge("alpha", lambda told: told.append(paid))

    def forge(self, chosen: Callable[[Any], bool], **values: int) -> None:
        def change(told: list[Beside]) -> None:
            for one in told:
                if chosen(one.record):
                    for name, value in values.items():
                        one.record[name] = value

        self.stack.forge("alpha", change)


@pytest.fixture
def family(tmp_path: Path) -> Family:
    made = Family(Stack(tmp_path))
    assert made.stack.problems() == []
    return made


def test_a_whole_life_is_in_order(family: Family) -> None:
    family.change(payees=[family.stack.number(BOB)], day_fen=5_000)
    family.pay(family.stack.number(BOB), 10)
    family.stack.system.clock.advance(1_000)
    family.pay(family.stack.number(ALICE), 20)
    family.close()
    assert family.bank.sub_wallets.page(family.bank.directory.get(family.stack.number(ALICE)))
    assert family.stack.problems() == []


def test_one_that_ended_is_in_order_and_one_that_did_not_is_named(family: Family) -> None:
    family.stack.system.clock.advance(31 * DAY_MS)
    family.bank.send()
    assert family.stack.problems() == []
    family.forge(lambda record: record["purpose"] == purposes_pb2.PURPOSE_SUB_WALLET, time_ms=1)
    assert named(family.stack.problems(), "nobody ordered to close it, and it has not ended")


def test_one_that_nobody_opened_is_named(family: Family) -> None:
    family.alpha(delete(sub_wallet_orders))
    assert named(family.stack.problems(), "has no order of it")


def test_an_opening_by_another_key_is_named(family: Family) -> None:
    family.alpha(update(sub_wallet_orders).values(order_signature=bytes(64)))
    assert named(family.stack.problems(), "not by the wallet's key")


def test_one_under_somebody_else_is_named(family: Family) -> None:
    carol = family.stack.account(CAROL)
    opens = lambda record: record["kind"] == Kind.OPEN and record["credit"] == family.account  # noqa: E731
    family.forge(opens, debit=carol)
    assert named(family.stack.problems(), "with other limits")


def test_other_limits_than_were_ordered_are_named(family: Family) -> None:
    family.change(day_fen=5_000)
    assert family.stack.problems() == []
    laxer = limit_set_of(20_000, 1_000, 200_000)
    family.forge(lambda record: record["kind"] == Kind.SET_LIMIT_SET, ref=laxer)
    assert named(family.stack.problems(), "order's limits")


def test_a_laxer_rung_of_the_ladder_is_named(family: Family) -> None:
    limit_set = limit_set_of(20_000, 1_000, 0)
    family.forge(
        lambda record: record["kind"] == Kind.SET_LIMIT and record["credit"] == limit_set,
        amount_fen=0,
    )
    assert named(family.stack.problems(), "other limits than are offered")


def test_an_order_that_no_record_did_is_named(family: Family) -> None:
    family.change(day_fen=5_000)
    kept = update(sub_wallet_orders).where(sub_wallet_orders.c.position > 0)
    family.alpha(kept.values(position=sub_wallet_orders.c.position + 1))
    problems = family.stack.problems()
    assert named(problems, "no record did this")
    assert named(problems, "nobody ordered this of the sub-wallet")


def test_money_that_is_taken_home_before_its_time_is_named(family: Family) -> None:
    now_ms = family.stack.system.clock.now_ms()

    def take(credit: int) -> Callable[[list[Beside]], None]:
        record = made(
            origin=SUB_WALLETS,
            debit=family.account,
            credit=credit,
            kind=Kind.TRANSFER,
            flags=RecordFlag.NO_LIMIT,
            sequence=1,
            amount_fen=7,
            time_ms=now_ms,
            purpose=purposes_pb2.PURPOSE_SUB_WALLET,
        )
        return lambda told: told.append(Beside(record))

    family.stack.forge("alpha", take(family.stack.account(ALICE)))
    assert named(family.stack.problems(), "nobody ordered to close it, and it has not ended")


def test_money_that_goes_elsewhere_is_named(family: Family) -> None:
    family.close()
    family.forge(
        lambda record: record["purpose"] == purposes_pb2.PURPOSE_SUB_WALLET,
        credit=family.stack.account(CAROL),
    )
    assert named(family.stack.problems(), "goes home so")


def test_a_closing_that_nobody_ordered_is_named(family: Family) -> None:
    family.pay(family.stack.number(ALICE), 2_500)
    now_ms = family.stack.system.clock.now_ms()
    record = made(kind=Kind.SET_FLAGS, credit=family.account, ref=4, time_ms=now_ms)
    family.stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(family.stack.problems(), "nobody ordered to close it")


def test_a_payment_that_was_not_counted_is_named(family: Family) -> None:
    carol = family.stack.account(CAROL)
    paid = lambda record: record["debit"] == family.account and record["credit"] == carol  # noqa: E731
    family.forge(paid, flags=int(RecordFlag.NO_LIMIT))
    assert named(family.stack.problems(), "not counted")


def test_a_payment_to_somebody_else_than_it_is_for_is_named(family: Family) -> None:
    family.change(payees=[family.stack.number(ALICE)])
    assert family.stack.problems() == []
    family.stack.system.clock.advance(700_000)
    family.forge_payment(expires_ms=family.stack.system.clock.now_ms() + 60_000)
    assert named(family.stack.problems(), "was opened to pay others")


def test_a_payment_after_its_closing_is_named(family: Family) -> None:
    family.pay_abroad()
    family.close()
    family.stack.holder(CAROL).pay(family.number, 50)
    family.stack.system.clock.advance(700_000)
    family.forge_payment(expires_ms=family.stack.system.clock.now_ms() + 60_000)
    assert named(family.stack.problems(), "or is closed")


def test_an_order_that_outlives_it_is_named(family: Family) -> None:
    family.forge_payment(expires_ms=family.ends_ms + 1)
    assert named(family.stack.problems(), "outlives")


def test_children_are_frozen_with_their_parent_and_not_otherwise(family: Family) -> None:
    both(family.stack, office_pb2.FreezeWallet(wallet_number=family.stack.number(ALICE)))
    assert family.stack.problems() == []
    family.forge(
        lambda record: record["kind"] == Kind.SET_FLAGS and record["credit"] == family.account,
        digest=7,
    )
    assert named(family.stack.problems(), "no act of two officers")
