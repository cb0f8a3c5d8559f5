"""The audit proves that what one of several signers has sent was released by enough of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, insert, select, update

from dcep.bank.v1 import orders_pb2, signers_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.signers.tables import release_signatures, releases
from operator_bank.wallets import orders
from runtime.envelope import sign, sign_payload
from settlement.records import first_sequence
from tests.auditor.signers import SECOND, THIRD, listing, named_by, paid, signer
from tests.auditor.told import ALICE, STRANGER, Stack, named

CLERK, PREPARE = SigningKey(b"\x34" * 32), states_pb2.SIGNER_ROLE_PREPARE


def order(stack: Stack, nth: int = 1) -> SignedEnvelope:
    """The clerk's nth payment."""
    envelope: SignedEnvelope = paid(stack, CLERK, first_sequence(1) + 16 * nth + 3)
    return envelope


def release(stack: Stack, these: Sequence[SignedEnvelope], **values: Any) -> SignedEnvelope:
    """A release of payments, signed by the clerk."""
    now_ms = stack.system.clock.now_ms()
    payment = signers_pb2.RELEASED_KIND_PAYMENT
    fields = {
        "wallet_number": stack.number(ALICE),
        "list_number": 1,
        "place": 3,
        "items": [signers_pb2.ReleaseItem(kind=payment, payload=one.payload) for one in these],
        "bank": "alpha",
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
    }
    return sign(signers_pb2.ReleaseOrder(**{**fields, **values}), CLERK, named_by(stack, CLERK))


def by(stack: Stack, envelope: SignedEnvelope, key: SigningKey) -> SignedEnvelope:
    kind = signers_pb2.ReleaseOrder
    return sign_payload(kind, envelope.payload, key, named_by(stack, key))


@pytest.fixture
def company(tmp_path: Path) -> Stack:
    """Two of three release; the clerk has paid what they released, and something is left of it."""
    stack = Stack(tmp_path)
    bank, own = stack.system.built["alpha"], stack.system.built[ALICE].home.key()
    four = [signer(stack, 0, own), signer(stack, 1, SECOND), signer(stack, 2, THIRD)]
    four.append(signer(stack, 3, CLERK, PREPARE))
    bank.signers.change(listing(stack, own, 1, four, 2))
    many = [order(stack, nth) for nth in (1, 2, 3)]
    said = release(stack, many)
    for key in (CLERK, SECOND, THIRD):
        bank.together.sign_release(by(stack, said, key))
    for one in many[:2]:
        bank.payments.pay(one, 0.0)
    assert stack.problems() == []
    return stack


def change(stack: Stack, statement: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        assert connection.execute(statement).rowcount


def test_what_was_released_is_proved_and_may_be_sent_later(company: Stack) -> None:
    company.system.built["alpha"].payments.pay(order(company, 3), 0.0)
    assert company.problems() == []


def test_an_order_that_nobody_has_released_is_named(
    company: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "check_may", lambda *_: None)  # a bank that takes it
    company.system.built["alpha"].payments.pay(order(company, 4), 0.0)
    assert named(company.problems(), "too few of those who could have signed it")


def test_an_exchange_that_nobody_has_released_is_named(
    company: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = company.system.clock.now_ms()
    exchange = orders_pb2.ExchangeOrder(
        wallet_number=company.number(ALICE),
        sequence=first_sequence(1) + 16 * 5 + 3,
        direction=orders_pb2.EXCHANGE_DIRECTION_CASH_OUT,
        medium=orders_pb2.EXCHANGE_MEDIUM_DEPOSIT,
        amount_fen=1,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    monkeypatch.setattr(orders, "check_may", lambda *_: None)
    envelope = sign(exchange, CLERK, named_by(company, CLERK))
    company.system.built["alpha"].exchange.exchange(envelope)
    assert named(company.problems(), "takes more than who signed it")


@pytest.mark.parametrize("place", [1, 2])
def test_a_release_with_a_signature_too_few_is_named(company: Stack, place: int) -> None:
    change(company, delete(release_signatures).where(release_signatures.c.place == place))
    problems = company.problems()
    assert named(problems, "table releases", "too few of those who could have signed it")
    assert named(problems, "table journal", "too few of those who could have signed it")


def test_one_signer_who_is_counted_twice_is_named(company: Stack) -> None:
    """A signature in the place of another one is none of theirs."""
    one = select(release_signatures.c.signature).where(release_signatures.c.place == 1)
    statement = update(release_signatures).where(release_signatures.c.place == 2)
    change(company, statement.values(signature=one.scalar_subquery()))
    assert named(company.problems(), "table releases", "place 2", "the signature")


def test_a_signature_of_who_only_prepares_is_no_signature(company: Stack) -> None:
    statement = update(release_signatures).where(release_signatures.c.place == 2)
    change(company, statement.values(place=3))
    assert named(company.problems(), "somebody has signed it who could not")


@pytest.mark.parametrize(
    "values", [{"list_number": 2}, {"place": 2}, {"payload": b"\xff"}, {"number": "1" * 16}]
)
def test_each_cell_of_a_release_is_proved(company: Stack, values: Any) -> None:
    change(company, update(releases).values(values))
    assert named(company.problems(), "table releases")


def test_a_release_that_is_gone_is_missed(company: Stack) -> None:
    change(company, delete(releases))
    assert named(company.problems(), "table journal", "too few of those who could")


def test_a_release_that_a_bank_has_made_up_is_named(
    company: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = release(company, [order(company, 4)])
    digest = hashlib.sha256(made_up.payload).digest()
    its = {"number": company.number(ALICE), "digest": digest}
    row = {
        **its, "list_number": 1, "place": 3, "payload": made_up.payload,
        "released_time_ms": 1, "expires_time_ms": 1, "used": True,
    }  # fmt: skip
    forged = by(company, made_up, STRANGER).signature
    signed = [{**its, "place": place, "signature": forged} for place in (0, 1)]
    change(company, insert(releases).values(row))
    change(company, insert(release_signatures).values(signed))
    monkeypatch.setattr(orders, "check_may", lambda *_: None)
    company.system.built["alpha"].payments.pay(order(company, 4), 0.0)
    assert named(company.problems(), "table releases", "place 0", "the signature")


@pytest.mark.parametrize("values", [{"place": 2}, {"list_number": 2}])
def test_what_was_released_to_another_or_under_another_list_covers_nothing(
    company: Stack, monkeypatch: pytest.MonkeyPatch, values: Any
) -> None:
    own = company.system.built[ALICE].home.key()
    bank = company.system.built["alpha"]
    if "list_number" in values:
        change_ = listing(company, own, 2, [signer(company, 0, own), signer(company, 1, SECOND)], 2)
        for key in (own, SECOND):
            kind = signers_pb2.SignersOrder
            bank.together.sign_list(
                sign_payload(kind, change_.payload, key, named_by(company, key))
            )
        late = paid(company, SECOND, first_sequence(2) + 17)
    else:
        late = order(company, 4)
    said = release(company, [late], **{"place": 1, **values})
    digest = hashlib.sha256(said.payload).digest()
    its = {"number": company.number(ALICE), "digest": digest}
    content = signers_pb2.ReleaseOrder.FromString(said.payload)
    one_less = 1 if "list_number" in values else content.list_number
    content.list_number = one_less
    payload = content.SerializeToString()
    its["digest"] = hashlib.sha256(payload).digest()
    row = {
        **its, "list_number": one_less, "place": content.place, "payload": payload,
        "released_time_ms": 1, "expires_time_ms": 1, "used": True,
    }  # fmt: skip
    signed = [
        {
            **its,
            "place": place,
            "signature": sign_payload(signers_pb2.ReleaseOrder, payload, key, b"").signature,
        }
        for place, key in ((0, own), (1, SECOND))
    ]
    change(company, insert(releases).values(row))
    change(company, insert(release_signatures).values(signed))
    assert company.problems() == []
    monkeypatch.setattr(orders, "check_may", lambda *_: None)
    bank.payments.pay(late, 0.0)
    assert named(company.problems(), "too few of those who could have signed it")
