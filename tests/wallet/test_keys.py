"""A key for each load, in the device: which one is shown, and when it is forgotten."""

from __future__ import annotations

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.formats import Payment, Request
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.devices import (
    FailingStore,
    TestDevice,
    _device,
    deposits,
    make_device,
    pay,
    ruled,
)
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_because
from tests.wallet.load_keys import OTHER, WALLET, certify
from wallet.secure_element.limits import MAX_KEYS, MAX_REQUESTS


def key_for(holder: TestDevice, signers: Signers, *busy: bytes, wallet: str = WALLET) -> bytes:
    """The certified key of the next load."""
    public = holder.element.keys.load_key(wallet, busy)
    certify(holder, signers, public)
    return public


def token(signers: Signers, owner: bytes, value: int) -> bytes:
    """A token of its own."""
    number = int.from_bytes(owner[:6], "big") + value
    return signers.mint(owner, value, number=number).token.encode()


def load(holder: TestDevice, signers: Signers, value: int) -> bytes:
    public = key_for(holder, signers)
    holder.element.holdings.load([token(signers, public, value)])
    return public


def shown(holder: TestDevice, fen: int = 1) -> bytes:
    return Request.decode(holder.element.payee.request(fen)).certificate.key


def kept(holder: TestDevice) -> set[bytes]:
    return {bytes.fromhex(key.public) for key in holder.store.read().keys}


def end_keys(payment: bytes) -> list[bytes]:
    return [chain.hops[-1].certificate.key for chain in Payment.decode(payment).chains]


# The element
def test_each_load_has_a_key_of_its_own_and_requests_show_the_newest(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob", 100)
    first = load(alice, signers, 10)
    assert shown(alice) == first
    second = load(alice, signers, 20)
    assert first != second and shown(alice) == second
    payment = pay(bob, alice, 5)
    assert {chain.hops[-1].endorsement.payee for chain in Payment.decode(payment).chains} == {
        second
    }
    assert alice.balance == 35


def test_a_load_that_came_to_nothing_leaves_its_key_to_the_next(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    key = alice.element.keys.load_key(WALLET, ())
    assert alice.restarted().element.keys.load_key(WALLET, ()) == key
    certify(alice, signers, key)
    assert alice.element.keys.load_key(WALLET, ()) == key
    assert alice.element.keys.load_key(WALLET, {key}) != key, "a load of it is under way"
    assert alice.element.keys.load_key(OTHER, ()) != key, "it was made for another wallet's load"


def test_a_key_that_a_request_showed_is_not_loaded(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    key = key_for(alice, signers)
    assert shown(alice) == key
    assert alice.element.keys.load_key(WALLET, ()) != key


def test_a_certificate_for_another_key_is_refused(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    before = alice.store.data
    with pytest.raises(Refusal):
        certify(alice, signers, signers.bob.public)
    forged = signers.certify(alice.element.keys.public_key(), "beta").encode()
    with pytest.raises(Refusal):
        alice.element.keys.certify(forged, signers.bank_certificate("alpha").encode())
    assert alice.store.data == before


def test_pieces_of_several_keys_pay_one_request_each_under_its_own_certificate(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob")
    first, second = load(alice, signers, 10), load(alice, signers, 20)
    payment = pay(alice, bob, 25)
    assert end_keys(payment) == [second, first]
    assert (alice.balance, bob.balance) == (5, 25)


def test_what_one_key_can_pay_is_not_paid_with_two(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob")
    first = key_for(alice, signers)
    small = [token(signers, first, value) for value in (9, 8, 7)]
    alice.element.holdings.load(small)
    load(alice, signers, 15)
    assert set(end_keys(pay(alice, bob, 20))) == {first}


def test_every_key_of_its_own_is_known_as_its_own(signers: Signers) -> None:
    alice = make_device(signers, "alice", 100)
    requests = [alice.element.payee.request(1)]
    for value in (10, 20):
        load(alice, signers, value)
        requests.append(alice.element.payee.request(1))
    assert len({Request.decode(request).certificate.key for request in requests}) == 3
    for request in requests:
        refused_because(errors_pb2.REASON_SAME_ACCOUNT, alice.element.payer.pay, request)


def test_a_key_is_forgotten_when_it_owns_nothing_and_nobody_may_pay_it(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob", 100)
    first = load(alice, signers, 10)
    request = alice.element.payee.request(7)
    second, third = load(alice, signers, 20), load(alice, signers, 30)
    assert {first, second, third} <= kept(alice)
    pay(alice, bob, 20)
    pay(alice, bob, 10)
    load(alice, signers, 35)
    assert second in kept(alice), "what it paid may come back"
    forget_payments(alice)
    fourth = load(alice, signers, 40)
    assert kept(alice) >= {first, third, fourth} and second not in kept(alice)
    assert alice.element.payee.accept(bob.element.payer.pay(request)) == 7
    assert first in kept(alice), "it owns what it was paid"
    pay(alice, bob, 112)
    forget_payments(alice)
    load(alice, signers, 50)
    assert first not in kept(alice)


def forget_payments(holder: TestDevice) -> None:
    """As after many more of them."""
    holder.store.change(lambda state: state.paid.clear())


def test_a_piece_refused_by_the_bank_keeps_no_key(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    first = load(alice, signers, 10)
    load(alice, signers, 20)
    for body in deposits(alice):
        alice.element.deposits.refuse(body, ruled(signers, body), "no")
    load(alice, signers, 30)
    assert first not in kept(alice)


def test_a_request_keeps_no_key_whose_certificate_has_run_out(signers: Signers) -> None:
    alice = make_device(signers, "alice", bundle=signers.bundle(max_age_ms=900 * DAY))
    first = alice.element.keys.public_key()
    alice.element.payee.request(7)
    late = signers.certify(
        alice.element.keys.load_key(WALLET, ()), "alpha", expires=NOW + 500 * DAY
    )
    alice.element.keys.certify(late.encode(), signers.bank_certificate("alpha").encode())
    assert first in kept(alice)
    alice.clock.advance(101 * DAY)
    assert alice.element.keys.certified(), "the load was the renewal"
    alice.element.keys.load_key(OTHER, ())
    assert first not in kept(alice)
    assert alice.store.read().asked == {}


def test_tokens_of_a_load_without_an_answer_find_their_key_however_late(signers: Signers) -> None:
    """Though everything else of that key was spent, and others were loaded since."""
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob")
    first = key_for(alice, signers)
    alice.element.holdings.load([token(signers, first, 10)])
    pay(alice, bob, 10)
    for value in (20, 30):
        public = key_for(alice, signers, first)
        alice.element.holdings.load([token(signers, public, value)])
    alice.element.holdings.load([token(signers, first, 99)])
    assert alice.balance == 149


def full(signers: Signers, *, money: bool) -> TestDevice:
    """A device at its bound of keys; each has money, or each but the last a request only."""
    alice = make_device(signers, "alice")
    alice.element.payee.request(1)
    for value in range(1, MAX_KEYS):
        if money:
            load(alice, signers, value)
        else:
            key_for(alice, signers)
            alice.element.payee.request(1)
    assert len(kept(alice)) == MAX_KEYS
    return alice


def test_at_the_bound_the_oldest_key_that_only_waits_is_forgotten(signers: Signers) -> None:
    alice, bob = full(signers, money=False), make_device(signers, "bob", 100)
    requests = list(alice.store.read().asked.values())
    assert len(requests) == MAX_KEYS < MAX_REQUESTS
    key_for(alice, signers)
    assert len(kept(alice)) == MAX_KEYS
    gone, left = (bytes.fromhex(request) for request in requests[:2])
    assert alice.element.payee.accept(bob.element.payer.pay(left)) == 1
    assert not alice.element.payee.awaits(gone)
    with pytest.raises(Refusal) as caught:
        alice.element.payee.accept(bob.element.payer.pay(gone))
    assert caught.value.metadata["verdict"] == Reason.WRONG_CHALLENGE.name


def test_at_the_bound_with_money_under_every_key_nothing_is_loaded(signers: Signers) -> None:
    alice, bob = full(signers, money=True), make_device(signers, "bob")
    load(alice, signers, MAX_KEYS)  # the first key had a request only
    before = alice.store.read()
    with pytest.raises(Refusal, match="deposit it first") as caught:
        alice.element.keys.load_key(WALLET, ())
    assert caught.value.reason == errors_pb2.REASON_OVERLOADED
    assert alice.store.read() == before
    pay(alice, bob, 1)
    load(alice, signers, 1_000)


def test_a_key_cut_off_while_it_is_made_is_not_there(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    before = alice.store.data
    alice.store.failing = True
    with pytest.raises(OSError):
        alice.element.keys.load_key(WALLET, ())
    assert alice.store.data == before


def test_a_new_device_makes_its_first_key_when_it_is_asked_for_one(signers: Signers) -> None:
    store = FailingStore(bytes(32))
    state = store.read()
    state.keys.clear()
    store.data = state.encode()
    new = _device(store, NOW, make_device(signers, "carol").randomness)
    assert (new.element.keys.public_key(), new.element.keys.certified()) == (b"", False)
    with pytest.raises(Refusal, match="not been certified"):
        new.element.payee.request(1)
    public = key_for(new, signers)
    assert new.element.keys.certified()
    new.element.trust.follow(signers.root_public + signers.bundle().encode())
    assert shown(new) == public
