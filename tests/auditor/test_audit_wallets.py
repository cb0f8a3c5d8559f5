"""A forger who changes wallets, their keys or their limits is named by the audit."""

from __future__ import annotations

from sqlalchemy import select

from dcep.bank.v1 import orders_pb2
from operator_bank.wallets.tables import wallets
from runtime.envelope import sign
from settlement.records import AccountFlag, Kind
from tests.auditor.forging import Beside
from tests.auditor.told import (
    ALICE,
    CAROL,
    STRANGER,
    Stack,
    change_wallet,
    named,
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
        query = select(wallets.c.order_payload).where(wallets.c.number == stack.number(CAROL))
        order = orders_pb2.OpenWalletOrder.FromString(connection.execute(query).scalar_one())
    order.public_key = bytes(STRANGER.verify_key)
    signed = sign(order, STRANGER, b"")
    change_wallet(
        stack, CAROL, public_key=order.public_key, order_payload=signed.payload,
        order_signature=signed.signature,
    )  # fmt: skip
    assert named(stack.problems(), "OPEN", "another owner or purpose")
