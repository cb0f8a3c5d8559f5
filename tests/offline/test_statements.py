"""Banks that the bundle has no room for, and devices that its filter takes for revoked ones."""

from __future__ import annotations

from typing import Any

import pytest

from offline_token.formats import Clearance, Payment, Request, Statement
from offline_token.limits import MAX_STATEMENT_BYTES, MAX_STATEMENTS
from offline_token.signing import certify_bank, sign_clearance, verified
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposited, deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Signers, key_of
from tests.offline.trust_cases import SINCE, filter_of
from tests.refusals import refused_as
from wallet.secure_element.interface import PieceState


def trust(signers: Signers, *devices: TestDevice, age_ms: int = 0, **changes: Any) -> None:
    bundle = signers.bundle(created_time_ms=NOW - age_ms, **changes)
    for each in devices:
        each.element.trust.follow(signers.root_public + bundle.encode())


def small(signers: Signers) -> dict[str, Any]:
    """A bundle that has no room for alpha, Alice's and Carol's bank."""
    return {"banks": (signers.bank_certificate("beta"),)}


def mistaking(*names: bytes) -> dict[str, Any]:
    return {"filter": filter_of(*names), "since_time_ms": SINCE}


def note(holder: TestDevice, *said: Statement) -> None:
    holder.element.trust.note([each.encode() for each in said])


def test_nothing_is_asked_or_carried_where_the_bundle_says_enough(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    assert alice.element.trust.wanted() == bob.element.trust.wanted() == []
    request = bob.element.payee.request(60)
    assert Request.decode(request).statements == ()
    payment = alice.element.payer.pay(request)
    assert Payment.decode(payment).statements == ()
    bob.element.payee.accept(payment)
    assert bob.element.trust.wanted() == []
    assert bob.store.read().statements == []


def test_a_bank_that_is_in_nobodys_bundle_goes_along_hop_by_hop(signers: Signers) -> None:
    alice, bob, carol = (make_device(signers, name) for name in ("alice", "bob", "carol"))
    alice.element.holdings.load([signers.mint(signers.alice, 100).token.encode()])
    trust(signers, alice, bob, carol, **small(signers))
    assert alice.element.trust.wanted() == [signers.alice.certificate.encode()]
    with pytest.raises(Refusal):
        alice.element.payer.pay(bob.element.payee.request(60))
    note(alice, signers.bank_certificate("alpha"))
    assert alice.element.trust.wanted() == []
    payment = pay(alice, bob, 60)
    assert Payment.decode(payment).statements == (signers.bank_certificate("alpha"),)
    note(carol, signers.bank_certificate("alpha"))
    assert Request.decode(carol.element.payee.request(1)).statements != ()
    onward = pay(bob, carol, 60)
    assert Payment.decode(onward).statements == (signers.bank_certificate("alpha"),)
    assert carol.element.holdings.payable_fen() == 60
    (deposit,) = deposits(carol)
    assert deposited(signers, deposit).value_fen == 60, "the centre knows every bank"


def test_a_payee_of_a_bank_that_is_not_in_the_payers_bundle_shows_its_certificate(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob", 100)
    trust(signers, alice, bob, **small(signers))
    bare = alice.element.payee.request(10)
    with refused_as(Reason.BANK_UNKNOWN):
        bob.element.payer.pay(bare)
    note(alice, signers.bank_certificate("alpha"))
    with_bank = alice.element.payee.request(10)
    assert bob.element.payer.pay(with_bank)
    assert len(with_bank) == len(bare) + 121


def test_what_came_without_what_the_payee_lacks_is_given_back(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(60))
    trust(signers, bob, **small(signers))
    with refused_as(Reason.BANK_UNKNOWN):
        bob.element.payee.accept(payment)
    assert alice.element.payer.take_back(bob.element.payee.return_payment(payment)) == 60


def test_an_honest_device_that_is_taken_for_a_revoked_one_is_cleared_and_pays_on(
    signers: Signers,
) -> None:
    alice, bob, carol = (make_device(signers, name) for name in ("alice", "bob", "carol"))
    alice.element.holdings.load([signers.mint(signers.alice, 100).token.encode()])
    trust(signers, alice, bob, carol, **mistaking(signers.alice.revocation))
    (piece,) = alice.element.holdings.pieces()
    assert (piece.state, alice.element.holdings.payable_fen()) == (PieceState.NOT_PAYABLE, 0)
    assert alice.element.trust.wanted() == [signers.alice.certificate.encode()]
    assert alice.element.keys.certified(), "it is no reason for another key"
    note(alice, sign_clearance(signers.root, signers.alice.revocation, SINCE))
    pay(alice, bob, 60)
    assert bob.element.trust.wanted() == [], "what came with the payment stays with the money"
    pay(bob, carol, 60)


def test_a_clearance_outlives_the_next_filter_as_long_as_the_list_goes_back_to_it(
    signers: Signers,
) -> None:
    """Who is offline while a filter is made anew is not stranded by it."""
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    trust(signers, alice, age_ms=2, **mistaking(signers.alice.revocation))
    note(alice, sign_clearance(signers.root, signers.alice.revocation, SINCE + 5))
    again = mistaking(signers.alice.revocation, signers.carol.revocation)
    trust(signers, bob, age_ms=1, **again | {"since_time_ms": SINCE + 5})
    pay(alice, bob, 10)
    trust(signers, bob, **again | {"since_time_ms": SINCE + 6})
    payment = alice.element.payer.pay(bob.element.payee.request(10))
    with refused_as(Reason.DEVICE_UNCLEAR):
        bob.element.payee.accept(payment)
    assert alice.element.payer.take_back(bob.element.payee.return_payment(payment)) == 10


def test_what_is_revoked_after_it_was_cleared_is_refused(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    trust(signers, alice, age_ms=1, **mistaking(signers.alice.revocation))
    note(alice, sign_clearance(signers.root, signers.alice.revocation, NOW))
    payment = alice.element.payer.pay(bob.element.payee.request(10))
    assert Payment.decode(payment).statements
    listed = mistaking(signers.alice.revocation) | {"revoked": (signers.alice.revocation,)}
    trust(signers, bob, **listed)
    with refused_as(Reason.DEVICE_REVOKED):
        bob.element.payee.accept(payment)


def test_a_device_keeps_what_the_root_has_said_of_its_own_money_and_no_more(
    signers: Signers,
) -> None:
    alice = make_device(signers, "alice", 100)
    trust(signers, alice, **small(signers))
    mallory = key_of("mallory")
    own = certify_bank(mallory, "alpha", bytes(mallory.verify_key), NOW + 1)
    for wrong in (
        [own.encode()],
        [sign_clearance(mallory, signers.alice.revocation, NOW).encode()],
        [signers.bank_certificate("alpha").encode(), own.encode()],
        [b"C"],
        [signers.alice.certificate.encode()],
    ):
        with pytest.raises(Refusal) as caught:
            alice.element.trust.note(wrong)
        assert caught.value.field == "statements"
    assert alice.store.read().statements == []
    others = [sign_clearance(signers.root, bytes([n]) * 16, NOW) for n in range(60)]
    note(alice, *others[:30], signers.bank_certificate("alpha"), signers.bank_certificate("beta"))
    assert alice.store.read().statements == [signers.bank_certificate("alpha").encode().hex()]


def test_forged_statements_with_good_money_are_not_kept(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = Payment.decode(alice.element.payer.pay(bob.element.payee.request(60)))
    forged = Clearance(signers.alice.revocation, NOW, bytes(64))
    bob.element.payee.accept(Payment(payment.chains, (forged,)).encode())
    assert bob.store.read().statements == []


def test_of_a_device_the_latest_word_is_kept_in_whatever_order_it_comes(signers: Signers) -> None:
    alice = make_device(signers, "alice", 100)
    trust(signers, alice, **mistaking(signers.alice.revocation))
    words = [sign_clearance(signers.root, signers.alice.revocation, SINCE + n) for n in range(9)]
    for word in (words[3], words[8], words[5]):
        note(alice, word)
    assert alice.store.read().statements == [words[8].encode().hex()]


def test_what_is_kept_has_a_bound(signers: Signers) -> None:
    """Of sixty-odd devices in the chains that it holds, those whose statements fit."""
    bob = make_device(signers, "bob")
    devices = [signers.device(f"device {n}", "alpha") for n in range(60)]
    trust(signers, bob, **mistaking(*(each.revocation for each in devices)))
    said = [sign_clearance(signers.root, each.revocation, NOW) for each in devices]
    for device, word in zip(devices, said, strict=True):
        asked = Request.decode(bob.element.payee.request(1))
        number = int.from_bytes(device.public[:4], "big")
        token = signers.mint(device, 1, number=number)
        paid = signers.endorse(token, device, signers.bob, 1, challenge=asked.challenge)
        bob.element.payee.accept(Payment((paid,), (word,)).encode())
    kept = [bytes.fromhex(each) for each in bob.store.read().statements]
    assert MAX_STATEMENT_BYTES - 89 < sum(map(len, kept)) <= MAX_STATEMENT_BYTES
    assert kept[-1] == said[-1].encode()
    assert len(bob.element.trust.wanted()) == 60 - len(kept)


def test_a_certificate_is_renewed_before_it_ends_while_what_it_is_paid_can_be_paid_on(
    signers: Signers,
) -> None:
    for days, good in ((31, True), (29, False)):
        alice = make_device(signers, "alice")
        ends = signers.certify(signers.alice.public, "alpha", expires=NOW + days * DAY)
        alice.element.keys.certify(ends.encode(), signers.bank_certificate("alpha").encode())
        assert alice.element.keys.certified() == good


def test_forged_statements_cost_a_payee_one_signature_each(signers: Signers) -> None:
    """However many hops there are to which they could belong."""
    alpha, mallory = signers.bank_certificate("alpha"), key_of("mallory")
    forged = [
        certify_bank(mallory, "alpha", bytes([n]) * 32, NOW + DAY)
        for n in range(MAX_STATEMENTS - 1)
    ]
    chain = signers.long_chain(20)
    count = 0

    def counted(key: bytes, signed_part: bytes, signature: bytes) -> bool:
        nonlocal count
        count += 1
        return verified(key, signed_part, signature)

    bundle = signers.bundle(max_hops=31, **small(signers))
    payment = Payment((chain,), (*forged, alpha)).encode()
    assert signers.verdict(payment, bundle=bundle, verified=counted).good
    assert count == 1 + 1 + 2 * 20 + MAX_STATEMENTS
