"""Telephones are shown by a code, documents and accounts are asked for, and strangers learn
nothing.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2, wallets_pb2
from operator_bank.customers.checks import NoChecks
from operator_bank.customers.providers import identity_checks
from operator_bank.customers.sandbox_checks import AtOnce, LikeReal, papers_number
from operator_bank.limits import CODE_PAUSE_MS, CODE_TRIES, CODE_VALID_MS, CODES_PER_HOUR
from runtime.errors import Refusal
from runtime.settings import SettingsError
from tests.operator_bank.system import Holder, System
from tests.refusals import refused

NAME, PHONE = "Zhao Quexiang", "13900139000"
DOCUMENT, ACCOUNT = papers_number(NAME, "E1234567"), papers_number(NAME, "62220202")
KEY, OTHER = SigningKey(b"k" * 32), SigningKey(b"o" * 32)
DELAY_MS, HOUR_MS = 2_000, 3_600_000
NO_CODE = ("PHONE_NOT_CONFIRMED", "code")
NO = ("IDENTITY_NOT_CONFIRMED", "")
II, III, IV = 2, 3, 4


@pytest.fixture
def real(system: System, tmp_path: Path) -> System:
    """A bank whose checks behave like real ones."""
    system.checks = LikeReal(tmp_path / "outbox.jsonl", delay_ms=DELAY_MS)
    system.restart()
    return system


def outbox(system: System) -> list[dict]:
    """What came to telephones."""
    assert isinstance(system.checks, LikeReal)
    file = system.checks.outbox
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def send(system: System, phone: str = PHONE, key: SigningKey = KEY) -> str:
    """Has a code sent, and reads it on the telephone."""
    asked = wallets_pb2.SendCodeRequest(phone=phone, public_key=bytes(key.verify_key))
    until_ms = system.bank.opening.send_code(asked)
    code = str(outbox(system)[-1]["code"])
    good_ms = {6: CODE_VALID_MS, 12: HOUR_MS}[len(code)]
    assert until_ms == system.clock.now_ms() + good_ms
    return code


def papers(number: str = DOCUMENT) -> orders_pb2.Document:
    return orders_pb2.Document(kind=orders_pb2.DOCUMENT_KIND_ID_CARD, number=number)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def test_a_telephone_opens_a_wallet_with_the_code_that_came_to_it(real: System) -> None:
    assert refused(real.open, phone=PHONE, key=KEY) == NO_CODE
    code = send(real, "+86 139 0013 9000")
    assert outbox(real)[-1]["phone"] == "8613900139000"
    assert refused(real.open, phone=PHONE, key=KEY, code=wrong(code)) == NO_CODE
    assert refused(real.open, phone=PHONE, key=OTHER, code=code) == NO_CODE, "another wallet's"
    assert refused(real.open, phone="13900139001", key=KEY, code=code) == NO_CODE
    assert real.open(phone=PHONE, key=KEY, code=code).wallet.wallet_class == IV


def test_a_code_ends(real: System) -> None:
    code = send(real)
    real.clock.advance(CODE_VALID_MS - 1)
    still = real.opening(KEY, name="", phone=PHONE, code=code)
    real.clock.advance(1)
    assert refused(real.bank.opening.open, still) == NO_CODE


def test_an_order_that_is_repeated_needs_no_code_again(real: System) -> None:
    code = send(real)
    request = "123e4567-e89b-42d3-a456-426614174000"
    shown: dict[str, Any] = {"phone": PHONE, "key": KEY, "request_id": request}
    first = real.open(code=code, **shown)
    real.clock.advance(CODE_VALID_MS)
    assert real.open(**shown).number == first.number


def test_after_three_wrong_codes_the_wallet_waits(real: System) -> None:
    code = send(real)
    for _ in range(CODE_TRIES):
        assert refused(real.open, phone=PHONE, key=KEY, code=wrong(code)) == NO_CODE
    assert refused(real.open, phone=PHONE, key=KEY, code=code) == NO_CODE, "it is spent"
    again = send(real)
    assert refused(real.open, phone=PHONE, key=KEY, code=again) == NO_CODE, "nor does a new one"
    # Nobody else has to wait for it, not even with the same telephone.
    own = send(real, key=OTHER)
    real.open(phone=PHONE, key=OTHER, code=own)
    real.clock.advance(CODE_PAUSE_MS)
    real.open(phone=PHONE, key=KEY, code=send(real))


def test_a_telephone_gets_so_many_codes_an_hour_whoever_asks(real: System) -> None:
    for number in range(CODES_PER_HOUR):
        send(real, ("+86 139 0013 9000", "13900139000")[number % 2], SigningKey.generate())
    assert refused(send, real)[0] == "OVERLOADED"
    assert len(outbox(real)) == CODES_PER_HOUR
    send(real, "13900139001")
    real.clock.advance(3_600_000)
    send(real)


def by_strangers(system: System) -> list[str]:
    """Strangers have all codes sent that a telephone gets in an hour, and do not see them."""
    codes = [send(system, key=SigningKey.generate()) for _ in range(CODES_PER_HOUR)]
    assert refused(send, system, key=SigningKey.generate())[0] == "OVERLOADED"
    return codes


def test_strangers_keep_nobody_from_a_first_wallet(real: System) -> None:
    *short, newest = by_strangers(real)
    assert refused(send, real) == ("OVERLOADED", "phone")
    for code in (*short, wrong(newest), newest[:6]):
        assert refused(real.open, phone=PHONE, key=KEY, code=code) == NO_CODE
    assert refused(real.open, phone="13900139001", key=KEY, code=newest) == NO_CODE
    real.open(phone=PHONE, key=KEY, code=newest)
    real.open(phone=PHONE, key=OTHER, code=newest)


def test_nor_do_they_by_going_on(real: System) -> None:
    first = by_strangers(real)[-1]
    real.clock.advance(HOUR_MS - 1)
    real.open(phone=PHONE, key=KEY, code=first)
    real.clock.advance(1)
    assert refused(real.open, phone=PHONE, key=OTHER, code=first) == NO_CODE
    second = by_strangers(real)[-1]
    real.clock.advance(HOUR_MS // 2)
    assert refused(send, real)[0] == "OVERLOADED"
    assert len(second) == 12
    real.open(phone=PHONE, key=OTHER, code=second)


def test_a_code_that_is_good_for_any_wallet_is_not_used_up_by_wrong_ones(real: System) -> None:
    code = send(real)
    *_, newest = [send(real, key=SigningKey.generate()) for _ in range(CODES_PER_HOUR - 1)]
    for _ in range(CODE_TRIES):
        assert refused(real.open, phone=PHONE, key=KEY, code=wrong(code)) == NO_CODE
    assert refused(real.open, phone=PHONE, key=KEY, code=code) == NO_CODE
    real.open(phone=PHONE, key=KEY, code=newest)


def test_whose_telephone_it_is_nobody_learns_by_codes(real: System) -> None:
    """Whoever knows a wallet's key, from a request to pay, cannot tell its telephone by it."""
    opened(real, PHONE, KEY)
    for phone in (PHONE, "13900139001"):
        asked = 1 if phone == PHONE else 0
        for _ in range(CODES_PER_HOUR - asked):
            send(real, phone, KEY)
        assert refused(send, real, phone, KEY)[0] == "OVERLOADED"


def test_the_outbox_keeps_no_more_than_the_last_hundred_codes(real: System) -> None:
    for number in range(120):
        send(real, f"1390013{number:04}")
    assert len(outbox(real)) == 100
    assert isinstance(real.checks, LikeReal)
    assert real.checks.outbox.stat().st_mode & 0o777 == 0o600


def test_a_stranger_learns_nothing_of_who_is_known(real: System) -> None:
    """Neither by asking for a code, nor by what is refused without one."""
    real.publish(wallets_per_phone=1, wallets_per_document=1)
    shown: dict[str, Any] = {"document": papers(), "bank_account": ACCOUNT}
    opened(real, PHONE, KEY, **shown)
    for phone in (PHONE, "13900139001"):
        for more in ({}, {"document": papers()}, {"document": papers("E0000001")}):
            name = NAME if more else ""
            assert refused(real.open, name, phone, key=OTHER, **more) == NO_CODE
    # With a telephone of their own, and somebody's papers.
    assert refused(opened, real, "13900139001", OTHER, **shown) == NO
    mine: dict[str, Any] = {"key": OTHER, "code": send(real, "13900139001", OTHER)}
    assert refused(real.open, "Mallory", "13900139001", document=papers("E00"), **mine) != NO
    real.clock.advance(DELAY_MS)
    assert refused(real.open, "Mallory", "13900139001", document=papers("E00"), **mine) == NO


def test_checks_take_their_time_and_the_same_order_is_asked_again(real: System) -> None:
    shown: dict[str, Any] = {"key": KEY, "code": send(real), "document": papers()}
    refusal = refused(real.open, NAME, PHONE, **shown)
    assert refusal[0] == "OVERLOADED"
    real.clock.advance(DELAY_MS)
    assert real.open(NAME, PHONE, **shown).wallet.wallet_class == III


@pytest.mark.parametrize(
    "shown",
    [
        {"document": papers("E12345670000")},
        {"document": papers(papers_number("Li Na", "E1234567"))},
        {"document": papers(papers_number(NAME, "9234567"))},
        {"document": papers(), "bank_account": "622202020000"},
        {"document": papers(), "bank_account": papers_number("Li Na", "62220202")},
        {"bank_account": ACCOUNT},
    ],
)
def test_papers_that_are_not_the_holders_are_refused(real: System, shown: dict) -> None:
    before = len(real.bank.directory)
    assert refused(opened, real, PHONE, KEY, **shown) == NO
    assert len(real.bank.directory) == before


def test_with_all_of_it_the_wallet_is_of_class_two(real: System) -> None:
    holder = opened(real, PHONE, KEY, document=papers(), bank_account=ACCOUNT)
    assert holder.wallet.wallet_class == II
    assert holder.wallet.deposit_account is not None


def test_a_bank_without_checks_opens_no_wallet(system: System) -> None:
    system.checks = NoChecks()
    system.restart()
    asked = wallets_pb2.SendCodeRequest(phone=PHONE, public_key=bytes(KEY.verify_key))
    system.bank.opening.send_code(asked)
    for shown in ({"phone": PHONE}, {"name": NAME}, {"name": NAME, "document": papers()}):
        assert refused(system.open, **shown, code="000000") == NO_CODE


def test_a_bank_has_the_checks_that_its_settings_name(tmp_path: Path) -> None:
    made = partial(identity_checks, in_sandbox=True)
    assert isinstance(made("none", ""), NoChecks)
    assert isinstance(made("sandbox-at-once", ""), AtOnce)
    assert isinstance(made("sandbox", str(tmp_path / "outbox")), LikeReal)
    for name, outbox in (("sandbox", ""), ("", ""), ("real", "x")):
        with pytest.raises(SettingsError):
            made(name, outbox)


@pytest.mark.parametrize("name", ["sandbox", "sandbox-at-once"])
def test_a_bank_that_is_no_sandbox_takes_nobody_at_their_word(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keys_in_files"):
        identity_checks(name, str(tmp_path / "outbox"), in_sandbox=False)
    assert isinstance(identity_checks("none", "", in_sandbox=False), NoChecks)


def opened(system: System, phone: str, key: SigningKey, **shown: Any) -> Holder:
    """Opens a wallet with a code, and waits for the checks."""
    how: dict[str, Any] = {"key": key, "code": send(system, phone, key), **shown}
    while True:
        try:
            return system.open(NAME, phone, **how)
        except Refusal as refusal:
            if refusal.name != "OVERLOADED":
                raise
        system.clock.advance(DELAY_MS)
