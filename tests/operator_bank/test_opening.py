"""Opening a wallet: signed by the key that it will have, once, at this bank, in its time."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey

from currency import number
from dcep.bank.v1 import orders_pb2
from dcep.bank.v1.wallets_pb2 import OpenWalletRequest
from operator_bank.limits import CLOCK_SKEW_MS, MAX_OPENING_VALIDITY_MS
from tests.openings import opening
from tests.operator_bank.fake_central_bank import NOW_MS
from tests.operator_bank.system import PREFIX, System
from tests.refusals import refused

KEY, OTHER = SigningKey(b"k" * 32), SigningKey(b"o" * 32)
REQUEST = "123e4567-e89b-42d3-a456-426614174000"


def asking(**how: Any) -> OpenWalletRequest:
    """A good order for a wallet at alpha, but for what a test changes."""
    return opening("alpha", NOW_MS, **how)


def test_a_wallet_is_opened_once_by_its_key_and_request(system: System) -> None:
    first = system.bank.opening.open(asking(key=KEY, request_id=REQUEST))
    system.clock.advance(3_600_000)
    # Later it is asked for again, in times of its own.
    again = opening("alpha", system.clock.now_ms(), key=KEY, request_id=REQUEST)
    assert system.restart().opening.open(again) == first == system.bank.directory.find(first.number)
    assert number.check(first.number).startswith(PREFIX)
    assert len(system.bank.directory) == 1

    other = opening(
        "alpha", system.clock.now_ms(), key=KEY, request_id=REQUEST, holder_name="Mallory"
    )
    assert refused(lambda: system.bank.opening.open(other)) == ("ID_REUSED", "request_id")


def test_nobody_opens_a_wallet_for_a_key_that_they_do_not_have(system: System) -> None:
    for forged in (
        asking(key=KEY, signer=OTHER),
        asking(key=KEY, kind=orders_pb2.Query),
        asking(key=OTHER, key_id=bytes(KEY.verify_key).hex().encode()),
    ):
        invalid = ("SIGNATURE_INVALID", "signature")
        assert refused(lambda forged=forged: system.bank.opening.open(forged)) == invalid
        assert refused(lambda forged=forged: system.bank.opening.open_many([forged])) == (
            "SIGNATURE_INVALID", "items[0].signature",
        )  # fmt: skip
    # Signed by Mallory, for Mallory's own key, and with another one inside.
    swapped = asking(key=OTHER, public_key=bytes(KEY.verify_key))
    assert refused(lambda: system.bank.opening.open(swapped)) == ("FIELD_INVALID", "public_key")
    altered = asking(key=KEY)
    altered.order.payload = altered.order.payload.replace(b"alpha", b"beta!")
    assert refused(lambda: system.bank.opening.open(altered))[0] == "SIGNATURE_INVALID"
    altered = asking(key=KEY)
    altered.holder = altered.holder.replace(b"Somebody", b"Nobody!!")
    assert refused(lambda: system.bank.opening.open(altered)) == ("FIELD_INVALID", "holder")
    assert len(system.bank.directory) == 0


def test_what_another_key_asked_for_with_the_same_id_is_nobodys_business(system: System) -> None:
    mine = system.bank.opening.open(asking(key=KEY, request_id=REQUEST, holder_name="Alice"))
    theirs = system.bank.opening.open(asking(key=OTHER, request_id=REQUEST, holder_name="Bob"))
    assert mine.number != theirs.number
    assert (
        system.bank.opening.open(asking(key=KEY, request_id=REQUEST, holder_name="Alice")) == mine
    )


@pytest.mark.parametrize(
    "weak",
    [
        bytes(32),
        b"\x01" + bytes(31),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        # Of mixed order, and one that is not written as it must be.
        bytes.fromhex("cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d"),
        b"\xee" + b"\xff" * 30 + b"\x7f",
    ],
)
def test_a_weak_key_opens_no_wallet_whatever_it_signs(system: System, weak: bytes) -> None:
    """Anybody could sign for some of them: R = 1·B, S = 1 holds for the key 1."""
    asked = asking(public_key=weak, key_id=weak.hex().encode())
    asked.order.signature = (1).to_bytes(32, "little") + bytes(32)
    assert refused(lambda: system.bank.opening.open(asked)) == ("FIELD_INVALID", "public_key")
    assert len(system.bank.directory) == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"holder_name": ""}, ("FIELD_MISSING", "holder.phone")),
        ({"holder_name": "x" * 65}, ("FIELD_INVALID", "holder.name")),
        ({"holder_name": "a\nb"}, ("FIELD_INVALID", "holder.name")),
        ({"holder_name": "   "}, ("FIELD_INVALID", "holder.name")),
        ({"holder_name": " ", "phone": "13800138000"}, ("FIELD_INVALID", "holder.name")),
        ({"phone": "call me"}, ("FIELD_INVALID", "holder.phone")),
        ({"phone": "+++1"}, ("FIELD_INVALID", "holder.phone")),
        ({"phone": "+"}, ("FIELD_INVALID", "holder.phone")),
        ({"phone": "  1 "}, ("FIELD_INVALID", "holder.phone")),
        ({"phone": "1  2"}, ("FIELD_INVALID", "holder.phone")),
        ({"phone": "١٢٣"}, ("FIELD_INVALID", "holder.phone")),
        ({"request_id": "1"}, ("FIELD_INVALID", "request_id")),
        ({"request_id": ""}, ("FIELD_MISSING", "request_id")),
        ({"public_key": b""}, ("FIELD_MISSING", "public_key")),
        ({"bank": "beta"}, ("FIELD_INVALID", "bank")),
        ({"bank": ""}, ("FIELD_MISSING", "bank")),
        ({"key_id": b""}, ("FIELD_MISSING", "key_id")),
        ({"key_id": b"6201000000000012"}, ("FIELD_INVALID", "key_id")),
        ({"key_id": b"\xff" * 64}, ("FIELD_INVALID", "key_id")),
        ({"key_id": bytes(OTHER.verify_key).hex().upper().encode()},
         ("FIELD_INVALID", "key_id")),
        ({"key_id": b" " * 64}, ("FIELD_INVALID", "key_id")),
        ({"created_time_ms": 0}, ("FIELD_MISSING", "created_time_ms")),
        ({"expires_time_ms": 0}, ("FIELD_MISSING", "expires_time_ms")),
        ({"created_time_ms": NOW_MS - 9, "expires_time_ms": NOW_MS - 1},
         ("EXPIRED", "expires_time_ms")),
        ({"created_time_ms": NOW_MS + CLOCK_SKEW_MS + 1,
          "expires_time_ms": NOW_MS + CLOCK_SKEW_MS + 2}, ("NOT_YET_VALID", "created_time_ms")),
        ({"expires_time_ms": NOW_MS + MAX_OPENING_VALIDITY_MS + 1},
         ("VALIDITY_TOO_LONG", "expires_time_ms")),
    ],
)  # fmt: skip
def test_a_wrong_order_opens_nothing_also_for_others_in_the_call(
    system: System, changes: dict, expected: tuple[str, str]
) -> None:
    wrong = asking(**changes)
    assert refused(lambda: system.bank.opening.open(wrong)) == expected
    reason, field = expected
    assert refused(lambda: system.bank.opening.open_many([asking(), wrong])) == (
        reason, f"items[1].{field}",
    )  # fmt: skip
    assert len(system.bank.directory) == 0


def test_one_request_does_not_stand_twice_in_a_call(system: System) -> None:
    order = asking()
    assert refused(lambda: system.bank.opening.open_many([order, order]))[1] == "request_id"
