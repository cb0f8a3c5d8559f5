"""How often a piece changes hands and may be paid on; who certified a device; heirs of roots."""

from __future__ import annotations

import pytest

from offline_token.formats import CENTRAL_BANK, CHANGE_OUTPUT, PAYEE_OUTPUT, bank_name
from offline_token.roots import heirs
from offline_token.signing import certify_bank
from offline_token.verify import MAX_PAID_HOPS, certifier, hands, hops_left
from tests.offline.signers import NOW, Signers, key_of


@pytest.mark.parametrize("hops", [0, 1, 2, 5])
def test_each_payment_changes_hands_and_what_is_kept_does_not(signers: Signers, hops: int) -> None:
    chain = signers.long_chain(hops)
    assert hands(chain, PAYEE_OUTPUT) == hops
    assert hands(chain, CHANGE_OUTPUT) == max(0, hops - 1)
    if hops:
        kept = signers.small_payments(hops)
        assert (hands(kept, CHANGE_OUTPUT), hands(kept, PAYEE_OUTPUT)) == (0, 1)


@pytest.mark.parametrize(
    ("hops", "most", "left"), [(0, 16, 16), (1, 16, 15), (15, 16, 1), (16, 16, 0), (17, 16, 0)]
)
def test_a_piece_is_paid_on_as_often_as_the_bundle_lets_it(
    signers: Signers, hops: int, most: int, left: int
) -> None:
    assert hops_left(signers.long_chain(hops), PAYEE_OUTPUT, most) == left


@pytest.mark.parametrize(("before_last", "left"), [(2, 2), (1, 1), (0, 0), (-1, 0)])
def test_a_piece_is_paid_on_no_oftener_than_its_chain_has_room(
    signers: Signers, before_last: int, left: int
) -> None:
    kept = signers.small_payments(MAX_PAID_HOPS - before_last)
    assert hops_left(kept, CHANGE_OUTPUT, 255) == left


def test_a_device_is_certified_by_the_key_of_its_bank_that_signed_it(signers: Signers) -> None:
    bank = signers.bank_certificate("beta")
    assert certifier(signers.bob.certificate, signers.bundle()) == bank
    other = signers.bundle(banks=(signers.bank_certificate("alpha"),))
    assert certifier(signers.bob.certificate, other) is None
    for barred in (bank_name("beta"), bank.revocation()):
        assert certifier(signers.bob.certificate, signers.bundle(barred=(barred,))) is None
    elsewhere = signers.bundle(barred=(bank_name("alpha"),))
    assert certifier(signers.bob.certificate, elsewhere) == bank


def test_a_root_alone_has_no_heir_but_itself(signers: Signers) -> None:
    assert heirs(signers.bundle(), signers.root_public, NOW) == [signers.root_public]


def test_a_root_that_has_ended_counts_where_no_time_is_asked_for(signers: Signers) -> None:
    old = key_of("root before")
    entry = certify_bank(signers.root, CENTRAL_BANK, bytes(old.verify_key), 0)
    bundle = signers.bundle(banks=(entry,))
    assert bundle.roots(signers.root_public) == [signers.root_public, bytes(old.verify_key)]
    assert bundle.roots(signers.root_public, 1) == [signers.root_public]


def test_a_root_is_introduced_to_the_last_moment_of_its_certificate(signers: Signers) -> None:
    entry = certify_bank(key_of("old root"), CENTRAL_BANK, signers.root_public, NOW)
    bundle = signers.bundle(banks=(entry,))
    assert bundle.introductions(signers.root_public, NOW) == [entry]
    assert bundle.introductions(signers.root_public, NOW + 1) == []
