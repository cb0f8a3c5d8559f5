"""What came back is deposited, and who spends it twice is found out at the registration centre."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.offline.centre import Centre


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = Centre(tmp_path)
    made.pay_in("beta", 1_000)
    return made


def test_what_came_back_is_paid_though_the_device_is_revoked(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    paid = centre.pay(token, centre.alice, centre.bob, 100)
    onward = centre.pay(paid, centre.bob, centre.dan, 60)
    centre.central.devices.revoke(centre.alpha, centre.alice.public, "lost")
    back = centre.pay(onward, centre.dan, centre.bob, 60)
    assert centre.deposit(back) == (60, "")
    assert centre.deposit(onward, output=1) == (40, "")
    assert centre.deposit(back) == (0, "ALREADY_DEPOSITED")


def test_a_payee_who_gives_back_and_deposits_is_found_out(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    onward = centre.pay(token, centre.alice, centre.dan, 100)
    back = centre.pay(onward, centre.dan, centre.alice, 100)
    assert centre.deposit(onward, bank="beta") == (100, "")
    assert centre.deposit(back) == (100, "")
    assert centre.central.devices.is_revoked(centre.dan.certificate)


def test_a_payee_who_gives_back_and_pays_on_is_a_proven_double_spender(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    onward = centre.pay(token, centre.alice, centre.dan, 100)
    back = centre.pay(onward, centre.dan, centre.alice, 100)
    spent = centre.pay(onward, centre.dan, centre.erin, 100)
    assert centre.deposit(back) == (100, "")
    assert centre.deposit(spent, bank="beta") == (100, "")
    (case,) = centre.central.evidence.list(None, 10, None)
    assert case.double_spend.device_certificate.key == centre.dan.public
    assert case.double_spend.wrong(bytes(centre.central.devices.root_key)) == ""
    assert centre.central.devices.is_revoked(centre.dan.certificate)


def test_a_payer_who_takes_back_what_he_spent_twice_is_not_paid(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    taken = centre.pay(token, centre.alice, centre.bob, 100)
    refused_ = centre.pay(token, centre.alice, centre.dan, 100)
    back = centre.pay(refused_, centre.dan, centre.alice, 100)
    assert centre.deposit(taken) == (100, "")
    assert centre.deposit(back) == (0, "SPENT_TWICE")


def test_the_longest_chain_that_devices_take_can_be_given_back_and_deposited(
    centre: Centre,
) -> None:
    hops = centre.central.devices.bundle().max_hops
    chain = centre.token(centre.alice, 100)
    for hop in range(hops):
        pair = (centre.alice, centre.bob) if hop % 2 == 0 else (centre.bob, centre.alice)
        chain = centre.pay(chain, *pair, 100)
    back = centre.pay(chain, centre.alice, centre.bob, 100)
    assert len(back.hops) == hops + 1
    assert centre.deposit(back) == (100, "")
