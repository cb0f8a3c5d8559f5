"""How often a piece changes hands and may be paid on; who certified a device; heirs of roots."""

from __future__ import annotations

import pytest

from offline_token.formats import CENTRAL_BANK, CHANGE_OUTPUT, PAYEE_OUTPUT, bank_name
from offline_token.roots import heirs
from offline_token.signing import certify_bank
from offline_token.verify import MAX_PAID_HOPS, certifier, hands, hops_left
from tests.offline.country import NOW, Country, key_of


@pytest.mark.parametrize("hops", [0, 1, 2, 5])
def test_each_payment_changes_hands_and_what_is_kept_does_not(country: Country, hops: int) -> None:
    chain = country.long_chain(hops)
    assert hands(chain, PAYEE_OUTPUT) == hops
    assert hands(chain, CHANGE_OUTPUT) == max(0, hops - 1)
    if hops:
        kept = country.small_payments(hops)
        assert (hands(kept, CHANGE_OUTPUT), hands(kept, PAYEE_OUTPUT)) == (0, 1)


@pytest.mark.parametrize(
    ("hops", "most", "left"), [(0, 16, 16), (1, 16, 15), (15, 16, 1), (16, 16, 0), (17, 16, 0)]
)
def test_a_piece_is_paid_on_as_often_as_the_bundle_lets_it(
    country: Country, hops: int, most: int, left: int
) -> None:
    assert hops_left(country.long_chain(hops), PAYEE_OUTPUT, most) == left


@pytest.mark.parametrize(("before_last", "left"), [(2, 2), (1, 1), (0, 0), (-1, 0)])
def test_a_piece_is_paid_on_no_oftener_than_its_chain_has_room(
    country: Country, before_last: int, left: int
) -> None:
    kept = country.small_payments(MAX_PAID_HOPS - before_last)
    assert hops_left(kept, CHANGE_OUTPUT, 255) == left


def test_a_device_is_certified_by_the_key_of_its_bank_that_signed_it(country: Country) -> None:
    bank = country.bank_certificate("beta")
    assert certifier(country.bob.certificate, country.bundle()) == bank
    other = country.bundle(banks=(country.bank_certificate("alpha"),))
    assert certifier(country.bob.certificate, other) is None
    for barred in (bank_name("beta"), bank.revocation()):
        assert certifier(country.bob.certificate, country.bundle(barred=(barred,))) is None
    elsewhere = country.bundle(barred=(bank_name("alpha"),))
    assert certifier(country.bob.certificate, elsewhere) == bank


def test_a_root_alone_has_no_heir_but_itself(country: Country) -> None:
    assert heirs(country.bundle(), country.root_public, NOW) == [country.root_public]


def test_a_root_that_has_ended_counts_where_no_time_is_asked_for(country: Country) -> None:
    old = key_of("root before")
    entry = certify_bank(country.root, CENTRAL_BANK, bytes(old.verify_key), 0)
    bundle = country.bundle(banks=(entry,))
    assert bundle.roots(country.root_public) == [country.root_public, bytes(old.verify_key)]
    assert bundle.roots(country.root_public, 1) == [country.root_public]


def test_a_root_is_introduced_to_the_last_moment_of_its_certificate(country: Country) -> None:
    entry = certify_bank(key_of("old root"), CENTRAL_BANK, country.root_public, NOW)
    bundle = country.bundle(banks=(entry,))
    assert bundle.introductions(country.root_public, NOW) == [entry]
    assert bundle.introductions(country.root_public, NOW + 1) == []
