"""Banks that the bundle has no room for, and devices that its filter takes for revoked ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from offline_token.formats import Clearance, Payment, Request, Statement
from offline_token.limits import MAX_STATEMENT_BYTES, MAX_STATEMENTS
from offline_token.signing import certify_bank, sign_clearance, verified
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.country import DAY, NOW, Country, key_of
from tests.offline.purses import Purse, deposited, deposits, pay, purse
from tests.offline.trust_cases import SINCE, filter_of
from wallet.secure_element.interface import PieceState


def trust(country: Country, *purses: Purse, age_ms: int = 0, **changes: Any) -> None:
    bundle = country.bundle(created_time_ms=NOW - age_ms, **changes)
    for each in purses:
        each.element.trust(country.root_public + bundle.encode())


def small(country: Country) -> dict[str, Any]:
    """A bundle that has no room for alpha, Alice's and Carol's bank."""
    return {"banks": (country.bank_certificate("beta"),)}


def mistaking(*names: bytes) -> dict[str, Any]:
    return {"filter": filter_of(*names), "since_time_ms": SINCE}


def note(holder: Purse, *said: Statement) -> None:
    holder.element.note_statements([each.encode() for each in said])


@contextmanager
def refused(reason: Reason) -> Iterator[None]:
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.metadata["verdict"] == reason.name


def test_nothing_is_asked_or_carried_where_the_bundle_says_enough(country: Country) -> None:
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    assert alice.element.wanted() == bob.element.wanted() == []
    request = bob.element.request(60)
    assert Request.decode(request).statements == ()
    payment = alice.element.pay(request)
    assert Payment.decode(payment).statements == ()
    bob.element.accept(payment)
    assert bob.element.wanted() == []
    assert bob.store.read().statements == []


def test_a_bank_that_is_in_nobodys_bundle_goes_along_hop_by_hop(country: Country) -> None:
    alice, bob, carol = (purse(country, name) for name in ("alice", "bob", "carol"))
    alice.element.load([country.mint(country.alice, 100).token.encode()])
    trust(country, alice, bob, carol, **small(country))
    assert alice.element.wanted() == [country.alice.certificate.encode()]
    with pytest.raises(Refusal):
        alice.element.pay(bob.element.request(60))
    note(alice, country.bank_certificate("alpha"))
    assert alice.element.wanted() == []
    payment = pay(alice, bob, 60)
    assert Payment.decode(payment).statements == (country.bank_certificate("alpha"),)
    note(carol, country.bank_certificate("alpha"))
    assert Request.decode(carol.element.request(1)).statements != ()
    onward = pay(bob, carol, 60)
    assert Payment.decode(onward).statements == (country.bank_certificate("alpha"),)
    assert carol.element.payable_fen() == 60
    (deposit,) = deposits(carol)
    assert deposited(country, deposit).value_fen == 60, "the centre knows every bank"


def test_a_payee_of_a_bank_that_is_not_in_the_payers_bundle_shows_its_certificate(
    country: Country,
) -> None:
    alice, bob = purse(country, "alice"), purse(country, "bob", 100)
    trust(country, alice, bob, **small(country))
    bare = alice.element.request(10)
    with refused(Reason.BANK_UNKNOWN):
        bob.element.pay(bare)
    note(alice, country.bank_certificate("alpha"))
    with_bank = alice.element.request(10)
    assert bob.element.pay(with_bank)
    assert len(with_bank) == len(bare) + 121


def test_what_came_without_what_the_payee_lacks_is_given_back(country: Country) -> None:
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    payment = alice.element.pay(bob.element.request(60))
    trust(country, bob, **small(country))
    with refused(Reason.BANK_UNKNOWN):
        bob.element.accept(payment)
    assert alice.element.take_back(bob.element.give_back(payment)) == 60


def test_an_honest_device_that_is_taken_for_a_revoked_one_is_cleared_and_pays_on(
    country: Country,
) -> None:
    alice, bob, carol = (purse(country, name) for name in ("alice", "bob", "carol"))
    alice.element.load([country.mint(country.alice, 100).token.encode()])
    trust(country, alice, bob, carol, **mistaking(country.alice.revocation))
    (piece,) = alice.element.pieces()
    assert (piece.state, alice.element.payable_fen()) == (PieceState.NOT_PAYABLE, 0)
    assert alice.element.wanted() == [country.alice.certificate.encode()]
    assert alice.element.certified(), "it is no reason for another key"
    note(alice, sign_clearance(country.root, country.alice.revocation, SINCE))
    pay(alice, bob, 60)
    assert bob.element.wanted() == [], "what came with the payment stays with the money"
    pay(bob, carol, 60)


def test_a_clearance_outlives_the_next_filter_as_long_as_the_list_goes_back_to_it(
    country: Country,
) -> None:
    """Who is offline while a filter is made anew is not stranded by it."""
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    trust(country, alice, age_ms=2, **mistaking(country.alice.revocation))
    note(alice, sign_clearance(country.root, country.alice.revocation, SINCE + 5))
    again = mistaking(country.alice.revocation, country.carol.revocation)
    trust(country, bob, age_ms=1, **again | {"since_time_ms": SINCE + 5})
    pay(alice, bob, 10)
    trust(country, bob, **again | {"since_time_ms": SINCE + 6})
    payment = alice.element.pay(bob.element.request(10))
    with refused(Reason.DEVICE_UNCLEAR):
        bob.element.accept(payment)
    assert alice.element.take_back(bob.element.give_back(payment)) == 10


def test_what_is_revoked_after_it_was_cleared_is_refused(country: Country) -> None:
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    trust(country, alice, age_ms=1, **mistaking(country.alice.revocation))
    note(alice, sign_clearance(country.root, country.alice.revocation, NOW))
    payment = alice.element.pay(bob.element.request(10))
    assert Payment.decode(payment).statements
    listed = mistaking(country.alice.revocation) | {"revoked": (country.alice.revocation,)}
    trust(country, bob, **listed)
    with refused(Reason.DEVICE_REVOKED):
        bob.element.accept(payment)


def test_a_device_keeps_what_the_root_has_said_of_its_own_money_and_no_more(
    country: Country,
) -> None:
    alice = purse(country, "alice", 100)
    trust(country, alice, **small(country))
    mallory = key_of("mallory")
    own = certify_bank(mallory, "alpha", bytes(mallory.verify_key), NOW + 1)
    for wrong in (
        [own.encode()],
        [sign_clearance(mallory, country.alice.revocation, NOW).encode()],
        [country.bank_certificate("alpha").encode(), own.encode()],
        [b"C"],
        [country.alice.certificate.encode()],
    ):
        with pytest.raises(Refusal) as caught:
            alice.element.note_statements(wrong)
        assert caught.value.field == "statements"
    assert alice.store.read().statements == []
    others = [sign_clearance(country.root, bytes([n]) * 16, NOW) for n in range(60)]
    note(alice, *others[:30], country.bank_certificate("alpha"), country.bank_certificate("beta"))
    assert alice.store.read().statements == [country.bank_certificate("alpha").encode().hex()]


def test_forged_statements_with_good_money_are_not_kept(country: Country) -> None:
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    payment = Payment.decode(alice.element.pay(bob.element.request(60)))
    forged = Clearance(country.alice.revocation, NOW, bytes(64))
    bob.element.accept(Payment(payment.chains, (forged,)).encode())
    assert bob.store.read().statements == []


def test_of_a_device_the_latest_word_is_kept_in_whatever_order_it_comes(country: Country) -> None:
    alice = purse(country, "alice", 100)
    trust(country, alice, **mistaking(country.alice.revocation))
    words = [sign_clearance(country.root, country.alice.revocation, SINCE + n) for n in range(9)]
    for word in (words[3], words[8], words[5]):
        note(alice, word)
    assert alice.store.read().statements == [words[8].encode().hex()]


def test_what_is_kept_has_a_bound(country: Country) -> None:
    """Of sixty-odd devices in the chains that it holds, those whose statements fit."""
    bob = purse(country, "bob")
    devices = [country.device(f"device {n}", "alpha") for n in range(60)]
    trust(country, bob, **mistaking(*(each.revocation for each in devices)))
    said = [sign_clearance(country.root, each.revocation, NOW) for each in devices]
    for device, word in zip(devices, said, strict=True):
        asked = Request.decode(bob.element.request(1))
        number = int.from_bytes(device.public[:4], "big")
        token = country.mint(device, 1, number=number)
        paid = country.endorse(token, device, country.bob, 1, challenge=asked.challenge)
        bob.element.accept(Payment((paid,), (word,)).encode())
    kept = [bytes.fromhex(each) for each in bob.store.read().statements]
    assert MAX_STATEMENT_BYTES - 89 < sum(map(len, kept)) <= MAX_STATEMENT_BYTES
    assert kept[-1] == said[-1].encode()
    assert len(bob.element.wanted()) == 60 - len(kept)


def test_a_certificate_is_renewed_before_it_ends_while_what_it_is_paid_can_be_paid_on(
    country: Country,
) -> None:
    for days, good in ((31, True), (29, False)):
        alice = purse(country, "alice")
        ends = country.certify(country.alice.public, "alpha", expires=NOW + days * DAY)
        alice.element.certify(ends.encode(), country.bank_certificate("alpha").encode())
        assert alice.element.certified() == good


def test_forged_statements_cost_a_payee_one_signature_each(country: Country) -> None:
    """However many hops there are to which they could belong."""
    alpha, mallory = country.bank_certificate("alpha"), key_of("mallory")
    forged = [
        certify_bank(mallory, "alpha", bytes([n]) * 32, NOW + DAY)
        for n in range(MAX_STATEMENTS - 1)
    ]
    chain = country.long_chain(20)
    count = 0

    def counted(key: bytes, signed_part: bytes, signature: bytes) -> bool:
        nonlocal count
        count += 1
        return verified(key, signed_part, signature)

    bundle = country.bundle(max_hops=31, **small(country))
    payment = Payment((chain,), (*forged, alpha)).encode()
    assert country.verdict(payment, bundle=bundle, verified=counted).good
    assert count == 1 + 1 + 2 * 20 + MAX_STATEMENTS
