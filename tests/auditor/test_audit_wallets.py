"""A forger who changes wallets, their keys or their limits is named by the audit."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from currency.proofs import Proof
from dcep.bank.v1 import orders_pb2
from operator_bank.customers.tables import customers, opening_orders
from operator_bank.wallets.tables import wallets
from runtime.envelope import sign
from settlement.records import AccountFlag, Kind
from tests.auditor.forging import Beside
from tests.auditor.told import (
    ALICE,
    CAROL,
    STRANGER,
    Stack,
    change_opening,
    change_wallet,
    named,
    wallet_row,
)


def test_a_wallet_that_may_go_below_zero_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        one = next(
            one for one in told
            if one.record["kind"] == Kind.OPEN and one.record["credit"] == stack.account(ALICE)
        )  # fmt: skip
        one.record["ref"] = AccountFlag.MAY_GO_NEGATIVE

    stack.forge("alpha", change)
    assert named(stack.problems(), "OPEN", "with flags")


def test_a_changed_key_of_a_wallet_is_named(stack: Stack) -> None:
    change_wallet(stack, ALICE, public_key=bytes(STRANGER.verify_key))
    problems = stack.problems()
    assert named(problems, "table wallets", "key")
    assert named(problems, "table journal", "not by the key"), "nor are its orders by that key"


def test_a_changed_key_with_an_opening_of_its_own_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].connect() as connection:
        of = opening_orders.c.wallet == wallet_row(stack, CAROL)
        query = select(opening_orders.c.order_payload).where(of)
        order = orders_pb2.OpenWalletOrder.FromString(connection.execute(query).scalar_one())
    order.public_key = bytes(STRANGER.verify_key)
    signed = sign(order, STRANGER, b"")
    change_wallet(stack, CAROL, public_key=order.public_key)
    change_opening(stack, CAROL, order_payload=signed.payload, order_signature=signed.signature)
    assert named(stack.problems(), "OPEN", "another owner or purpose")


def test_a_wallet_that_is_given_to_another_customer_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].connect() as connection:
        of = wallets.c.number == stack.number(CAROL)
        hers = connection.execute(select(wallets.c.customer).where(of)).scalar_one()
    change_wallet(stack, ALICE, customer=hers)
    assert named(stack.problems(), "table wallets", "holder")
    change_wallet(stack, ALICE, customer=None)
    assert named(stack.problems(), "table wallets", "holder"), "nobody has shown anything"


def test_a_customer_who_is_somebody_else_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        of = wallets.c.number == stack.number(ALICE)
        hers = connection.execute(select(wallets.c.customer).where(of)).scalar_one()
        connection.execute(
            update(customers).where(customers.c.id == hers).values(holder_digest=bytes(32))
        )
    assert named(stack.problems(), "table wallets", "holder")


def test_proofs_that_nobody_has_shown_are_named(stack: Stack) -> None:
    of = opening_orders.c.wallet == wallet_row(stack, ALICE)
    with stack.system.engines["alpha"].begin() as connection:
        whose = select(wallets.c.customer).where(wallets.c.number == stack.number(ALICE))
        hers = connection.execute(whose).scalar_one()
        everything = int(~Proof(0))
        connection.execute(update(customers).where(customers.c.id == hers).values(shown=everything))
    assert named(stack.problems(), "table wallets", "shown nothing of the kind")
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(update(opening_orders).where(of).values(shown=everything))
    assert named(stack.problems(), "OPEN", "with other limits")


def test_a_wallet_without_the_order_that_opened_it_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        of = opening_orders.c.wallet == wallet_row(stack, ALICE)
        assert connection.execute(delete(opening_orders).where(of)).rowcount == 1
    assert named(stack.problems(), "table opening_orders has no order of it")
