"""A device pays nothing that its payee has to refuse, though a cheat has paid it twice the same."""

from __future__ import annotations

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.formats import CHANGE_OUTPUT, PAYEE_OUTPUT, Chain, Payment
from offline_token.signing import verified
from offline_token.spends import Spends
from offline_token.verify import Reason, judge
from tests.offline.devices import TestDevice, make_device, pay
from tests.offline.signers import NOW, Signers
from tests.refusals import refused_because


def twice_paid(signers: Signers) -> tuple[TestDevice, TestDevice]:
    """Carol has a piece of Alice's, and from Bob the same once more: Alice has paid both with it.

    Both of them are honest, and neither can know.
    """
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
        make_device(signers, "carol"),
    )
    copy = alice.cloned(99)
    pay(alice, bob, 60)
    pay(copy, carol, 60)
    pay(bob, carol, 60)
    assert carol.balance == 120
    return bob, carol


def test_what_was_spent_in_two_ways_is_not_paid_together_and_is_not_lost(signers: Signers) -> None:
    bob, carol = twice_paid(signers)
    refused_because(
        errors_pb2.REASON_INSUFFICIENT_FUNDS,
        carol.element.payer.pay,
        bob.element.payee.request(120),
    )
    assert carol.balance == 120
    pay(carol, bob, 60)
    pay(carol, bob, 60)
    assert (carol.balance, bob.balance) == (0, 120)


def test_another_piece_takes_the_place_of_one_that_does_not_go_with_the_first(
    signers: Signers,
) -> None:
    bob, carol = twice_paid(signers)
    carol.element.holdings.load([signers.mint(signers.carol, 50, number=77).token.encode()])
    paid = Payment.decode(pay(carol, bob, 110))
    assert sorted(chain.hops[-1].endorsement.amount_fen for chain in paid.chains) == [50, 60]
    assert carol.balance == 60


def test_a_full_device_pays_with_as_few_signature_checks_as_one_with_a_few_pieces(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a chip each takes its time, and a reader is held to a card meanwhile."""
    checks: list[int] = []
    for pieces in (3, 100):
        alice, bob = make_device(signers, "alice", *[100] * pieces), make_device(signers, "bob")
        request, seen = bob.element.payee.request(60), 0

        def counted(key: bytes, part: bytes, signature: bytes) -> bool:
            nonlocal seen
            seen += 1
            return verified(key, part, signature)

        with monkeypatch.context() as patch:
            patch.setattr("wallet.secure_element.pieces.verified", counted)
            alice.element.payer.pay(request)
        checks.append(seen)
    assert checks == [1, 1]


def test_what_a_payee_would_refuse_is_passed_over_for_the_next_that_suffices(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice", 500), make_device(signers, "bob")
    soon = signers.mint(signers.alice, 100, number=90, expires=NOW + 60_000)
    alice.element.holdings.load([soon.token.encode()])
    pay(alice, bob, 60)
    assert sorted(piece.value_fen for piece in alice.store.read().pieces) == [100, 440]


def test_chains_go_together_exactly_where_a_payee_does_not_say_token_twice(
    signers: Signers,
) -> None:
    """Every two pieces of a token and of another: forks, detours, change, one upon the other."""
    alice, bob, carol = signers.alice, signers.bob, signers.carol
    token, other = signers.mint(alice, 100), signers.mint(alice, 100, number=5)
    first = signers.endorse(token, alice, bob, 60, salt=1)
    fork = signers.endorse(token, alice, bob, 60, salt=2)
    onward = signers.endorse(first, bob, carol, 40, salt=3)
    back = signers.endorse(onward, carol, bob, 40, salt=4)
    forked_on = signers.endorse(first, bob, carol, 40, salt=5)
    ends: list[tuple[Chain, int]] = [(token, PAYEE_OUTPUT), (other, PAYEE_OUTPUT)]
    for chain in (first, fork, onward, forked_on):
        ends += [(chain, PAYEE_OUTPUT), (chain, CHANGE_OUTPUT)]
    ends.append((back, PAYEE_OUTPUT))
    seen = set()
    for one in ends:
        for two in ends:
            ways = Spends()
            assert ways.add(*one)
            verdict = judge(
                Payment((one[0], two[0])),
                root=signers.root_public,
                bundle=signers.bundle(),
                now_ms=NOW,
                request=None,
                outputs=[one[1], two[1]],
            )
            assert verdict.reason in (Reason.GOOD, Reason.TOKEN_TWICE)
            assert ways.add(*two) == verdict.good
            seen.add(verdict.reason)
    assert seen == {Reason.GOOD, Reason.TOKEN_TWICE}
