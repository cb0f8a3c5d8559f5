"""The audit names what a bank pays by a mandate that nobody has asked for, or has allowed."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, select, update

from dcep.bank.v1 import orders_pb2, sub_wallets_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.asking.tables import asked
from operator_bank.sub_wallets.tables import mandate_tries, sub_wallet_orders
from runtime.envelope import sign
from settlement.records import RecordFlag, record_digest
from tests.auditor.asking import HOUR_MS, requests
from tests.auditor.forging import Beside
from tests.auditor.told import ALICE, BOB, CAROL, Stack, named
from wallet.online.requests import ALLOW, DECLINE

OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
CHANGE = sub_wallets_pb2.SUB_WALLET_ACTION_CHANGE
CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE
MANDATE = purposes_pb2.PURPOSE_MANDATE
DAY_MS = 86_400_000


class Given:
    """Alice at alpha has given Carol there, and Bob at beta, mandates of 30 yuan, 50 a month."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.alpha = stack.system.built["alpha"]
        self.carols, self.bobs = self.give(CAROL), self.give(BOB)

    def give(self, payee: str) -> str:
        key = bytes(SigningKey.generate().verify_key)
        done = self.order(OPEN, public_key=key, terms=self.terms(payee, 3_000, 5_000))
        return str(done.wallet_number)

    def terms(self, payee: str, each_fen: int, month_fen: int) -> sub_wallets_pb2.SubWalletTerms:
        return sub_wallets_pb2.SubWalletTerms(
            balance_cap_fen=50_000,
            ends_time_ms=self.stack.system.clock.now_ms() + 90 * DAY_MS,
            payees=[self.stack.number(payee)],
            mandate=sub_wallets_pb2.Mandate(each_fen=each_fen, month_fen=month_fen),
        )

    def order(self, action: int, **more: Any) -> sub_wallets_pb2.SubWallet:
        now_ms = self.stack.system.clock.now_ms()
        content = sub_wallets_pb2.SubWalletOrder(
            wallet_number=self.stack.number(ALICE),
            request_id=str(uuid.uuid4()),
            action=action,  # type: ignore[arg-type]
            bank="alpha",
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            **more,
        )
        key = self.stack.system.built[ALICE].home.key()
        signed = sign(content, key, self.stack.number(ALICE).encode())
        return self.alpha.sub_wallets.order(signed)

    def ask(self, payee: str, mandate: str, fen: int, *, settled: bool = True) -> str:
        due_ms = self.stack.system.clock.now_ms() + HOUR_MS
        name = requests(self.stack, payee).ask(mandate, fen, due_time_ms=due_ms)
        if settled:
            self.stack.settle()
        return name

    def state(self, name: str) -> tuple[str, str]:
        line = requests(self.stack, ALICE).get(name)
        return line.state, line.not_paid

    def alpha_does(self, statement: Any) -> None:
        with self.stack.system.engines["alpha"].begin() as connection:
            connection.execute(statement)

    def forge(self, change: Any) -> None:
        """Changes what the records of payments by mandates say."""

        def each(told: list[Beside]) -> None:
            for one in told:
                if one.record["purpose"] == MANDATE:
                    change(one)

        self.stack.forge("alpha", each)


@pytest.fixture
def given(tmp_path: Path) -> Given:
    made = Given(Stack(tmp_path))
    made.ask(CAROL, made.carols, 2_000)
    made.ask(BOB, made.bobs, 3_000)
    assert made.stack.problems() == []
    return made


def test_whole_lives_of_mandates_are_in_order(given: Given) -> None:
    beyond = given.ask(CAROL, given.carols, 3_001)
    assert given.state(beyond) == ("OPEN", "BEYOND_MANDATE")
    assert requests(given.stack, ALICE).change(beyond, ALLOW).state == "PAID"
    declined = given.ask(BOB, given.bobs, 2_001)
    assert requests(given.stack, ALICE).change(declined, DECLINE).state == "DECLINED"
    given.stack.settle()
    assert requests(given.stack, BOB).get(declined).state == "OPEN", "who asks is not told"
    [line, *_] = given.stack.holder(CAROL).history()[0]
    given.stack.holder(CAROL).refund(line.payment_id)
    given.order(CHANGE, sub_wallet_number=given.carols, terms=given.terms(CAROL, 50, 60))
    given.ask(CAROL, given.carols, 50)
    given.stack.system.clock.advance(31 * DAY_MS)
    given.ask(CAROL, given.carols, 50)
    given.order(CLOSE, sub_wallet_number=given.carols)
    assert given.state(given.ask(CAROL, given.carols, 1)) == ("OPEN", "WALLET_CLOSED")
    given.stack.settle()
    audit = given.stack.audit()
    assert audit.ok, given.stack.problems()
    assert requests(given.stack, ALICE).change(given.ask(BOB, given.bobs, 3_000), ALLOW)


def test_what_came_back_does_not_count(given: Given) -> None:
    name = given.ask(BOB, given.bobs, 2_000, settled=False)
    given.stack.system.built["beta"].directory.set_frozen(given.stack.number(BOB), True)
    given.stack.settle()
    given.stack.settle()
    given.stack.system.built["beta"].directory.set_frozen(given.stack.number(BOB), False)
    assert given.state(name) == ("OPEN", "")
    assert given.state(given.ask(BOB, given.bobs, 2_000))[0] == "PAID"
    assert [one for one in given.stack.problems() if "officers" not in one] == []


def test_a_laxer_mandate_in_the_table_is_named(given: Given) -> None:
    """A bank that writes its own terms has no signature of the holder's for them."""
    with given.stack.system.engines["alpha"].begin() as connection:
        for row in connection.execute(select(sub_wallet_orders)).all():
            content = sub_wallets_pb2.SubWalletOrder.FromString(bytes(row.order_payload))
            content.terms.mandate.month_fen = 10**9
            values = {"order_payload": content.SerializeToString()}
            this = update(sub_wallet_orders).where(sub_wallet_orders.c.position == row.position)
            connection.execute(this.values(values))
    assert named(given.stack.problems(), "it was opened for another owner or purpose")


def test_more_than_a_month_allows_is_named(given: Given) -> None:
    """A bank that hides what it has paid pays more."""
    given.alpha_does(delete(mandate_tries))
    given.ask(CAROL, given.carols, 3_000)
    given.alpha_does(delete(mandate_tries))
    given.ask(CAROL, given.carols, 3_000)
    problems = given.stack.problems()
    assert named(problems, "with it 8000 fen are paid by the mandate in its month")
    assert named(problems, "mandate_tries", "no payment by a mandate")


def test_a_yes_that_nobody_said_is_named(given: Given) -> None:
    given.alpha_does(update(mandate_tries).values(allowed=1))
    assert named(given.stack.problems(), "order's wallet is ")
    name = given.ask(CAROL, given.carols, 4_000)
    payload, _ = given.stack.order(
        orders_pb2.ChangeAskedOrder,
        ALICE,
        given.stack.system.built[CAROL].home.key(),
        request_to_pay_id=name,
        change=ALLOW,
    )
    given.alpha_does(update(mandate_tries).values(allow_payload=payload, allow_signature=bytes(64)))
    assert named(given.stack.problems(), "order's request is ")


def test_a_request_that_its_payee_did_not_sign_is_named(given: Given) -> None:
    given.alpha_does(update(asked).values(key=bytes(32)))
    assert named(given.stack.problems(), "it pays a request that nobody has made")


def test_a_request_signed_by_another_key_than_its_wallets_is_named(given: Given) -> None:
    """A bank that makes a key of its own for a wallet of its own asks in that wallet's name."""
    key = given.stack.system.built[BOB].home.key()
    with given.stack.system.engines["alpha"].begin() as connection:
        row = connection.execute(
            select(asked).where(asked.c.asker == given.stack.number(CAROL))
        ).one()
        content = orders_pb2.RequestToPay.FromString(bytes(row.payload))
        signed = sign(content, key, b"")
        values = {"key": bytes(key.verify_key), "signature": signed.signature}
        connection.execute(update(asked).where(asked.c.id == row.id).values(values))
    assert named(given.stack.problems(), "the request is not signed by its asker's key")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"flags": int(RecordFlag.DECIDED_LAST | RecordFlag.NO_LIMIT)}, "not counted against"),
        ({"purpose": int(purposes_pb2.PURPOSE_PAYMENT)}, "a sub-wallet has no cash"),
        ({"digest": 7}, "order's digest"),
    ],
)
def test_a_payment_that_says_something_else_is_named(
    given: Given, change: dict[str, int], said: str
) -> None:
    def changed(one: Beside) -> None:
        if one.signature:
            for name, value in change.items():
                one.record[name] = value | (int(one.record["flags"]) if name == "flags" else 0)

    given.forge(changed)
    assert named(given.stack.problems(), said)


def test_money_for_another_mandate_is_named(given: Given) -> None:
    def changed(one: Beside) -> None:
        if not one.signature:
            one.record["digest"] = record_digest(b"another")

    given.forge(changed)
    assert named(given.stack.problems(), "its money is not for the mandate")


def test_money_from_somebody_else_is_named(given: Given) -> None:
    def changed(one: Beside) -> None:
        if not one.signature:
            one.record["debit"] = given.stack.account(CAROL)

    given.forge(changed)
    assert named(given.stack.problems(), "it moves something else than its order says")


def test_what_mandates_pay_is_swept_and_proved(tmp_path: Path) -> None:
    """Carol at alpha and Bob at beta have what they get over 1,010 yuan swept."""
    stack, level = Stack(tmp_path), 101_000
    for name in (CAROL, BOB):
        stack.holder(name).sweep(sweeps=True, above_fen=level)
    given = Given(stack)
    for payee, mandate in ((CAROL, given.carols), (BOB, given.bobs)):
        first, second = given.ask(payee, mandate, 900), given.ask(payee, mandate, 3_000)
        assert given.state(first)[0] == given.state(second)[0] == "PAID"
        assert stack.holder(payee).show().available_fen == level
        lines = stack.holder(payee).history()[0]
        assert [one.change_fen for one in lines if one.sweeps_payment_id] == [-2_900]
    assert stack.audit().ok, stack.problems()
