"""Aliases at one bank: by order and proof, sealed, few; and what another bank is told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select, update

from central_bank.limits import ALIAS_LOOKUPS_PER_DAY
from currency.aliases import read_alias
from dcep.bank.v1 import aliases_pb2, orders_pb2, wallets_pb2
from dcep.registration.v1 import aliases_pb2 as directory_pb2
from operator_bank.aliases.masking import masked
from operator_bank.aliases.secret import ANSWER_BYTES, AliasKeyWrong, AliasSecret, read_alias_key
from operator_bank.aliases.tables import aliases
from operator_bank.customers.sandbox_checks import LikeReal
from operator_bank.limits import (
    ALIAS_AGAIN_MS,
    ALIAS_ASKED_PER_DAY,
    ALIAS_LOOKUPS_EACH,
    ALIASES_EACH,
    ALIASES_PER_DAY,
    ALIASES_TOLD,
    CODES_PER_HOUR,
)
from runtime.errors import NoAnswer
from tests.operator_bank.sub_wallets import close, opened
from tests.operator_bank.system import OTHER_PREFIX, Holder, System
from tests.refusals import refused, refused_for

ADD, PRIVATE = orders_pb2.ALIAS_WISH_ADD, orders_pb2.ALIAS_WISH_ADD_PRIVATE
REMOVE = orders_pb2.ALIAS_WISH_REMOVE
PHONE, NAME = "+8613900139000", "@li.ming"
DAY_MS = 86_400_000
SECRET = AliasSecret(b"a" * 32)
NONCE = b"n" * 16


def text_of(alias: str, salt: bytes = b"s" * 16) -> bytes:
    return aliases_pb2.AliasText(alias=alias, salt=salt).SerializeToString()


def adding(
    holder: Holder, alias: str, wish: int = ADD, code: str = "", **values: Any
) -> aliases_pb2.AddAliasRequest:
    text = text_of(alias)
    fields = {"wish": wish, "alias_digest": hashlib.sha256(text).digest(), "bank": "alpha"}
    order = holder.signed(orders_pb2.AliasOrder, **{**fields, **values})
    return aliases_pb2.AddAliasRequest(order=order, alias_text=text, code=code)


def add(holder: Holder, alias: str, wish: int = ADD, code: str = "") -> str:
    made = holder.system.bank.aliases.add(adding(holder, alias, wish, code))
    return aliases_pb2.AliasState.Name(made.state).removeprefix("ALIAS_STATE_")


def remove(holder: Holder, alias: str) -> None:
    digest = hashlib.sha256(text_of(alias)).digest()
    fields = {"wish": REMOVE, "alias_digest": digest, "bank": "alpha"}
    holder.system.bank.aliases.remove(holder.signed(orders_pb2.AliasOrder, **fields))


def states(holder: Holder) -> dict[str, str]:
    found = holder.system.bank.aliases.listed(holder.wallet)
    word = aliases_pb2.AliasState.Name
    return {one.alias: word(one.state).removeprefix("ALIAS_STATE_") for one in reversed(found)}


def answer(system: System, alias: str) -> aliases_pb2.AliasPayee | None:
    """What a bank that asks can read of the answer."""
    label = SECRET.label(read_alias(alias))
    said = system.bank.alias_finding.answer(label, NONCE, OTHER_PREFIX)
    assert len(said) == ANSWER_BYTES
    return SECRET.open(said, label, NONCE, OTHER_PREFIX)


def test_an_alias_is_told_to_the_directory_and_answered_for(system: System, alice: Holder) -> None:
    assert add(alice, NAME) == "REGISTERING"
    assert answer(system, NAME) is None  # perhaps somebody else has it
    system.bank.send()
    [told] = system.central.alias_changes
    assert told.action == directory_pb2.ALIAS_ACTION_REGISTER
    assert told.label == SECRET.label(read_alias(NAME))
    assert states(alice) == {NAME: "ACTIVE"}
    payee = answer(system, "@l1-ming")
    assert payee == aliases_pb2.AliasPayee(wallet_number=alice.number, masked_name="A***")
    remove(alice, NAME)
    assert answer(system, NAME) is None
    system.bank.send()
    assert states(alice) == {NAME: "REMOVED"}
    assert system.central.alias_changes[-1].action == directory_pb2.ALIAS_ACTION_WITHDRAW


def test_an_order_that_comes_once_more_does_not_undo_a_later_one(
    system: System, alice: Holder
) -> None:
    first = adding(alice, NAME)
    system.bank.aliases.add(first)
    system.bank.send()
    system.clock.advance(1)
    remove(alice, NAME)
    for state in ("REMOVING", "REMOVED"):
        again = system.bank.aliases.add(first)  # whoever has kept it
        assert aliases_pb2.AliasState.Name(again.state) == f"ALIAS_STATE_{state}"
        system.bank.send()
    assert (states(alice), answer(system, NAME)) == ({NAME: "REMOVED"}, None)
    fields = {"wish": REMOVE, "alias_digest": hashlib.sha256(text_of(NAME)).digest()}
    giving_up = alice.signed(orders_pb2.AliasOrder, bank="alpha", **fields)
    system.clock.advance(1)
    assert add(alice, NAME) == "REGISTERING"
    system.bank.aliases.remove(giving_up)
    system.bank.send()
    assert states(alice)[NAME] == "ACTIVE"


def test_a_sub_wallet_that_is_closed_gives_its_aliases_up(system: System, alice: Holder) -> None:
    ended, closed = opened(alice), opened(alice)
    add(ended, NAME)
    add(closed, "@li.na")
    system.bank.send()
    close(alice, closed)
    system.clock.advance(31 * DAY_MS)
    system.bank.homecoming.step()
    system.bank.send()
    assert (states(ended), states(closed)) == ({NAME: "REMOVED"}, {"@li.na": "REMOVED"})
    assert add(alice, NAME) == "REGISTERING"


def test_a_directory_that_is_silent_is_told_again(system: System, alice: Holder) -> None:
    add(alice, NAME)
    system.central.silent = True
    with pytest.raises(NoAnswer):
        system.bank.alias_telling.step()
    assert not system.bank.alias_telling.step()  # not at once
    system.central.silent = False
    system.clock.advance(ALIAS_AGAIN_MS)
    system.restart()
    system.bank.alias_telling.step()
    assert states(alice) == {NAME: "ACTIVE"}


def test_many_are_told_in_parts(system: System) -> None:
    people = [system.open(name=f"n{n}") for n in range(ALIASES_TOLD // 4)]
    for n, holder in enumerate(people):
        for place in range(5):
            add(holder, f"@name{'abcdefghjk'[place]}{chr(97 + n % 26)}x{n:03}")
    assert system.bank.alias_telling.step()
    assert len(system.central.alias_changes) == ALIASES_TOLD
    while system.bank.alias_telling.step():
        pass
    numbers = [one.number for one in system.central.alias_changes]
    assert len(numbers) == 5 * len(people)
    assert numbers == sorted(set(numbers))


def code_for(system: System, key: SigningKey, phone: str = PHONE) -> str:
    request = wallets_pb2.SendCodeRequest(phone=phone, public_key=bytes(key.verify_key))
    system.bank.opening.send_code(request)
    outbox: Any = system.checks
    return str(json.loads(outbox.outbox.read_text().splitlines()[-1])["code"])


def test_a_phone_is_whose_code_came_to_it(tmp_path: Path, system: System) -> None:
    alice, bob = system.open(name="Alice"), system.open(name="Bob")
    system.checks = LikeReal(tmp_path / "outbox")
    system.restart()
    assert refused(add, alice, PHONE) == ("PHONE_NOT_CONFIRMED", "code")
    code = code_for(system, bob.key)
    assert refused_for(add, alice, PHONE, ADD, code) == "PHONE_NOT_CONFIRMED"
    assert refused_for(add, bob, "+8613900139001", ADD, code) == "PHONE_NOT_CONFIRMED"
    assert add(bob, PHONE, ADD, code) == "REGISTERING"
    system.bank.send()
    assert states(bob) == {PHONE: "ACTIVE"}
    # Somebody else at this bank shows it later.
    assert add(alice, PHONE, ADD, code_for(system, alice.key)) == "ACTIVE"
    assert (states(alice), states(bob)) == ({PHONE: "ACTIVE"}, {PHONE: "MOVED"})
    assert answer(system, PHONE).wallet_number == alice.number  # type: ignore[union-attr]
    assert add(alice, NAME) == "REGISTERING"  # a name needs none


def test_strangers_keep_nobody_from_the_codes_of_an_alias(
    system: System, bob: Holder, tmp_path: Path
) -> None:
    """Another bank may claim it, and whoever gets no code for a week loses it."""
    system.checks = LikeReal(tmp_path / "outbox")
    system.restart()
    add(bob, PHONE, ADD, code_for(system, bob.key))
    came = [code_for(system, SigningKey.generate()) for _ in range(CODES_PER_HOUR - 1)]
    assert refused_for(code_for, system, bob.key) == "OVERLOADED"
    assert add(bob, PHONE, ADD, came[-1]) == "REGISTERING"


def test_an_order_is_of_this_text_this_bank_and_this_moment(system: System, alice: Holder) -> None:
    act = system.bank.aliases.add
    for values, field in (
        ({"alias_digest": bytes(32)}, "alias_text"),
        ({"bank": "beta"}, "bank"),
        ({"wish": REMOVE}, "wish"),
    ):
        assert refused(act, adding(alice, NAME, **values)) == ("FIELD_INVALID", field)
    for alias in ("@pаypal", "@ab", "@李ming", "12345", "6201000000000017"):
        assert refused(act, adding(alice, alias)) == ("FIELD_INVALID", "alias")
    request = adding(alice, NAME)
    request.order.signature = bytes(64)
    assert refused_for(act, request) == "SIGNATURE_INVALID"
    good = adding(alice, NAME)
    system.clock.advance(DAY_MS)
    assert refused_for(act, good) == "EXPIRED"
    assert states(alice) == {}


def test_an_older_order_does_not_undo_a_newer_one(system: System, alice: Holder) -> None:
    older = adding(alice, NAME, PRIVATE)
    system.clock.advance(1_000)
    add(alice, NAME)
    system.bank.send()
    system.bank.aliases.add(older)
    assert answer(system, NAME) is not None
    add(alice, NAME, PRIVATE)
    assert answer(system, NAME) is None


def test_what_another_wallet_has_is_not_taken_or_given_up(system: System, alice: Holder) -> None:
    add(alice, NAME)
    bob = system.open(name="Bob")
    assert refused(add, bob, "@liming") == ("ALIAS_TAKEN", "alias")
    assert refused(remove, bob, NAME) == ("ALIAS_UNKNOWN", "alias_digest")
    remove(alice, NAME)
    assert refused_for(add, bob, NAME) == "ALIAS_TAKEN"  # until the directory has heard of it
    system.bank.send()
    assert add(bob, NAME) == "REGISTERING"


def test_a_wallet_takes_few(system: System, alice: Holder) -> None:
    for place in range(ALIASES_EACH):
        add(alice, f"@name{chr(97 + place)}")
    assert refused_for(add, alice, "@onemore") == "TOO_MANY_ALIASES"
    for place in range(ALIASES_PER_DAY - ALIASES_EACH):
        system.bank.send()
        remove(alice, f"@name{chr(97 + place)}")
        system.bank.send()
        add(alice, f"@more{chr(97 + place)}")
    system.bank.send()
    remove(alice, "@morea")
    system.bank.send()
    assert refused_for(add, alice, "@onemore") == "TOO_MANY_ALIASES"  # for today
    system.clock.advance(DAY_MS)
    assert add(alice, "@onemore") == "REGISTERING"


def test_an_alias_that_is_asked_for_too_often_is_nobodys_today(
    system: System, alice: Holder
) -> None:
    add(alice, NAME)
    system.bank.send()
    for _ in range(3):
        assert answer(system, NAME) is not None
    with system.engine.begin() as connection:
        connection.execute(update(aliases).values(asked_count=ALIAS_ASKED_PER_DAY - 1))
    assert answer(system, NAME) is not None
    assert answer(system, NAME) is None
    system.clock.advance(DAY_MS)
    assert answer(system, NAME) is not None


def test_one_bank_or_a_few_holders_do_not_hide_an_alias_from_the_others() -> None:
    assert ALIAS_ASKED_PER_DAY >= 5 * ALIAS_LOOKUPS_PER_DAY
    assert ALIAS_ASKED_PER_DAY >= 3_000 * ALIAS_LOOKUPS_EACH


def test_an_answer_is_for_one_question_of_one_bank_about_one_alias(
    system: System, alice: Holder
) -> None:
    add(alice, NAME)
    system.bank.send()
    label = SECRET.label(read_alias(NAME))
    said = system.bank.alias_finding.answer(label, NONCE, OTHER_PREFIX)
    assert SECRET.open(said, label, NONCE, OTHER_PREFIX) is not None
    assert SECRET.open(said, label, b"m" * 16, OTHER_PREFIX) is None
    assert SECRET.open(said, label, NONCE, "6203") is None
    assert SECRET.open(said, bytes(32), NONCE, OTHER_PREFIX) is None
    assert SECRET.open(said[:-1] + b"\0", label, NONCE, OTHER_PREFIX) is None
    assert AliasSecret(b"b" * 32).open(said, label, NONCE, OTHER_PREFIX) is None
    assert alice.number.encode() not in said
    for nonsense in (b"", b"x", bytes(ANSWER_BYTES)):
        assert SECRET.open(nonsense, label, NONCE, OTHER_PREFIX) is None


def test_what_an_alias_says_is_sealed_and_sealed_anew(system: System, alice: Holder) -> None:
    add(alice, PHONE)
    add(alice, NAME)
    with system.engine.connect() as connection:
        before = connection.execute(select(aliases)).all()
    assert b"13900139000" not in repr(before).encode() and "ming" not in repr(before)
    system.customers_keys[2] = b"d" * 32
    system.restart()
    with system.engine.connect() as connection:
        assert {row.sealed_by for row in connection.execute(select(aliases))} == {2}
    del system.customers_keys[1]
    system.restart()
    assert set(states(alice)) == {PHONE, NAME}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("李明", "李*"),
        ("欧阳修文", "欧*"),
        ("李", "李*"),
        ("Anna", "A***"),
        ("Anna Karlsson", "A. K***"),
        ("Anna Maria Karlsson Li", "A. M. K***"),
        (" 李 明 ", "李. 明***"),
        ("\U0001f600", "\U0001f600***"),
    ],
)
def test_a_name_is_masked_and_its_length_does_not_show(name: str, shown: str) -> None:
    assert masked(name) == shown
    assert len(masked("A" * 64)) == len(masked("Al"))


@pytest.mark.parametrize("content", [None, "", "00", "g" * 64, "0" * 63, "0" * 66])
def test_a_key_file_that_is_wrong_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "aliases.key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(AliasKeyWrong, match=r"^alias_key: .*aliases\.key"):
        read_alias_key(file)
    file.write_text("00" * 32 + "\n")
    assert read_alias_key(file) == bytes(32)
