"""What an attacker may try with payments, bundles, clocks and copies of a device."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.bundle import TrustBundle
from offline_token.deposit import Deposit
from offline_token.formats import (
    CHANGE_OUTPUT,
    Chain,
    FormatError,
    Hop,
    Payment,
    Request,
)
from offline_token.limits import MAX_HOPS, MAX_PAYMENT_BYTES
from offline_token.possession import NONCE_BYTES
from offline_token.signing import (
    certify_bank,
    certify_device,
    sign_bundle,
    sign_request,
    sign_token,
    verified,
)
from offline_token.verify import Reason, Verdict, verify
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposited, deposits, make_device, pay
from tests.offline.signers import DAY, MAX_U64, NOW, Device, Signers, key_of
from wallet.secure_element.limits import CLOCKS_APART_MS, MAX_PIECES, REQUEST_VALID_MS


@contextmanager
def refused(reason: Reason) -> Iterator[None]:
    """The secure element refuses with this verdict."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.metadata["verdict"] == reason.name


# Replays and other people's payments


def test_a_payment_shown_again_adds_nothing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = pay(alice, bob, 70)
    assert bob.element.accept(payment) == 70
    assert bob.restarted().element.accept(payment) == 70
    assert (alice.balance, bob.balance) == (30, 70)


def test_an_old_payment_does_not_pay_a_new_request(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    old = Payment.decode(pay(alice, bob, 70))
    bob.element.request(70)
    two = Payment((*old.chains, signers.mint(signers.alice, 1, number=9))).encode()
    with refused(Reason.WRONG_CHALLENGE):
        bob.element.accept(two)
    assert bob.balance == 70


def test_a_flood_of_requests_pushes_out_none_that_may_still_be_paid(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_REQUESTS", 20)
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(70))
    for _ in range(19):
        bob.element.request(1)
    bob.clock.advance(REQUEST_VALID_MS + CLOCKS_APART_MS)
    with pytest.raises(Refusal) as caught:
        bob.element.request(1)
    assert caught.value.name == "OVERLOADED"
    assert bob.element.accept(payment) == 70
    assert bob.element.request(1)


def test_a_request_that_nobody_may_pay_any_more_makes_room_for_another(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_REQUESTS", 20)
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    first, *others = (bob.element.request(fen) for fen in range(1, 21))
    late = alice.element.pay(first)
    bob.clock.advance(REQUEST_VALID_MS + CLOCKS_APART_MS + 1)
    newest = bob.element.request(70)
    assert set(bob.element.requests()) == {*others, newest}
    with refused(Reason.WRONG_CHALLENGE):
        bob.element.accept(late)


def test_a_clock_that_ran_ahead_leaves_no_request_that_keeps_others_out(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_REQUESTS", 20)
    bob = make_device(signers, "bob")
    bob.restarted(now_ms=NOW + 20 * DAY).element.request(1)
    bob = bob.restarted(now_ms=NOW + 2_000)
    bob.element.trust(signers.root_public + signers.bundle(created_time_ms=NOW + 1_000).encode())
    kept = [bob.element.request(1) for _ in range(19)]
    newest = bob.element.request(2)
    assert bob.element.requests() == [*kept, newest]


def test_a_payment_to_somebody_else_is_refused(signers: Signers) -> None:
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
        make_device(signers, "carol"),
    )
    payment = alice.element.pay(bob.element.request(70))
    carol.element.request(70)
    with refused(Reason.WRONG_CHALLENGE):
        carol.element.accept(payment)
    assert bob.element.accept(payment) == 70


def test_a_payment_to_somebody_else_with_ones_own_challenge_is_refused(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    challenge = Request.decode(bob.element.request(70)).challenge
    token = signers.mint(signers.alice, 70)
    chain = signers.endorse(token, signers.alice, signers.carol, 70, challenge=challenge)
    with refused(Reason.NOT_FOR_THIS_PAYEE):
        bob.element.accept(Payment((chain,)).encode())
    assert bob.balance == 0


def test_the_payer_cannot_take_back_what_it_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(70))
    with refused(Reason.WRONG_CHALLENGE):
        alice.element.accept(payment)
    for body in deposits(alice):
        assert deposited(signers, body).value_fen == 30


# Chains taken apart and put together anew


def chain_of(signers: Signers, *, number: int = 1) -> Chain:
    """100 of Alice's: 80 to Carol, of that 60 to Alice, of that 50 to Bob."""
    chain = signers.mint(signers.alice, 100, number=number)
    chain = signers.endorse(chain, signers.alice, signers.carol, 80)
    chain = signers.endorse(chain, signers.carol, signers.alice, 60)
    return signers.endorse(chain, signers.alice, signers.bob, 50)


def altered(signers: Signers) -> dict[str, tuple[Chain, Reason]]:
    """Chains made of the parts of good ones."""
    good, other = chain_of(signers), chain_of(signers, number=2)
    a, b, c = good.hops
    x, y, z = other.hops
    token = good.token
    return {
        "without the last hop": (Chain(token, (a, b)), Reason.NOT_FOR_THIS_PAYEE),
        "without the middle": (Chain(token, (a, c)), Reason.NOT_THE_OWNER),
        "without the first hop": (Chain(token, (b, c)), Reason.NOT_THE_OWNER),
        "the last hop only": (Chain(token, (c,)), Reason.ENDORSEMENT_FORGED),
        "without any hop": (Chain(token), Reason.NOT_FOR_THIS_PAYEE),
        "the ends swapped": (Chain(token, (c, b, a)), Reason.ENDORSEMENT_FORGED),
        "the first two swapped": (Chain(token, (b, a, c)), Reason.NOT_THE_OWNER),
        "the last hop twice": (Chain(token, (a, b, c, c)), Reason.NOT_THE_OWNER),
        "the first hop twice": (Chain(token, (a, a, b, c)), Reason.NOT_THE_OWNER),
        "another token below": (Chain(other.token, good.hops), Reason.ENDORSEMENT_FORGED),
        "another chain's end": (Chain(token, (a, b, z)), Reason.ENDORSEMENT_FORGED),
        "another chain's middle": (Chain(token, (a, y, c)), Reason.ENDORSEMENT_FORGED),
        "another chain's beginning": (Chain(token, (x, b, c)), Reason.ENDORSEMENT_FORGED),
        "another hop's certificate": (
            Chain(token, (a, b, Hop(b.certificate, c.endorsement))),
            Reason.NOT_THE_OWNER,
        ),
    }


@pytest.mark.parametrize("name", altered(Signers()))
def test_altered_chains_are_refused(signers: Signers, name: str) -> None:
    chain, reason = altered(signers)[name]
    assert signers.paid_to_bob(chain, amount=50).reason == reason
    assert signers.paid_to_bob(chain_of(signers), amount=50).good


def test_a_payment_cut_short_anywhere_is_unreadable(signers: Signers) -> None:
    payment = Payment((chain_of(signers), chain_of(signers, number=2))).encode()
    asked = signers.request(signers.bob, 100)
    assert signers.verdict(payment, request=asked).good
    bundle = signers.bundle()
    for end in range(len(payment)):
        cut = signers.verdict(payment[:end], request=asked, bundle=bundle)
        assert cut.reason == Reason.UNREADABLE


def test_a_chain_less_or_more_is_not_what_was_asked_for(signers: Signers) -> None:
    one, two = chain_of(signers), chain_of(signers, number=2)
    assert signers.paid_to_bob(one, two, amount=100).good
    assert signers.paid_to_bob(two, one, amount=100).good
    assert signers.paid_to_bob(one, amount=100).reason == Reason.WRONG_AMOUNT
    assert signers.paid_to_bob(one, two, amount=50).reason == Reason.WRONG_AMOUNT
    assert signers.paid_to_bob(one, one, amount=100).reason == Reason.TOKEN_TWICE


def test_one_piece_endorsed_twice_in_one_payment_is_refused(signers: Signers) -> None:
    token = signers.mint(signers.alice, 100)
    first = signers.endorse(token, signers.alice, signers.bob, 100, salt=1)
    second = signers.endorse(token, signers.alice, signers.bob, 100, salt=2)
    assert signers.paid_to_bob(first, second, amount=200).reason == Reason.TOKEN_TWICE


def test_one_piece_spent_in_two_ways_in_one_payment_is_refused(signers: Signers) -> None:
    token = signers.mint(signers.alice, 100)
    straight = signers.endorse(token, signers.alice, signers.bob, 100)
    detour = signers.endorse(token, signers.alice, signers.carol, 100)
    detour = signers.endorse(detour, signers.carol, signers.bob, 100)
    assert signers.paid_to_bob(straight, detour, amount=200).reason == Reason.TOKEN_TWICE


@pytest.mark.parametrize("later_first", [False, True])
def test_a_piece_and_what_it_was_spent_on_are_refused(signers: Signers, later_first: bool) -> None:
    earlier = signers.endorse(signers.mint(signers.bob, 100), signers.bob, signers.bob, 100)
    later = signers.endorse(earlier, signers.bob, signers.bob, 100)
    chains = (later, earlier) if later_first else (earlier, later)
    assert signers.verdict(Payment(chains).encode()).reason == Reason.TOKEN_TWICE


# Forged roots, banks and devices; revoked and expired ones


def test_a_forged_root_is_refused(signers: Signers) -> None:
    """Everything is in order, but below another root."""
    forged = Signers()
    forged.root = key_of("mallory")
    token = forged.mint(signers.alice, 100)
    chain = forged.endorse(token, signers.alice, signers.bob, 100)
    assert signers.paid_to_bob(chain, amount=100).reason == Reason.TOKEN_FORGED
    bundle = forged.bundle()
    assert signers.paid_to_bob(chain, amount=100, bundle=bundle).reason == Reason.BUNDLE_FORGED


def test_an_element_keeps_its_root(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    mallory = key_of("mallory")
    newer = signers.bundle(created_time_ms=NOW)
    before = bob.store.data
    forged = {
        "another root": bytes(mallory.verify_key) + sign_bundle(mallory, newer).encode(),
        "the root's name only": signers.root_public + sign_bundle(mallory, newer).encode(),
    }
    for bundle in forged.values():
        with pytest.raises(Refusal):
            bob.element.trust(bundle)
    assert bob.store.data == before
    bob.element.trust(signers.root_public + newer.encode())
    assert bob.store.data != before


def test_an_older_bundle_does_not_take_back_a_revocation(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(70))
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust(signers.root_public + revoking.encode())
    bob.element.trust(signers.root_public + signers.bundle().encode())
    with refused(Reason.DEVICE_REVOKED):
        bob.element.accept(payment)


def test_a_revoked_device_can_neither_pay_nor_be_paid(signers: Signers) -> None:
    revoking = signers.bundle(revoked=(signers.alice.revocation,))
    alice, bob = (
        make_device(signers, "alice", 100, bundle=revoking),
        make_device(signers, "bob", 100),
    )
    bob.element.trust(signers.root_public + signers.bundle(created_time_ms=NOW).encode())
    with refused(Reason.DEVICE_REVOKED):
        alice.element.pay(bob.element.request(70))
    revoking = signers.bundle(created_time_ms=NOW + 1, revoked=(signers.alice.revocation,))
    bob.element.trust(signers.root_public + revoking.encode())
    with refused(Reason.DEVICE_REVOKED):
        bob.element.pay(alice.element.request(70))
    assert (alice.balance, bob.balance) == (100, 100)


def test_an_expired_device_is_not_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = bob.element.request(70)
    later = make_device(signers, "alice", 100, bundle=signers.bundle(max_age_ms=900 * DAY))
    later.clock.advance(101 * DAY)
    with refused(Reason.DEVICE_EXPIRED):
        later.element.pay(request)
    assert later.balance == 100
    assert len(alice.element.pay(request)) == 392


def test_money_below_forged_certificates_is_refused(signers: Signers) -> None:
    mallory = Device(key_of("mallory"), signers.alice.certificate)
    own_bank = certify_bank(mallory.key, "alpha", mallory.public, NOW + DAY)
    forged = certify_device(mallory.key, "alpha", mallory.public, NOW + DAY)
    token = signers.mint(mallory.public, 100)
    chain = signers.endorse(token, Device(mallory.key, forged), signers.bob, 100)
    assert signers.paid_to_bob(chain, amount=100).reason == Reason.DEVICE_FORGED
    bundle = sign_bundle(mallory.key, signers.bundle(banks=(own_bank,)))
    assert signers.paid_to_bob(chain, amount=100, bundle=bundle).reason == Reason.BUNDLE_FORGED
    self_made = Chain(sign_token(mallory.key, token.token))
    chain = signers.endorse(self_made, mallory, signers.bob, 100)
    assert signers.paid_to_bob(chain, amount=100).reason == Reason.TOKEN_FORGED


def test_only_ones_own_good_tokens_are_loaded(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    token = signers.mint(signers.alice, 100).token
    with refused(Reason.NOT_THE_OWNER):
        alice.element.load([token.encode(), signers.mint(signers.bob, 5, number=2).token.encode()])
    with refused(Reason.TOKEN_FORGED):
        alice.element.load([replace(token, value_fen=1_000).encode()])
    with refused(Reason.TOKEN_FORGED):
        alice.element.load([sign_token(key_of("mallory"), token).encode()])
    assert alice.balance == 0
    for _ in range(2):
        alice.element.load([token.encode()])
    assert alice.balance == 100


def test_a_token_that_was_paid_away_cannot_be_loaded_again(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob")
    token = signers.mint(signers.alice, 100).token.encode()
    alice.element.load([token])
    pay(alice, bob, 100)
    alice.element.load([token])
    assert alice.balance == 0


def test_expired_money_is_not_paid(signers: Signers) -> None:
    wide = signers.bundle(max_age_ms=900 * DAY)
    alice, bob = (
        make_device(signers, "alice", 100, bundle=wide),
        make_device(signers, "bob", bundle=wide),
    )
    request = bob.element.request(70)
    alice.clock.advance(91 * DAY)
    with pytest.raises(Refusal):
        alice.element.pay(request)


def test_money_of_a_device_revoked_meanwhile_is_not_paid(signers: Signers) -> None:
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
        make_device(signers, "carol"),
    )
    pay(alice, bob, 100)
    request = carol.element.request(70)
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust(signers.root_public + revoking.encode())
    with pytest.raises(Refusal):
        bob.element.pay(request)


def test_a_token_larger_than_the_rules_allow_is_not_loaded(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    with pytest.raises(Refusal):
        alice.element.load([signers.mint(signers.alice, 10_000_001).token.encode()])


def test_loading_stops_at_the_bound_on_pieces(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    with pytest.raises(Refusal):
        alice.element.load(
            [
                signers.mint(signers.alice, 1, number=number).token.encode()
                for number in range(MAX_PIECES + 1)
            ]
        )


def test_a_bank_with_a_name_too_long_is_not_certified(signers: Signers) -> None:
    with pytest.raises(FormatError):
        certify_bank(signers.root, "a" * 17, signers.root_public, NOW)


# Amounts


@pytest.mark.parametrize("amount", [0, 101, 2**63, MAX_U64])
def test_amounts_that_do_not_add_up(signers: Signers, amount: int) -> None:
    token = signers.mint(signers.alice, 100)
    paid = signers.endorse(token, signers.alice, signers.bob, amount)
    assert signers.paid_to_bob(paid, amount=amount).reason == Reason.AMOUNT_INVALID
    change = signers.verdict(Payment((paid,)).encode(), output=CHANGE_OUTPUT)
    assert change.reason == Reason.AMOUNT_INVALID


def test_values_never_wrap_round(signers: Signers) -> None:
    """Sixteen of the largest tokens are worth sixteen times that, not a little less than zero."""
    wide = signers.bundle(max_value_fen=MAX_U64, max_payment_fen=MAX_U64)
    chains = [
        signers.endorse(
            signers.mint(signers.alice, MAX_U64, number=n), signers.alice, signers.bob, MAX_U64
        )
        for n in range(16)
    ]
    payment = Payment(tuple(chains)).encode()
    assert signers.verdict(payment, bundle=wide).value_fen == 16 * MAX_U64
    asked = signers.request(signers.bob, 16 * MAX_U64 % 2**64)
    verdict = signers.verdict(payment, bundle=wide, request=asked)
    assert verdict.reason == Reason.PAYMENT_TOO_LARGE


def test_paid_and_kept_are_together_what_was_there(signers: Signers) -> None:
    chain = chain_of(signers)
    values = []
    for hops in (1, 2, 3):
        part = Payment((Chain(chain.token, chain.hops[:hops]),)).encode()
        values.append(tuple(signers.verdict(part, output=o).value_fen for o in (0, 1)))
    assert values == [(80, 20), (60, 20), (50, 10)]


@pytest.mark.parametrize("amount", [0, MAX_U64])
def test_an_element_pays_neither_nothing_nor_more_than_it_has(
    signers: Signers, amount: int
) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    with pytest.raises(Refusal):
        alice.element.pay(bob.element.request(amount))
    assert alice.balance == 100


# Long chains and garbage


def test_a_hop_too_many_is_neither_paid_nor_accepted(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 5), make_device(signers, "bob")
    for _ in range(8):
        pay(alice, bob, 5)
        pay(bob, alice, 5)
    with pytest.raises(Refusal) as caught:
        alice.element.pay(bob.element.request(5))
    assert caught.value.reason == errors_pb2.REASON_INSUFFICIENT_FUNDS
    assert alice.balance == 5
    (body,) = deposits(alice)
    assert deposited(signers, body).value_fen == 5

    challenge = Request.decode(bob.element.request(5)).challenge
    chain = signers.long_chain(16, 5)
    chain = signers.endorse(chain, signers.alice, signers.bob, 5, challenge=challenge)
    with refused(Reason.TOO_MANY_HOPS):
        bob.element.accept(Payment((chain,)).encode())


def largest(signers: Signers) -> Payment:
    """A good payment as large as a payment can be: two chains of 32 hops."""
    payment = Payment(tuple(signers.long_chain(MAX_HOPS, number=n) for n in (1, 2)))
    assert MAX_PAYMENT_BYTES - 250 < len(payment.encode()) <= MAX_PAYMENT_BYTES
    return payment


def garbage(signers: Signers) -> list[bytes]:
    """Payments of the largest size that are wrong in some way."""
    good = largest(signers)
    data = good.encode()
    source = random.Random(1)
    noise = source.randbytes(len(data))
    shaped = bytearray(data)
    for start in (3, 3 + 138 + 32 * 250):
        # Keep what makes it readable, and fill everything else with noise.
        shaped[start + 1 : start + 137] = noise[start + 1 : start + 137]
        for hop in range(start + 138, start + 138 + 32 * 250, 250):
            shaped[hop + 1 : hop + 129] = noise[hop + 1 : hop + 129]
            shaped[hop + 146 : hop + 250] = noise[hop + 146 : hop + 250]
    last = bytearray(data)
    last[-1] ^= 1
    return [
        noise,
        b"P3\x10" + noise[3:],
        bytes(shaped),
        bytes(last),
        data[:3] + data[3:] * 2,
        data * 64,
    ]


def test_garbage_costs_no_more_signatures_than_a_good_payment(signers: Signers) -> None:
    count = 0

    def counted(key: bytes, signed_part: bytes, signature: bytes) -> bool:
        nonlocal count
        count += 1
        return verified(key, signed_part, signature)

    wide = signers.bundle(max_hops=MAX_HOPS)
    assert signers.verdict(largest(signers).encode(), bundle=wide, verified=counted).good
    allowed = count
    assert allowed == 1 + 2 * (1 + 2 * MAX_HOPS)
    for payment in garbage(signers):
        count = 0
        assert not signers.verdict(payment, bundle=wide, verified=counted).good
        assert count <= allowed


def test_garbage_takes_no_longer_than_a_good_payment(signers: Signers) -> None:
    wide = signers.bundle(max_hops=MAX_HOPS)
    good = _fastest(signers, largest(signers).encode(), wide)
    assert all(_fastest(signers, payment, wide) < 3 * good for payment in garbage(signers))


def _fastest(signers: Signers, payment: bytes, bundle: TrustBundle) -> float:
    times = []
    for _ in range(5):
        start = time.process_time()
        signers.verdict(payment, bundle=bundle)
        times.append(time.process_time() - start)
    return min(times)


def test_ten_thousand_random_mutations(signers: Signers) -> None:
    two = Payment((chain_of(signers), chain_of(signers, number=2)))
    one = Payment((signers.endorse(signers.mint(signers.alice, 9), signers.alice, signers.bob, 9),))
    fresh = Payment((signers.mint(signers.bob, 9),))
    questions = [(one, 9), (one, 9), (two, 100), (one, None), (two, None), (fresh, None)]
    source = random.Random(20_260_101)
    bundle = signers.bundle()
    reasons = set()
    for turn in range(10_000):
        payment, amount = questions[turn % len(questions)]
        data = mutation(payment.encode(), source)
        verdict = verify(
            data,
            root=signers.root_public,
            bundle=bundle,
            now_ms=NOW,
            request=signers.request(signers.bob, amount) if amount is not None else None,
        )
        reasons.add(verdict.reason)
        assert not verdict.good or Payment.decode(data) == payment
    assert len(reasons) >= 8


def mutation(data: bytes, source: random.Random) -> bytes:
    """The bytes with one change."""
    at, other = source.randrange(len(data)), source.randrange(len(data))
    length = source.choice([1, 1, 2, 8, 16, 32, 64, 121, 129, 137, 250])
    made = bytearray(data)
    kind = source.randrange(7)
    if kind <= 1:
        made[at] ^= 1 << source.randrange(8)
    elif kind == 2:
        made[at] = source.randrange(256)
    elif kind == 3:
        made[at : at + length] = source.randbytes(len(made[at : at + length]))
    elif kind == 4:
        del made[at : at + length]
    elif kind == 5:
        made[at:at] = made[other : other + length]
    else:
        made[at : at + length] = made[other : other + length]
    return bytes(made)


# The clock


def test_a_clock_set_back_is_ignored(signers: Signers) -> None:
    wide = signers.bundle(max_age_ms=900 * DAY)
    alice, bob = (
        make_device(signers, "alice", 100, bundle=wide),
        make_device(signers, "bob", bundle=wide),
    )
    payment = alice.element.pay(bob.element.request(70))
    bob.clock.advance(91 * DAY)
    bob.element.request(1)
    with refused(Reason.TOKEN_EXPIRED):
        bob.restarted(now_ms=NOW).element.accept(payment)


def test_a_bundle_too_old_stays_too_old_with_the_clock_set_back(signers: Signers) -> None:
    bob = make_device(signers, "bob", bundle=signers.bundle(max_age_ms=DAY))
    bob.clock.advance(DAY - 3_600_000)
    bob.element.request(1)
    back = bob.restarted(now_ms=NOW)
    back.element.request(1)
    back.clock.advance(DAY - 3_600_000 + 1)
    with refused(Reason.BUNDLE_TOO_OLD):
        back.element.request(1)


def test_the_time_of_a_refused_call_counts_too(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    bob.clock.advance(31 * DAY)
    with refused(Reason.BUNDLE_TOO_OLD):
        bob.element.request(1)
    with refused(Reason.BUNDLE_TOO_OLD):
        bob.restarted(now_ms=NOW).element.request(1)


def test_a_bundle_tells_the_time(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(70))
    later = signers.bundle(created_time_ms=NOW + 95 * DAY)
    bob.element.trust(signers.root_public + later.encode())
    with refused(Reason.TOKEN_EXPIRED):
        bob.element.accept(payment)


# Interruptions and copies


def test_the_same_request_is_paid_with_the_same_bytes(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100, 50), make_device(signers, "bob")
    request = bob.element.request(120)
    payment = alice.element.pay(request)
    assert alice.element.pay(request) == payment
    assert alice.restarted().element.pay(request) == payment
    assert bob.element.accept(payment) == 120
    assert alice.element.pay(request) == payment
    assert alice.balance == 30


def test_a_request_changed_after_it_was_paid_is_refused(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = Request.decode(bob.element.request(10))
    alice.element.pay(request.encode())
    for changed in (
        sign_request(signers.bob.key, replace(request, amount_fen=20)),
        sign_request(signers.carol.key, replace(request, certificate=signers.carol.certificate)),
    ):
        with pytest.raises(Refusal) as caught:
            alice.element.pay(changed.encode())
        assert caught.value.reason == errors_pb2.REASON_ID_REUSED
    assert alice.balance == 90


def test_an_interrupted_payment_loses_nothing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = bob.element.request(70)
    before = alice.store.data
    alice.store.failing = True
    with pytest.raises(OSError):
        alice.element.pay(request)
    assert alice.store.data == before
    alice.store.failing = False
    restarted = alice.restarted()
    assert restarted.balance == 100
    assert bob.element.accept(restarted.element.pay(request)) == 70
    assert (restarted.balance, bob.balance) == (30, 70)


def test_an_interrupted_acceptance_loses_nothing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(70))
    bob.store.failing = True
    with pytest.raises(OSError):
        bob.element.accept(payment)
    bob.store.failing = False
    assert bob.balance == 0
    assert bob.restarted().element.accept(payment) == 70
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
