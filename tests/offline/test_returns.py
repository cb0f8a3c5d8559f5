"""A payment that its payee does not take goes back to who paid, and nobody gains by it."""

from __future__ import annotations

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.limits import MAX_CHAINS
from offline_token.payment_return import SignedReturn
from offline_token.verify import Reason
from tests.offline.devices import deposited, deposits, make_device
from tests.offline.giving_back import System, newer
from tests.offline.signers import NOW, Signers
from tests.refusals import refused_as, refused_because
from wallet.secure_element.interface import PieceState


@pytest.fixture
def system(signers: Signers) -> System:
    return System(signers)


def test_what_is_not_taken_comes_back_and_can_be_deposited(system: System) -> None:
    payment = system.paid()
    assert system.hands == (40, 0)
    with refused_as(Reason.DEVICE_REVOKED):
        system.carol.element.payee.accept(payment)
    back = system.carol.element.payee.return_payment(payment)
    assert len(back) == 148
    assert system.bob.element.payer.take_back(back) == 60
    assert system.hands == (100, 0)
    verdicts = [deposited(system.signers, body) for body in deposits(system.bob)]
    assert [(v.value_fen, v.pieces[0].owner) for v in verdicts] == [
        (40, system.signers.bob.public),
        (60, system.signers.bob.public),
    ]


def test_what_came_back_is_shown_as_such_and_cannot_be_paid(system: System) -> None:
    system.bob.element.payer.take_back(system.carol.element.payee.return_payment(system.paid(100)))
    (piece,) = system.bob.element.holdings.pieces()
    assert (piece.state, piece.hops) == (PieceState.RETURNED, 3)
    assert "deposit it" in piece.reason
    assert system.bob.element.holdings.payable_fen() == 0
    refused_because(
        errors_pb2.REASON_INSUFFICIENT_FUNDS,
        system.bob.element.payer.pay,
        make_device(system.signers, "alice").element.payee.request(1),
    )


def test_each_side_answers_the_same_as_often_as_it_is_asked(system: System) -> None:
    payment = system.paid()
    back = system.carol.element.payee.return_payment(payment)
    assert system.carol.restarted().element.payee.return_payment(payment) == back
    for _ in range(2):
        assert system.bob.restarted().element.payer.take_back(back) == 60
    assert system.hands == (100, 0)
    assert len(system.bob.store.read().pieces) == 2


def test_it_uses_the_request_up(system: System) -> None:
    request = system.carol.element.payee.request(60)
    payment = system.bob.element.payer.pay(request)
    system.carol.element.payee.return_payment(payment)
    assert not system.carol.element.payee.awaits(request)
    with refused_as(Reason.DEVICE_REVOKED):
        system.carol.element.payee.accept(payment)
    system.carol.element.trust.follow(
        system.signers.root_public + system.signers.bundle(created_time_ms=NOW + 1).encode()
    )
    with refused_as(Reason.WRONG_CHALLENGE):
        system.carol.element.payee.accept(payment)
    assert system.hands == (40, 0)


def test_a_request_whose_payment_came_back_is_not_paid_again(system: System) -> None:
    request = system.carol.element.payee.request(60)
    system.bob.element.payer.take_back(
        system.carol.element.payee.return_payment(system.bob.element.payer.pay(request))
    )
    refused_because(errors_pb2.REASON_ALREADY_DECIDED, system.bob.element.payer.pay, request)


def test_many_later_payments_do_not_keep_it_from_coming_back(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.paying.MAX_REMEMBERED", 3)
    system = System(signers)
    payment = system.bob.element.payer.pay(system.carol.element.payee.request(60), unconfirmed=True)
    for _ in range(4):
        system.paid(1)
    assert len(system.bob.store.read().paid) == 3
    assert (
        system.bob.element.payer.take_back(system.carol.element.payee.return_payment(payment)) == 60
    )


def test_of_payments_that_all_wait_the_oldest_is_forgotten(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.paying.MAX_REMEMBERED", 3)
    system = System(signers)
    requests = [system.carol.element.payee.request(fen) for fen in range(1, 6)]
    payments = [system.bob.element.payer.pay(request, unconfirmed=True) for request in requests]
    assert system.bob.element.payer.unconfirmed() == payments[-3:]
    assert len(system.bob.store.read().unconfirmed) == 3


def test_it_is_no_longer_without_an_answer(system: System) -> None:
    payment = system.bob.element.payer.pay(system.carol.element.payee.request(60), unconfirmed=True)
    assert system.bob.element.payer.unconfirmed() == [payment]
    system.bob.element.payer.take_back(system.carol.element.payee.return_payment(payment))
    assert system.bob.element.payer.unconfirmed() == []


def test_cut_off_before_it_is_kept_it_changes_nothing(system: System) -> None:
    payment = system.paid()
    before = system.carol.store.data
    system.carol.store.failing = True
    with pytest.raises(OSError):
        system.carol.element.payee.return_payment(payment)
    system.carol.store.failing = False
    assert system.carol.store.data == before
    back = system.carol.element.payee.return_payment(payment)
    system.bob.store.failing = True
    with pytest.raises(OSError):
        system.bob.element.payer.take_back(back)
    system.bob.store.failing = False
    assert system.hands == (40, 0)
    assert system.bob.element.payer.take_back(back) == 60


def test_several_pieces_of_several_keys_go_back_each_to_its_own(signers: Signers) -> None:
    alice, carol = make_device(signers, "alice", 30), make_device(signers, "carol")
    second = alice.element.keys.load_key("6201000000000017", ())
    certificate = signers.certify(second, "alpha")
    alice.element.keys.certify(certificate.encode(), signers.bank_certificate("alpha").encode())
    alice.element.holdings.load([signers.mint(second, 50, number=77).token.encode()])
    payment = alice.element.payer.pay(carol.element.payee.request(80))
    carol.element.trust.follow(newer(signers, revoked=(certificate.revocation(),)))
    back = carol.element.payee.return_payment(payment)
    assert len(SignedReturn.decode(back).endorsements) == 2
    assert alice.element.payer.take_back(back) == 80
    owners = {piece.owner for piece in alice.store.read().pieces}
    assert owners == {signers.alice.public.hex(), second.hex()}


def test_as_many_pieces_as_a_payment_has_go_back(signers: Signers) -> None:
    system = System(signers, *[1] * MAX_CHAINS)
    payment = system.paid(MAX_CHAINS)
    back = system.carol.element.payee.return_payment(payment)
    assert len(back) == 19 + 129 * MAX_CHAINS
    assert system.bob.element.payer.take_back(back) == MAX_CHAINS


def test_a_key_is_kept_as_long_as_what_it_paid_may_come_back(signers: Signers) -> None:
    """Only its signature brings what comes back into a wallet."""
    system = System(signers)
    payment = system.paid(100)
    for _ in range(2):
        key = system.bob.element.keys.load_key("6202000000000015", ())
        certificate = signers.certify(key, "beta").encode()
        system.bob.element.keys.certify(certificate, signers.bank_certificate("beta").encode())
        system.bob.element.payee.request(1)
    assert system.bob.element.keys.holds(signers.bob.public)
    assert (
        system.bob.element.payer.take_back(system.carol.element.payee.return_payment(payment))
        == 100
    )
    (back,) = deposits(system.bob)
    assert deposited(signers, back).value_fen == 100
