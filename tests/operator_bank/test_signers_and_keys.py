"""Neither a phrase, nor a key by itself, nor a sub-wallet takes the place of several signers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nacl.signing import SigningKey

from currency.recovery import RECOVERY_KEPT_MS
from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.customers.proving import Proving
from runtime.errors import Refusal
from tests.operator_bank.classes import asked
from tests.operator_bank.keys import (
    APPROVED,
    IN_FORCE,
    OBJECTED,
    REPLACED,
    WAIT_MS,
    approved,
    in_force,
    objection,
    recover,
    recovery,
    rotated,
    rotation,
    speaks,
    state,
    wish,
)
from tests.operator_bank.mandates import became, given
from tests.operator_bank.signers import PREPARE, Member, first, listed, listing, same
from tests.operator_bank.sub_wallets import close, opened
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_for

DAY_MS = 86_400_000


@pytest.fixture
def phrase() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def carol(system: System, phrase: SigningKey) -> Member:
    """A wallet with a recovery phrase, and its first phone."""
    opened_ = system.open(phone="13800000001", recovery_key=bytes(phrase.verify_key))
    return first(opened_)


@pytest.fixture
def ann(bob: Holder) -> Member:
    """Bob's first phone, of a wallet without a phrase."""
    bob.exchange(1_000)
    return first(bob)


def other(one: Member, place: int = 1, role: int = 3) -> Member:
    return Member(one.system, one.number, place, role=role)


def number(system: System, one: Holder) -> int:
    """Which key or list of a wallet is in force."""
    return system.bank.directory.get(one.number).key_number


def test_one_of_several_keys_does_not_replace_them_all(system: System, ann: Member) -> None:
    ben, clerk = other(ann), other(ann, 2, PREPARE)
    before = rotation(system, ann, SigningKey.generate())
    listed(ann, [ann, ben, clerk])
    rotate = system.bank.keys.rotations.rotate
    assert refused_for(rotate, before) == "HAS_SIGNERS"
    for one in (ann, ben):
        assert refused_for(rotate, rotation(system, one, SigningKey.generate())) == "HAS_SIGNERS"
    assert refused_for(rotate, rotation(system, clerk, SigningKey.generate())) == "SIGNER_MAY_NOT"
    listed(ben, [ann, ben, clerk], threshold=2)
    for one in (ann, ben, clerk):
        assert refused_for(rotate, rotation(system, one, SigningKey.generate())) == "SIGNER_MAY_NOT"
    assert number(system, ann) == 2
    # Nor does a new phrase come to such a wallet.
    named = rotation(system, ann, SigningKey.generate(), SigningKey.generate())
    assert refused_for(rotate, named) == "SIGNER_MAY_NOT"


def test_of_a_list_and_a_key_at_once_one_comes_first(system: System, ann: Member) -> None:
    new, ben = SigningKey.generate(), other(ann)
    bank = system.restart(threaded=True)
    list_, key = listing(ann, [ann, ben]), rotation(system, ann, new)

    def one(change: Callable[[SignedEnvelope], object], order: SignedEnvelope) -> str:
        try:
            change(order)
        except Refusal as refusal:
            return refusal.name
        return "done"

    with ThreadPoolExecutor(2) as pool:
        listing_ = pool.submit(one, bank.signers.change, list_)
        rotating = pool.submit(one, bank.keys.rotations.rotate, key)
        ends = [listing_.result(), rotating.result()]
    assert ends.count("done") == 1
    assert {*ends} - {"done"} <= {
        *("KEY_REPLACED", "HAS_SIGNERS", "SIGNERS_CHANGED", "SIGNATURE_INVALID")
    }
    assert number(system, ann) == 1
    bank.books.stop()
    system.restart()
    in_force_ = ben.key if ends[0] == "done" else new
    assert state(system, ann.number, in_force_).state == IN_FORCE


def test_keys_and_lists_follow_each_other_in_any_order(
    system: System, bob: Holder, alice: Holder
) -> None:
    bob.exchange(1_000)
    second = rotated(system, bob, SigningKey.generate())
    ann = first(second)
    ben = other(ann)
    listed(ann, [ann, ben])
    third = SigningKey.generate()
    approved(system, ben, third)
    alone = in_force(system, ben, third)
    assert number(system, bob) == 3
    fourth = rotated(system, alone, SigningKey.generate())
    system.restart()
    assert number(system, bob) == 4
    fourth.pay(alice.number, 10)
    for gone in (bob.key, ann.key, ben.key, third):
        assert state(system, bob.number, gone).state == REPLACED
    # None of them comes back, in whatever way it went.
    back = first(fourth)
    for gone in (bob.key, ann.key, ben.key, third):
        again = Member(system, bob.number, 1, gone)
        change = system.bank.signers.change
        assert refused_for(change, listing(back, [back, again])) == "ALREADY_DECIDED"
        assert (
            refused_for(system.bank.keys.rotations.rotate, rotation(system, fourth, gone))
            == "ALREADY_DECIDED"
        )
        assert refused_for(system.both, wish(system, fourth, gone)) == "ALREADY_DECIDED"
    listed(back, [back, other(back)])
    assert number(system, bob) == 5


def test_a_phrase_gives_back_a_wallet_on_two_phones(
    system: System, carol: Member, phrase: SigningKey
) -> None:
    key, second = SigningKey.generate(), other(carol)
    listed(carol, [carol, second])
    assert state(system, carol.number, second.key).has_recovery_key
    assert refused_for(recover, system, carol.number, phrase, second.key) == "ALREADY_DECIDED"
    assert recover(system, carol.number, phrase, key) == APPROVED
    # Each of them is told, and could object.
    for one in (carol, second):
        assert state(system, carol.number, one.key).successor == bytes(key.verify_key)
    new = in_force(system, carol, key)
    assert number(system, new) == 2
    for gone in (carol, second):
        assert state(system, carol.number, gone.key).state == REPLACED


def test_what_takes_several_signatures_waits_until_no_phrase_counts(
    system: System, carol: Member, phrase: SigningKey
) -> None:
    ben, key = other(carol), SigningKey.generate()
    change = system.bank.signers.change
    two = {"threshold": 2}
    assert refused_for(change, listing(carol, [carol, ben], **two)) == "RECOVERY_KEY_COUNTS"
    assert number(system, carol) == 0
    listed(carol, [carol, ben], gives_up_recovery=True)
    system.clock.advance(RECOVERY_KEPT_MS - 1)
    assert refused_for(change, listing(carol, [carol, ben], **two)) == "RECOVERY_KEY_COUNTS"
    # Whoever has the phrase asks at the last moment: so long it takes one signature.
    assert recover(system, carol.number, phrase, key) == APPROVED
    system.clock.advance(2)
    assert refused_for(change, listing(carol, [carol, ben], **two)) == "RECOVERY_KEY_COUNTS"
    system.bank.keys.replacements.object(objection(system, ben, key))
    assert state(system, carol.number, key).state == OBJECTED
    listed(carol, [carol, ben], **two)
    system.restart()
    # From then on the phrase finds nothing, and asks for nothing, with officers or without.
    new = SigningKey.generate()
    query = speaks(system, keys_pb2.RecoveryQuery, phrase)
    assert refused_for(system.bank.keys.recoveries.find, query) == "REQUEST_UNKNOWN"
    assert refused_for(recover, system, carol.number, phrase, new) == "REQUEST_UNKNOWN"
    both = wish(system, carol, new, recovery=recovery(system, carol.number, phrase, new))
    assert refused_for(system.both, both) == "WRONG_WALLET"
    system.clock.advance(RECOVERY_KEPT_MS + WAIT_MS)
    system.bank.keys.replacements.step()
    assert number(system, carol) == 2
    assert system.bank.directory.get(carol.number).signers is not None


def test_a_thief_who_gives_the_phrase_up_does_not_shut_its_holder_out(
    system: System, carol: Member, phrase: SigningKey
) -> None:
    thief, key = other(carol), SigningKey.generate()
    listed(carol, [thief], gives_up_recovery=True)
    system.clock.advance(DAY_MS)
    assert recover(system, carol.number, phrase, key) == APPROVED
    back = in_force(system, carol, key)
    assert number(system, carol) == 2
    assert state(system, carol.number, thief.key).state == REPLACED
    assert refused_for(thief.pay, carol.number, 1) == "SIGNATURE_INVALID"
    # It was given up after the phrase: that is void, and the phrase counts on.
    system.clock.advance(2 * RECOVERY_KEPT_MS)
    assert state(system, back.number, key).has_recovery_key


def test_any_who_may_release_objects_to_officers_and_a_list_of_two_stays(
    system: System, ann: Member
) -> None:
    ben, clerk = other(ann), other(ann, 2, PREPARE)
    listed(ann, [ann, ben, clerk], threshold=2)
    key = SigningKey.generate()
    approved(system, ann, key)
    for one in (ann, ben, clerk):
        assert state(system, ann.number, one.key).successor == bytes(key.verify_key)
    system.bank.keys.replacements.object(objection(system, ben, key))
    system.clock.advance(WAIT_MS)
    system.bank.keys.replacements.step()
    assert number(system, ann) == 1


def test_a_sub_wallet_has_one_key(system: System, ann: Member) -> None:
    child = first(opened(ann, fen=100))
    change = system.bank.signers.change
    assert refused_for(change, listing(child, [child, other(child)])) == "NOT_FOR_SUB_WALLETS"


def test_a_sub_wallet_of_several_signers_spends_what_they_have_put_into_it(
    system: System, ann: Member, alice: Holder
) -> None:
    child, ben = opened(ann, fen=100), other(ann)
    listed(ann, [ann, ben], threshold=2)
    child.pay(alice.number, 60)
    # More, other limits, and another one take what a payment takes.
    assert refused_for(ann.pay, child.number, 1) == "SIGNER_MAY_NOT"
    for one in (ann, ben):
        assert refused_for(close, one, child) == "SIGNER_MAY_NOT"
        assert refused_for(opened, one) == "SIGNER_MAY_NOT"
    payment = ann.order(child.number, 40)
    system.bank.together.sign_payment(payment, 0.0)
    assert child.fen == 40
    system.bank.together.sign_payment(same(payment, ben), 0.0)
    assert child.fen == 80


def test_a_key_of_the_family_is_none_of_the_parents(system: System, ann: Member) -> None:
    ben = other(ann)
    listed(ann, [ann, ben])
    for one in (ann, ben):
        assert refused_for(opened, ann, key=one.key) == "FIELD_INVALID"


def test_a_mandate_of_one_signer_does_not_outlast_the_others(
    system: System, ann: Member, alice: Holder
) -> None:
    ben, two = other(ann), {"threshold": 2}
    number_ = given(ann, alice.number)
    listed(ann, [ann, ben])
    change = system.bank.signers.change
    assert refused_for(change, listing(ann, [ann, ben], **two)) == "SUB_WALLETS_OPEN"
    assert became(alice, number_, 100) == "PAID"
    child = Holder(system, system.bank.directory.get(number_), SigningKey.generate())
    close(ben, child)
    listed(ben, [ann, ben], **two)
    # None is given, or changed, by one of them from then on.
    assert refused_for(given, ann, alice.number) == "SIGNER_MAY_NOT"
    assert became(alice, number_, 100) != "PAID"


def test_of_a_mandate_and_a_list_of_two_at_once_one_is_refused(
    system: System, ann: Member, alice: Holder
) -> None:
    ben = other(ann)
    bank = system.restart(threaded=True)
    list_ = listing(ann, [ann, ben], threshold=2)

    def one(call: Callable[[], object]) -> str:
        try:
            call()
        except Refusal as refusal:
            return refusal.name
        return "done"

    with ThreadPoolExecutor(2) as pool:
        giving = pool.submit(one, lambda: given(ann, alice.number))
        setting = pool.submit(one, lambda: bank.signers.change(list_))
        ends = [giving.result(), setting.result()]
    assert ends.count("done") == 1, ends
    bank.books.stop()
    system.restart()


def test_a_class_is_not_changed_by_a_phone_that_is_cut_off_meanwhile(
    system: System, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = system.bank.directory.get(ann.number)
    said, prove = asked(ann, 4, over_the_cap=True), Proving.prove_more

    def list_first(*given: Any) -> Any:
        listed(ann, [other(ann)])
        return prove(*given)

    monkeypatch.setattr(Proving, "prove_more", list_first)
    assert refused_for(system.bank.class_changes.change, said) == "KEY_REPLACED"
    assert system.bank.directory.get(ann.number).wallet_class == before.wallet_class
