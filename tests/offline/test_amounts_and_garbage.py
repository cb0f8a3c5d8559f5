"""What an attacker may try with amounts, long chains and bytes that mean nothing."""

from __future__ import annotations

import random
import time

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CHANGE_OUTPUT,
    Chain,
    Payment,
    Request,
)
from offline_token.limits import MAX_HOPS, MAX_PAYMENT_BYTES
from offline_token.signing import (
    verified,
)
from offline_token.verify import Reason, verify
from runtime.errors import Refusal
from tests.offline.attacking import chain_of
from tests.offline.devices import deposited, deposits, make_device, pay
from tests.offline.signers import MAX_U64, NOW, Signers
from tests.refusals import refused_as, refused_because


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
        alice.element.payer.pay(bob.element.payee.request(amount))
    assert alice.balance == 100


# Long chains and garbage
def test_a_hop_too_many_is_neither_paid_nor_accepted(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 5), make_device(signers, "bob")
    for _ in range(8):
        pay(alice, bob, 5)
        pay(bob, alice, 5)
    refused_because(
        errors_pb2.REASON_INSUFFICIENT_FUNDS, alice.element.payer.pay, bob.element.payee.request(5)
    )
    assert alice.balance == 5
    (body,) = deposits(alice)
    assert deposited(signers, body).value_fen == 5

    challenge = Request.decode(bob.element.payee.request(5)).challenge
    chain = signers.long_chain(16, 5)
    chain = signers.endorse(chain, signers.alice, signers.bob, 5, challenge=challenge)
    with refused_as(Reason.TOO_MANY_HOPS):
        bob.element.payee.accept(Payment((chain,)).encode())


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
