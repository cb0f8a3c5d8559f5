"""The audit proves who could sign for a wallet when: each list by those of the list before."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, insert, select, update

from dcep.bank.v1 import (
    keys_pb2,
    orders_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from operator_bank.signers.tables import signer_lists, signer_signatures
from operator_bank.wallets import orders
from runtime.envelope import sign, sign_payload
from settlement.records import Kind, first_sequence, record_digest
from tests.auditor.forging import Beside
from tests.auditor.signers import LOOKER, SECOND, SEE, THIRD, listing, named_by, paid, signer
from tests.auditor.told import ALICE, BOB, CAROL, STRANGER, Stack, named
from tests.auditor.wallet_keys import approved


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alice has two phones and somebody who looks; the first phone is cut off by the second."""
    stack = Stack(tmp_path)
    bank, own = stack.system.built["alpha"], stack.system.built[ALICE].home.key()
    stack.pay(ALICE, CAROL, 1_000)
    three = [signer(stack, 0, own), signer(stack, 1, SECOND), signer(stack, 2, LOOKER, SEE)]
    bank.signers.change(listing(stack, own, 1, three))
    bank.payments.pay(paid(stack, own, first_sequence(1) + 16), 0.0)
    bank.payments.pay(paid(stack, SECOND, first_sequence(1) + 17), 0.0)
    bank.signers.change(listing(stack, SECOND, 2, three[1:]))
    bank.payments.pay(paid(stack, SECOND, first_sequence(2) + 17), 0.0)
    assert stack.problems() == []
    return stack


def change(stack: Stack, table: Any, of: int, **values: Any) -> None:
    """Changes what stands of one of alice's lists."""
    at = select(signer_lists.c.position).where(signer_lists.c.key_number == of)
    with stack.system.engines["alpha"].begin() as connection:
        position = connection.execute(at).scalar_one()
        statement = update(table).where(table.c.position == position).values(values)
        assert connection.execute(statement).rowcount == 1


def payload(stack: Stack, number: int) -> signers_pb2.SignersOrder:
    query = select(signer_lists.c.payload).where(signer_lists.c.key_number == number)
    with stack.system.engines["alpha"].connect() as connection:
        found = connection.execute(query).scalar_one()
    return signers_pb2.SignersOrder.FromString(bytes(found))


def test_who_signed_by_which_list_is_proved(stack: Stack) -> None:
    approved(stack, ALICE, STRANGER)
    unwanted = keys_pb2.KeyObjection(
        wallet_number=stack.number(ALICE),
        public_key=bytes(STRANGER.verify_key),
        bank="alpha",
        created_time_ms=stack.system.clock.now_ms(),
        expires_time_ms=stack.system.clock.now_ms() + 60_000,
    )
    objection = sign(unwanted, SECOND, named_by(stack, SECOND))
    stack.system.built["alpha"].keys.replacements.object(objection)
    assert stack.problems() == []


def test_a_signer_whom_the_databases_writer_adds_is_named(stack: Stack) -> None:
    order = payload(stack, 2)
    order.signers.append(signer(stack, 5, STRANGER))
    change(stack, signer_lists, 2, payload=order.SerializeToString())
    problems = stack.problems()
    assert named(problems, "digest")


def test_a_list_that_nobody_signed_is_named_though_its_record_says_it(stack: Stack) -> None:
    """Who writes journal and tables can put in what they like, but not sign it."""
    order = payload(stack, 2)
    order.signers.append(signer(stack, 5, STRANGER))
    forged = order.SerializeToString()

    def other(told: list[Beside]) -> None:
        told_of_2 = [one for one in told if one.record["kind"] == Kind.REPLACE_KEY][1]
        told_of_2.record["digest"] = record_digest(forged)

    stack.forge("alpha", other)
    change(stack, signer_lists, 2, payload=forged)
    assert named(stack.problems(), "signer_signatures", "the signature")


@pytest.mark.parametrize(
    ("what", "value"),
    [("number", "6201000000000020"), ("key_number", 7), ("time_ms", 5), ("payload", b"\xff")],
)
def test_each_cell_of_a_list_is_proved(stack: Stack, what: str, value: Any) -> None:
    change(stack, signer_lists, 1, **{what: value})
    assert stack.problems() != []


def test_a_list_or_a_signature_that_is_gone_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(delete(signer_signatures))
    assert named(stack.problems(), "too few of those who could have signed it")
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(delete(signer_lists))
    assert named(stack.problems(), "no act of two officers is behind it")


def test_a_list_that_no_record_says_is_named(stack: Stack) -> None:
    order = payload(stack, 2)
    row = {
        "position": 4, "number": stack.number(CAROL), "key_number": 1, "time_ms": 1,
        "gives_up_recovery": False, "payload": order.SerializeToString(),
    }  # fmt: skip
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(insert(signer_lists), row)
    assert named(stack.problems(), "position=4", "no record has put it in force")


def test_a_signature_of_who_only_looks_is_no_signature(stack: Stack) -> None:
    change(stack, signer_signatures, 2, place=2)
    assert named(stack.problems(), "somebody has signed it who could not")


@pytest.mark.parametrize(
    ("key", "sequence", "said"),
    [
        (LOOKER, first_sequence(2) + 18, "of nobody who could order"),
        (STRANGER, first_sequence(2) + 33, "the signature"),
        (SECOND, first_sequence(2) + 20, "of nobody who could order"),
    ],
)
def test_an_order_of_nobody_who_could_is_named(
    stack: Stack, key: SigningKey, sequence: int, said: str
) -> None:
    envelope = paid(stack, key, sequence)

    def put_in(told: list[Beside]) -> None:
        record = stack.payment(ALICE, stack.account(CAROL), 5, sequence, bytes(envelope.payload))
        told.append(Beside(record, envelope.payload, envelope.signature))

    stack.forge("alpha", put_in)
    assert named(stack.problems(), said)


@pytest.fixture
def company(stack: Stack) -> Stack:
    """It takes two of three to order; they have paid once, and changed the list once."""
    bank = stack.system.built["alpha"]
    three = [signer(stack, 1, SECOND), signer(stack, 2, LOOKER), signer(stack, 3, THIRD)]
    bank.signers.change(listing(stack, SECOND, 3, three, 2))
    order = paid(stack, SECOND, first_sequence(3) + 17)
    for key in (SECOND, THIRD):
        bank.together.sign_payment(again(stack, order, key, orders_pb2.PaymentOrder), 0.0)
    change = listing(stack, SECOND, 4, three[::2], 2)
    for key in (SECOND, LOOKER):
        bank.together.sign_list(again(stack, change, key, signers_pb2.SignersOrder))
    assert stack.problems() == []
    return stack


def again(stack: Stack, envelope: Any, key: SigningKey, kind: Any) -> Any:
    """The same bytes, signed by somebody else."""
    return sign_payload(kind, envelope.payload, key, named_by(stack, key))


def of_the_payment(stack: Stack) -> Any:
    """Its position: the newest that has signatures and no list."""
    query = select(signer_signatures.c.position).where(
        signer_signatures.c.position.not_in(select(signer_lists.c.position))
    )
    with stack.system.engines["alpha"].connect() as connection:
        return connection.execute(query).scalars().first()


@pytest.mark.parametrize("payee", [CAROL, BOB])
def test_what_several_pay_a_wallet_that_sweeps_is_proved(company: Stack, payee: str) -> None:
    had_fen = company.holder(payee).show().available_fen
    company.holder(payee).sweep(sweeps=True, above_fen=had_fen + 1_000)
    number = company.number(payee)
    order = paid(company, SECOND, first_sequence(4) + 17, payee_number=number, amount_fen=5_000)
    for key in (SECOND, THIRD):
        again_signed = again(company, order, key, orders_pb2.PaymentOrder)
        company.system.built["alpha"].together.sign_payment(again_signed, 0.0)
    company.settle()
    assert company.holder(payee).show().available_fen == had_fen + 1_000
    lines = company.holder(payee).history()[0]
    assert [one.change_fen for one in lines if one.sweeps_payment_id] == [-4_000]
    assert company.problems() == []


@pytest.mark.parametrize("place", [1, 3])
def test_a_payment_with_a_signature_too_few_is_named(company: Stack, place: int) -> None:
    at = of_the_payment(company)
    with company.system.engines["alpha"].begin() as connection:
        connection.execute(
            delete(signer_signatures).where(
                signer_signatures.c.position == at, signer_signatures.c.place == place
            )
        )
    assert named(company.problems(), f"position={at}", "too few of those who could")


def test_a_signature_of_another_or_by_nobody_is_named(company: Stack) -> None:
    at = of_the_payment(company)
    its = (signer_signatures.c.position == at, signer_signatures.c.place == 3)
    statement = update(signer_signatures).where(*its)
    with company.system.engines["alpha"].begin() as connection:
        connection.execute(statement.values(signature=bytes(64)))
    assert named(company.problems(), "signer_signatures", f"position={at}, place=3")
    with company.system.engines["alpha"].begin() as connection:
        connection.execute(statement.values(place=2))
    assert named(company.problems(), f"position={at}, place=2", "the signature")


def test_a_list_that_one_of_two_has_signed_is_named(company: Stack) -> None:
    at = select(signer_lists.c.position).where(signer_lists.c.key_number == 4)
    with company.system.engines["alpha"].begin() as connection:
        position = connection.execute(at).scalar_one()
        connection.execute(
            delete(signer_signatures).where(
                signer_signatures.c.position == position, signer_signatures.c.place == 2
            )
        )
    assert named(company.problems(), "too few of those who could have signed it")


def test_a_class_that_one_of_two_has_ordered_is_named(
    company: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, now_ms = company.system.built["alpha"], company.system.clock.now_ms()
    order = orders_pb2.ChangeClassOrder(
        wallet_number=company.number(ALICE),
        request_id="123e4567-e89b-42d3-a456-426614174000",
        wallet_class=4,
        over_the_cap=True,
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    asked = wallets_pb2.ChangeClassRequest(order=sign(order, SECOND, named_by(company, SECOND)))
    monkeypatch.setattr(orders, "check_may", lambda *_: None)  # a bank that takes it
    bank.class_changes.change(asked)
    assert named(company.problems(), "not by the wallet's key")


def test_a_second_phone_asks_by_a_mandate(stack: Stack) -> None:
    """What carol has given alice is paid whichever of alice's phones asks."""
    bank, now_ms = stack.system.built["alpha"], stack.system.clock.now_ms()
    end_ms = now_ms + 60_000
    given = sub_wallets_pb2.SubWalletOrder(
        wallet_number=stack.number(CAROL),
        request_id=str(uuid.uuid4()),
        action=sub_wallets_pb2.SUB_WALLET_ACTION_OPEN,
        public_key=bytes(THIRD.verify_key),
        terms=sub_wallets_pb2.SubWalletTerms(
            balance_cap_fen=20_000,
            ends_time_ms=now_ms + 86_400_000,
            payees=[stack.number(ALICE)],
            mandate=sub_wallets_pb2.Mandate(each_fen=500, month_fen=900),
        ),
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=end_ms,
    )
    carols = stack.system.built[CAROL].home.key()
    mandate = bank.sub_wallets.order(sign(given, carols, stack.number(CAROL).encode()))
    asked = orders_pb2.RequestToPay(
        wallet_number=stack.number(ALICE),
        nonce=bytes(16),
        payer_number=mandate.wallet_number,
        amount_fen=500,
        due_time_ms=end_ms,
        created_time_ms=now_ms,
        expires_time_ms=end_ms,
    )
    bank.asks.ask(sign(asked, SECOND, named_by(stack, SECOND)))
    bank.mandates.step()
    [shown] = bank.sub_wallets.page(stack.wallet(CAROL))
    assert shown.month_spent_fen == 500
    assert stack.problems() == []
