"""The key of a wallet is replaced: two officers, time to object, and one record of the journal."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1.office_pb2 import FreezeWallet
from operator_bank.keys.tables import key_requests
from operator_bank.limits import KEY_REQUEST_KEPT_MS, KEY_REQUESTS_EACH
from runtime.envelope import sign
from settlement.core import Answers, Batch
from settlement.records import first_sequence
from tests.operator_bank.keys import (
    APPROVED,
    IN_FORCE,
    NOBODY,
    OBJECTED,
    REFUSED,
    REPLACED,
    REQUESTED,
    WAIT_MS,
    approved,
    asked,
    in_force,
    objection,
    replaced,
    said,
    state,
    wish,
)
from tests.operator_bank.system import FOREIGN, WANG, Holder, System
from tests.refusals import refused_for


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate()


def test_a_key_is_asked_for_approved_by_two_and_in_force_after_its_time(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    bob.exchange(500)
    bob.pay(alice.number, 100)
    asked(system, bob.number, key)
    assert state(system, bob.number, key).state == REQUESTED
    act = system.propose(wish(system, bob, key))
    assert refused_for(system.approve, act, WANG) == "SAME_OFFICER"
    assert state(system, bob.number, key).state == REQUESTED
    system.approve(act)
    due_ms = system.clock.now_ms() + WAIT_MS
    assert state(system, bob.number, key).state == APPROVED
    assert state(system, bob.number, key).in_force_time_ms == due_ms
    told = state(system, bob.number, bob.key)
    assert (told.state, told.successor) == (IN_FORCE, bytes(key.verify_key))
    assert told.successor_time_ms == due_ms
    system.clock.advance(WAIT_MS - 1)
    system.bank.keys.replacements.step()
    bob.pay(alice.number, 100)  # until then the old key orders
    system.clock.advance(1)
    system.bank.keys.replacements.step()
    assert state(system, bob.number, key).state == IN_FORCE
    old = state(system, bob.number, bob.key)
    assert (old.state, old.in_force_time_ms) == (REPLACED, system.clock.now_ms())
    new = Holder(system, system.bank.directory.get(bob.number), key)
    new.sequence = system.bank.wallets.state(new.wallet).last_sequence
    assert new.sequence == first_sequence(1)
    assert new.fen == 300
    before = alice.fen
    new.pay(alice.number, 300)
    assert alice.fen == before + 300
    payments, _ = system.bank.history.page(new.wallet, 50, "")
    assert [-each.change_fen for each in payments] == [300, 100, 100, -500]


def test_the_old_key_objects(system: System, bob: Holder, key: SigningKey) -> None:
    asked(system, bob.number, key)
    act = approved(system, bob, key)
    envelope = objection(system, bob, key)
    system.bank.keys.replacements.object(envelope)
    system.bank.keys.replacements.object(envelope)  # repeats harmlessly
    assert state(system, bob.number, key).state == OBJECTED
    system.clock.advance(2 * WAIT_MS)
    system.restart()
    system.bank.keys.replacements.step()
    assert state(system, bob.number, bob.key).state == IN_FORCE
    bob.exchange(1)
    row = system.bank.keys.replacements.rows(bob.number)[0]
    assert (bytes(row.objection), row.act) == (envelope.payload, act.number)
    # Neither the act nor the key comes again.
    assert system.approve(act).state == system.bank.acts.get(act.content.act_id).state
    assert refused_for(approved, system, bob, key) == "ALREADY_DECIDED"
    replaced(system, bob)  # another key does


def test_nobody_else_objects(system: System, bob: Holder, alice: Holder, key: SigningKey) -> None:
    approved(system, bob, key)
    bank, other = system.bank.keys.replacements, SigningKey.generate()
    assert refused_for(bank.object, objection(system, alice, key)) == "REQUEST_UNKNOWN"
    forged = sign(
        keys_pb2.KeyObjection.FromString(objection(system, bob, key).payload),
        other,
        bob.number.encode(),
    )
    assert refused_for(bank.object, forged) == "SIGNATURE_INVALID"
    assert refused_for(bank.object, objection(system, bob, other)) == "REQUEST_UNKNOWN"
    elsewhere = objection(system, bob, key, bank="beta")
    assert refused_for(bank.object, elsewhere) == "FIELD_INVALID"
    late = objection(system, bob, key)
    system.clock.advance(120_000)
    assert refused_for(bank.object, late) == "EXPIRED"
    assert in_force(system, bob, key).wallet.public_key == bytes(key.verify_key)


def test_an_objection_after_its_time_changes_nothing(
    system: System, bob: Holder, key: SigningKey
) -> None:
    approved(system, bob, key)
    system.clock.advance(WAIT_MS)
    envelope = objection(system, bob, key)
    system.bank.keys.replacements.step()
    refused = refused_for(system.bank.keys.replacements.object, envelope)
    assert refused == "SIGNATURE_INVALID"
    assert state(system, bob.number, key).state == IN_FORCE


def test_an_objection_in_the_moment_in_which_the_key_changes_is_first_or_too_late(
    system: System, bob: Holder, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row decides: an objection that is written between the look and the record stops it."""
    approved(system, bob, key)
    system.clock.advance(WAIT_MS)
    replacements, ledger = system.bank.keys.replacements, system.bank.books.ledger
    envelope, submit = objection(system, bob, key), ledger.submit

    def objected_first(batch: Batch) -> Answers:
        monkeypatch.undo()
        replacements.object(envelope)
        return submit(batch)

    monkeypatch.setattr(ledger, "submit", objected_first)
    position = ledger.position()
    replacements.step()
    assert ledger.position() == position
    assert state(system, bob.number, bob.key).state == IN_FORCE
    assert replacements.waiting_for(bob.number) is None


def test_a_thief_who_asks_for_somebodys_key_gets_nothing_and_learns_nothing(
    system: System, bob: Holder
) -> None:
    for number in (bob.number, NOBODY):
        thief = SigningKey.generate()
        assert refused_for(state, system, number, thief) == "REQUEST_UNKNOWN"
        asked(system, number, thief)
        answer = state(system, number, thief)
        assert answer == keys_pb2.GetKeyResponse(state=REQUESTED)
    assert state(system, bob.number, bob.key) == keys_pb2.GetKeyResponse(state=IN_FORCE)


def test_requests_are_bounded_for_each_number_and_in_time(system: System, bob: Holder) -> None:
    keys = [SigningKey.generate() for _ in range(KEY_REQUESTS_EACH + 3)]
    for one in keys:
        system.clock.advance(1)
        asked(system, bob.number, one)
    asked(system, NOBODY, keys[0])
    assert [refused_for(state, system, bob.number, one) for one in keys[:3]] == [
        "REQUEST_UNKNOWN"
    ] * 3
    assert len(system.bank.keys.asked(bob.number).keys) == KEY_REQUESTS_EACH
    newest = system.bank.keys.asked(bob.number).keys[0].request
    assert keys_pb2.KeyRequest.FromString(newest.payload).public_key == bytes(keys[-1].verify_key)
    system.clock.advance(KEY_REQUEST_KEPT_MS + 1)
    assert not system.bank.keys.asked(bob.number).keys
    asked(system, NOBODY, SigningKey.generate())
    with system.engine.connect() as connection:
        assert len(connection.execute(select(key_requests)).all()) == 1


def test_a_request_is_signed_by_its_key_for_this_bank_and_now(
    system: System, bob: Holder, key: SigningKey
) -> None:
    ask, other = system.bank.keys.requests.ask, SigningKey.generate()
    good = said(system, keys_pb2.KeyRequest, bob.number, key)
    forged = SignedEnvelope(payload=good.payload, signature=bytes(64), key_id=good.key_id)
    assert refused_for(ask, forged) == "SIGNATURE_INVALID"
    another = {"public_key": bytes(other.verify_key)}
    cases: dict[str, list[dict[str, Any]]] = {
        "FIELD_INVALID": [another, {"bank": "beta"}, {"wallet_number": FOREIGN}],
        "EXPIRED": [
            {
                "created_time_ms": system.clock.now_ms() - 2,
                "expires_time_ms": system.clock.now_ms() - 1,
            }
        ],
        "VALIDITY_TOO_LONG": [{"expires_time_ms": system.clock.now_ms() + 600_001}],
        "NOT_YET_VALID": [
            {
                "created_time_ms": system.clock.now_ms() + 60_001,
                "expires_time_ms": system.clock.now_ms() + 60_002,
            }
        ],
    }
    for reason, wrong in cases.items():
        for fields in wrong:
            request = said(system, keys_pb2.KeyRequest, bob.number, key, **fields)
            assert refused_for(ask, request) == reason, fields
    for key_id in (b"", b"zz", good.key_id.upper(), bob.number.encode()):
        wrong_id = SignedEnvelope(payload=good.payload, signature=good.signature, key_id=key_id)
        assert refused_for(ask, wrong_id) in ("FIELD_INVALID", "FIELD_MISSING"), key_id


def test_officers_approve_no_key_that_was_not_asked_for_so(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    long_ago = said(system, keys_pb2.KeyRequest, bob.number, key)
    system.clock.advance(KEY_REQUEST_KEPT_MS + 1)
    of_alice = said(system, keys_pb2.KeyRequest, alice.number, key)
    forged = wish(system, bob, key).request
    forged.signature = bytes(64)
    own = said(system, keys_pb2.KeyRequest, bob.number, bob.key)
    for reason, changed in (
        ("WRONG_WALLET", {"request": of_alice}),
        ("SIGNATURE_INVALID", {"request": forged}),
        ("ALREADY_DECIDED", {"request": own}),
        ("EXPIRED", {"request": long_ago}),
        ("FIELD_INVALID", {"wait_ms": WAIT_MS - 1}),
        ("WALLET_UNKNOWN", {"wallet_number": NOBODY}),
    ):
        assert refused_for(system.propose, wish(system, bob, key, **changed)) == reason, changed


def test_officers_name_the_holder_as_the_wallet_was_opened(
    system: System, bob: Holder, key: SigningKey
) -> None:
    """One officer alone is not told whether a guess is right."""
    for shown in ({"holder_name": "Mallory"}, {"holder_name": ""}, {"phone": "13800000001"}):
        act = system.propose(wish(system, bob, key, **shown))
        assert refused_for(system.approve, act) == "HOLDER_DIFFERS"
    by_phone = system.open(phone="13800000001")
    act = approved(system, by_phone, key, holder_name="", phone="13800000001")
    assert system.bank.keys.replacements.waiting_for(by_phone.number) is not None
    assert act.number == system.bank.keys.replacements.rows(by_phone.number)[0].act


def test_one_key_at_a_time_and_none_twice(system: System, bob: Holder, key: SigningKey) -> None:
    first_key = bob.key
    act = system.propose(wish(system, bob, SigningKey.generate()))
    approved(system, bob, key)
    assert refused_for(system.approve, act) == "ALREADY_EXISTS"
    new = in_force(system, bob, key)
    assert refused_for(system.propose, wish(system, new, first_key)) == "ALREADY_DECIDED"
    assert refused_for(system.propose, wish(system, new, key)) == "ALREADY_DECIDED"
    third = replaced(system, new)
    assert third.wallet.key_number == 2
    assert state(system, bob.number, key).state == REPLACED
    assert state(system, bob.number, first_key).state == REPLACED
    third.exchange(5)


def test_an_approved_act_that_comes_again_replaces_nothing(
    system: System, bob: Holder, key: SigningKey
) -> None:
    act = approved(system, bob, key)
    new = in_force(system, bob, key)
    third = replaced(system, new)
    assert system.approve(act).number == act.number
    system.clock.advance(2 * WAIT_MS)
    system.bank.keys.replacements.step()
    assert system.bank.directory.get(bob.number).public_key == bytes(third.key.verify_key)


def test_a_closed_wallet_gets_no_key(system: System, bob: Holder, key: SigningKey) -> None:
    act = system.propose(wish(system, bob, key))
    approved(system, bob, SigningKey.generate())
    system.bank.wallets.close(bob.closing())
    assert refused_for(system.approve, act) in ("WALLET_CLOSED", "ALREADY_EXISTS")
    assert refused_for(system.propose, wish(system, bob, key)) == "WALLET_CLOSED"


def test_a_wallet_closed_meanwhile_keeps_its_key(
    system: System, bob: Holder, key: SigningKey
) -> None:
    approved(system, bob, key)
    system.bank.wallets.close(bob.closing())
    system.clock.advance(WAIT_MS)
    system.bank.keys.replacements.step()
    assert state(system, bob.number, key).state == REFUSED
    assert state(system, bob.number, bob.key).state == IN_FORCE
    system.restart()
    assert system.bank.keys.replacements.waiting_for(bob.number) is None


def test_a_frozen_wallet_stays_frozen(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    bob.exchange(10)
    approved(system, bob, key)
    system.both(FreezeWallet(wallet_number=bob.number))
    new = in_force(system, bob, key)
    assert refused_for(new.pay, alice.number, 1) == "WALLET_FROZEN"
