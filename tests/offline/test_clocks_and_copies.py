"""What an attacker may try with the clock, with cut-off calls, and with a copy of a device."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.deposit import Deposit
from offline_token.formats import (
    Chain,
    Request,
)
from offline_token.possession import NONCE_BYTES
from offline_token.signing import (
    sign_request,
)
from offline_token.verify import Reason, Verdict
from tests.offline.devices import TestDevice, deposited, deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_as, refused_because


def test_a_clock_set_back_is_ignored(signers: Signers) -> None:
    wide = signers.bundle(max_age_ms=900 * DAY)
    alice, bob = (
        make_device(signers, "alice", 100, bundle=wide),
        make_device(signers, "bob", bundle=wide),
    )
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    bob.clock.advance(91 * DAY)
    bob.element.payee.request(1)
    with refused_as(Reason.TOKEN_EXPIRED):
        bob.restarted(now_ms=NOW).element.payee.accept(payment)


def test_a_bundle_too_old_stays_too_old_with_the_clock_set_back(signers: Signers) -> None:
    bob = make_device(signers, "bob", bundle=signers.bundle(max_age_ms=DAY))
    bob.clock.advance(DAY - 3_600_000)
    bob.element.payee.request(1)
    back = bob.restarted(now_ms=NOW)
    back.element.payee.request(1)
    back.clock.advance(DAY - 3_600_000 + 1)
    with refused_as(Reason.BUNDLE_TOO_OLD):
        back.element.payee.request(1)


def test_the_time_of_a_refused_call_counts_too(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    bob.clock.advance(31 * DAY)
    with refused_as(Reason.BUNDLE_TOO_OLD):
        bob.element.payee.request(1)
    with refused_as(Reason.BUNDLE_TOO_OLD):
        bob.restarted(now_ms=NOW).element.payee.request(1)


def test_a_bundle_tells_the_time(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    later = signers.bundle(created_time_ms=NOW + 95 * DAY)
    bob.element.trust.follow(signers.root_public + later.encode())
    with refused_as(Reason.TOKEN_EXPIRED):
        bob.element.payee.accept(payment)


# Interruptions and copies
def test_the_same_request_is_paid_with_the_same_bytes(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100, 50), make_device(signers, "bob")
    request = bob.element.payee.request(120)
    payment = alice.element.payer.pay(request)
    assert alice.element.payer.pay(request) == payment
    assert alice.restarted().element.payer.pay(request) == payment
    assert bob.element.payee.accept(payment) == 120
    assert alice.element.payer.pay(request) == payment
    assert alice.balance == 30


def test_a_request_changed_after_it_was_paid_is_refused(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = Request.decode(bob.element.payee.request(10))
    alice.element.payer.pay(request.encode())
    for changed in (
        sign_request(signers.bob.key, replace(request, amount_fen=20)),
        sign_request(signers.carol.key, replace(request, certificate=signers.carol.certificate)),
    ):
        refused_because(errors_pb2.REASON_ID_REUSED, alice.element.payer.pay, changed.encode())
    assert alice.balance == 90


def test_an_interrupted_payment_loses_nothing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = bob.element.payee.request(70)
    before = alice.store.data
    alice.store.failing = True
    with pytest.raises(OSError):
        alice.element.payer.pay(request)
    assert alice.store.data == before
    alice.store.failing = False
    restarted = alice.restarted()
    assert restarted.balance == 100
    assert bob.element.payee.accept(restarted.element.payer.pay(request)) == 70
    assert (restarted.balance, bob.balance) == (30, 70)


def test_an_interrupted_acceptance_loses_nothing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    bob.store.failing = True
    with pytest.raises(OSError):
        bob.element.payee.accept(payment)
    bob.store.failing = False
    assert bob.balance == 0
    assert bob.restarted().element.payee.accept(payment) == 70
    assert bob.balance == 70


def test_a_cloned_element_pays_twice_and_only_the_deposit_shows_it(signers: Signers) -> None:
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
        make_device(signers, "carol"),
    )
    clone = alice.cloned(seed=99)
    pay(alice, bob, 100)
    pay(clone, carol, 100)
    deposits = [_deposit(signers, bob), _deposit(signers, carol)]
    assert [verdict.value_fen for _, verdict in deposits] == [100, 100]
    pieces = [verdict.pieces[0] for _, verdict in deposits]
    assert pieces[0].token_id == pieces[1].token_id
    assert pieces[0].id != pieces[1].id
    # What gives it away: one piece, endorsed in two ways by the same key.
    (one, _), (other, _) = (verdict.spent[0][0] for _, verdict in deposits)
    assert one == other
    endorsements = [chain.hops[0].endorsement for chain, _ in deposits]
    assert endorsements[0] != endorsements[1]


def _deposit(signers: Signers, holder: TestDevice) -> tuple[Chain, Verdict]:
    (body,) = deposits(holder)
    return Deposit.decode(body[NONCE_BYTES:]).payment.chains[0], deposited(signers, body)
