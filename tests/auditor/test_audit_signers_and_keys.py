"""The audit proves that nothing but what may has taken the place of a list of signers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import insert, select, update

from currency.recovery import RECOVERY_KEPT_MS
from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, states_pb2, sub_wallets_pb2
from operator_bank.keys.tables import key_replacements, recovery_keys
from operator_bank.signers.tables import signer_lists
from runtime.envelope import key_id, sign
from settlement.records import first_sequence
from tests.auditor.told import ALICE, CAROL, STRANGER, Stack, named
from tests.auditor.wallet_keys import approved, in_force

PHRASE = SigningKey(b"\x41" * 32)
NEXT = SigningKey(b"\x42" * 32)
SECOND = SigningKey(b"\x43" * 32)
NEW = SigningKey(b"\x44" * 32)
CHILD = SigningKey(b"\x45" * 32)
DAY_MS = 86_400_000


class Wallet:
    """Alice's, by whichever of its keys."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack(folder)
        self.stack.pay(ALICE, CAROL, 1_000)
        self.bank: Any = self.stack.system.built["alpha"]
        self.clock = self.stack.system.clock
        self.number = self.stack.number(ALICE)
        self.own: SigningKey = self.stack.system.built[ALICE].home.key()

    def says(self, kind: Any, key: SigningKey, name: bytes, **fields: Any) -> Any:
        now_ms = self.clock.now_ms()
        times = {"created_time_ms": now_ms, "expires_time_ms": now_ms + 60_000}
        bank = {"bank": "alpha"} if "bank" in kind.DESCRIPTOR.fields_by_name else {}
        return sign(kind(**{"wallet_number": self.number, **bank, **times, **fields}), key, name)

    def signed(self, kind: Any, key: SigningKey, **fields: Any) -> Any:
        """By one of several signers."""
        name = self.number.encode() + b"-" + key_id(bytes(key.verify_key))
        return self.says(kind, key, name, **fields)

    def request(self, key: SigningKey, number: str = "") -> Any:
        public = bytes(key.verify_key)
        of = number or self.number
        name = public.hex().encode()
        return self.says(keys_pb2.KeyRequest, key, name, public_key=public, wallet_number=of)

    def rotation(self, by: SigningKey, key: SigningKey, number: str = "", **fields: Any) -> Any:
        of = number or self.number
        request = self.request(key, of)
        kind = keys_pb2.RotateKeyOrder
        return self.says(kind, by, of.encode(), wallet_number=of, request=request, **fields)

    def listing(self, by: SigningKey, number: int, keys: list[SigningKey], **more: Any) -> Any:
        signers = [
            signers_pb2.Signer(
                place=place,
                public_key=bytes(key.verify_key),
                role=states_pb2.SIGNER_ROLE_RELEASE,
                request=self.request(key),
            )
            for place, key in enumerate(keys)
        ]
        fields = {"list_number": number, "signers": signers, "threshold": 1, **more}
        kind = signers_pb2.SignersOrder
        if by in (self.own, NEXT):
            return self.says(kind, by, self.number.encode(), **fields)
        return self.signed(kind, by, **fields)

    def paid(self, by: SigningKey, sequence: int) -> None:
        order = self.signed(
            orders_pb2.PaymentOrder,
            by,
            sequence=sequence,
            payee_number=self.stack.number(CAROL),
            amount_fen=5,
        )
        self.bank.payments.pay(order, 0.0)

    def write(self, statement: Any) -> None:
        with self.stack.system.engines["alpha"].begin() as connection:
            assert connection.execute(statement).rowcount == 1


@pytest.fixture
def wallet(tmp_path: Path) -> Wallet:
    """It has named a phrase with its second key, and is on two phones since."""
    wallet = Wallet(tmp_path)
    public = bytes(PHRASE.verify_key)
    wallet.bank.keys.rotations.rotate(wallet.rotation(wallet.own, NEXT, recovery_key=public))
    giving_up = wallet.listing(NEXT, 2, [NEXT, SECOND], gives_up_recovery=True)
    wallet.bank.signers.change(giving_up)
    wallet.paid(SECOND, first_sequence(2) + 17)
    assert wallet.stack.problems() == []
    return wallet


def test_a_phrase_within_its_days_and_what_came_after_it_are_proved(wallet: Wallet) -> None:
    wallet.clock.advance(RECOVERY_KEPT_MS - DAY_MS)
    order = wallet.says(
        keys_pb2.RecoveryOrder,
        PHRASE,
        bytes(PHRASE.verify_key).hex().encode(),
        request=wallet.request(NEW),
    )
    wallet.bank.keys.recoveries.recover(order)
    in_force(wallet.stack)
    assert wallet.bank.directory.get(wallet.number).key_number == 3
    assert wallet.stack.problems() == []
    wallet.write(update(signer_lists).values(gives_up_recovery=False))
    assert named(wallet.stack.problems(), "recovery")


def test_two_signatures_while_a_phrase_counted_are_named(wallet: Wallet) -> None:
    wallet.clock.advance(RECOVERY_KEPT_MS)
    wallet.bank.signers.change(wallet.listing(SECOND, 3, [NEXT, SECOND], threshold=2))
    assert wallet.stack.problems() == []
    row = {
        "recovery_key": bytes(STRANGER.verify_key),
        "number": wallet.number,
        "key_number": 3,
        "time_ms": wallet.clock.now_ms(),
    }
    wallet.write(insert(recovery_keys).values(row))
    assert named(wallet.stack.problems(), "it took one signature")


def test_a_phrase_in_the_place_of_several_is_named(wallet: Wallet) -> None:
    wallet.clock.advance(RECOVERY_KEPT_MS)
    wallet.bank.signers.change(wallet.listing(SECOND, 3, [NEXT, SECOND], threshold=2))
    approved(wallet.stack, ALICE, STRANGER)
    in_force(wallet.stack)
    assert wallet.stack.problems() == []
    its = key_replacements.c.key_number == 4
    public = bytes(PHRASE.verify_key)
    wallet.write(update(key_replacements).where(its).values(recovery_key=public))
    assert named(wallet.stack.problems(), "has taken the place of several signers")


def test_one_of_several_keys_that_has_replaced_them_is_named(wallet: Wallet) -> None:
    approved(wallet.stack, ALICE, STRANGER)
    in_force(wallet.stack)
    assert wallet.stack.problems() == []
    order = wallet.rotation(SECOND, STRANGER)
    forged = {
        "cause": keys_pb2.KEY_CAUSE_ROTATION,
        "act": None,
        "digest": hashlib.sha256(order.payload).digest(),
        "payload": order.payload,
        "signature": order.signature,
    }
    wallet.write(update(key_replacements).where(key_replacements.c.key_number == 3).values(forged))
    assert named(wallet.stack.problems(), "one key has taken the place of a list of signers")


def test_what_either_phone_ordered_of_a_sub_wallet_is_proved(wallet: Wallet) -> None:
    order = wallet.signed(
        sub_wallets_pb2.SubWalletOrder,
        SECOND,
        request_id="123e4567-e89b-42d3-a456-426614174000",
        action=sub_wallets_pb2.SUB_WALLET_ACTION_OPEN,
        public_key=bytes(CHILD.verify_key),
        terms=sub_wallets_pb2.SubWalletTerms(
            balance_cap_fen=10_000, ends_time_ms=wallet.clock.now_ms() + DAY_MS
        ),
    )
    child = wallet.bank.sub_wallets.order(order).wallet_number
    assert wallet.stack.problems() == []
    # And a list of its own, which it cannot have.
    wallet.bank.keys.rotations.rotate(wallet.rotation(CHILD, NEW, child))
    assert wallet.stack.problems() == []
    at = select(key_replacements.c.position).where(key_replacements.c.number == child)
    with wallet.stack.system.engines["alpha"].connect() as connection:
        position = connection.execute(at).scalar_one()
    row = {
        "position": position,
        "number": child,
        "key_number": 1,
        "time_ms": wallet.clock.now_ms(),
        "gives_up_recovery": False,
        "payload": wallet.listing(SECOND, 1, [SECOND]).payload,
    }
    wallet.write(insert(signer_lists).values(row))
    assert named(wallet.stack.problems(), "a sub-wallet has a list of signers")
