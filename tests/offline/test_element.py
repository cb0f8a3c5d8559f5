"""The secure element: splitting, paying with several pieces, and nothing made or lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcep.errors.v1 import errors_pb2
from offline_token.deposit import Deposit
from offline_token.formats import CHANGE_OUTPUT, PAYEE_OUTPUT, Payment, Request
from offline_token.limits import MAX_CHAINS
from offline_token.possession import NONCE_BYTES
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposited, deposits, make_device, pay, ruled
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_because

SIGNERS = Signers()


def pieces(holder: TestDevice) -> list[int]:
    """Values of what it can pay with, the smallest first."""
    return sorted(
        piece.value_fen
        for piece in holder.store.read().pieces
        if not (piece.depositing or piece.refused)
    )


def deposit_all(holder: TestDevice) -> int:
    """Deposits everything and returns what the registration centre would find in it."""
    total = 0
    for body in deposits(holder):
        verdict = deposited(SIGNERS, body)
        assert verdict.good
        assert {piece.owner for piece in verdict.pieces} == {holder.element.keys.public_key()}
        total += verdict.value_fen
        holder.element.deposits.end(body)
    return total


def outputs(holder: TestDevice) -> list[int]:
    """Which outputs its deposits name."""
    bodies = [Deposit.decode(deposit[NONCE_BYTES:]) for deposit in deposits(holder)]
    return [end.output for body in bodies for end in body.endorsements]


def test_a_payment_leaves_change(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = pay(alice, bob, 30)
    assert len(payment) == 392
    assert (pieces(alice), pieces(bob)) == ([70], [30])
    assert len(pay(alice, bob, 70)) == 521
    assert (pieces(alice), pieces(bob)) == ([], [30, 70])


def test_a_whole_piece_leaves_no_change(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    pay(alice, bob, 100)
    assert (pieces(alice), pieces(bob)) == ([], [100])


def test_the_smallest_piece_that_suffices_is_split(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 500, 80, 100, 20), make_device(signers, "bob")
    pay(alice, bob, 75)
    assert pieces(alice) == [5, 20, 100, 500]


def test_a_fresh_piece_is_taken_before_one_with_a_longer_chain(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 50), make_device(signers, "bob", 1_000)
    pay(alice, bob, 50)
    payment = Payment.decode(pay(bob, alice, 40))
    assert [len(chain.hops) for chain in payment.chains] == [1]
    assert pieces(bob) == [50, 960]


def test_several_pieces_pay_together(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 10, 40, 30), make_device(signers, "bob")
    payment = Payment.decode(pay(alice, bob, 75))
    assert [chain.hops[-1].endorsement.amount_fen for chain in payment.chains] == [40, 30, 5]
    assert (pieces(alice), pieces(bob)) == ([5], [5, 30, 40])


def test_no_payment_says_how_many_were_made_before_it(signers: Signers) -> None:
    """A payee sees the bytes that a payer signs: there is no count in them, nor an order."""
    alice, bob = make_device(signers, "alice", *[1] * 40), make_device(signers, "bob")
    payments = [Payment.decode(pay(alice, bob, 1)) for _ in range(40)]
    salts = [payment.chains[0].hops[-1].endorsement.salt for payment in payments]
    assert len(set(salts)) == 40 and min(salts) > 2**32
    rising = sum(one < other for one, other in pairwise(salts))
    assert 10 <= rising <= 29


def test_more_pieces_than_fit_in_one_payment(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", *[1] * (MAX_CHAINS + 1)), make_device(signers, "bob")
    refused_because(
        errors_pb2.REASON_INSUFFICIENT_FUNDS,
        alice.element.payer.pay,
        bob.element.payee.request(MAX_CHAINS + 1),
    )
    assert alice.balance == MAX_CHAINS + 1
    pay(alice, bob, MAX_CHAINS)
    assert (alice.balance, bob.balance) == (1, MAX_CHAINS)


def test_more_bytes_than_fit_in_one_payment(signers: Signers) -> None:
    """Sixteen pieces that have changed hands four times each are too long for one payment."""
    alice, bob = make_device(signers, "alice", *[1] * MAX_CHAINS), make_device(signers, "bob")
    for payer, payee in ((alice, bob), (bob, alice), (alice, bob)):
        pay(payer, payee, MAX_CHAINS)
    for _ in range(MAX_CHAINS):
        pay(bob, alice, 1)
    with pytest.raises(Refusal):
        alice.element.payer.pay(bob.element.payee.request(MAX_CHAINS))
    assert alice.balance == MAX_CHAINS
    pay(alice, bob, MAX_CHAINS // 2)


def test_more_than_there_is_says_how_much_is_missing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 10, 40), make_device(signers, "bob")
    with pytest.raises(Refusal) as caught:
        alice.element.payer.pay(bob.element.payee.request(57))
    assert caught.value.metadata["missing_fen"] == "7"
    assert pieces(alice) == [10, 40]


def test_a_device_does_not_pay_itself(signers: Signers) -> None:
    alice = make_device(signers, "alice", 10)
    refused_because(
        errors_pb2.REASON_SAME_ACCOUNT, alice.element.payer.pay, alice.element.payee.request(10)
    )


def test_money_comes_back_and_goes_out_again(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    carol = make_device(signers, "carol")
    pay(alice, bob, 60)
    pay(bob, carol, 50)
    pay(carol, alice, 45)
    pay(alice, bob, 85)
    assert (pieces(alice), pieces(bob), pieces(carol)) == ([], [10, 40, 45], [5])
    assert [deposit_all(each) for each in (alice, bob, carol)] == [0, 95, 5]


def test_change_and_what_was_paid_are_deposited_by_their_outputs(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    pay(alice, bob, 60)
    assert outputs(alice) == [CHANGE_OUTPUT]
    assert outputs(bob) == [PAYEE_OUTPUT]


def test_money_of_a_wallet_that_is_gone_is_signed_over_to_another_one_and_never_paid(
    signers: Signers,
) -> None:
    """A bank that is closed, or refuses for good, keeps nobody's offline money."""
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    (first,) = deposits(alice)
    (second,) = deposits(alice, bank="beta", wallet="6202000000000015")
    assert deposited(signers, first).value_fen == 100
    assert deposited(signers, second, bank="beta").value_fen == 100
    assert deposited(signers, second).reason == Reason.NOT_FOR_THIS_PAYEE
    assert deposits(alice.restarted(), bank="beta", wallet="6202000000000015") == [second]
    with pytest.raises(Refusal):
        alice.element.payer.pay(bob.element.payee.request(1))


def test_what_is_set_aside_is_not_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    (body,) = deposits(alice)
    assert alice.balance == 0
    with pytest.raises(Refusal):
        alice.element.payer.pay(bob.element.payee.request(1))
    assert deposits(alice.restarted()) == [body]
    alice.element.deposits.refuse(body, ruled(signers, body))
    assert (alice.balance, deposits(alice)) == (0, [])


def test_every_request_has_a_challenge_of_its_own(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    challenges = {Request.decode(bob.element.payee.request(1)).challenge for _ in range(20)}
    assert len(challenges) == 20


NAMES = ("alice", "bob", "carol")
WHO = st.integers(0, 2)
AMOUNT = st.integers(1, 40) | st.integers(1, 400)
STEPS = st.lists(
    st.tuples(st.just("load"), WHO, WHO, AMOUNT)
    | st.tuples(st.sampled_from(["pay", "pay", "pay"]), WHO, WHO, AMOUNT)
    | st.tuples(st.sampled_from(["pay lost", "pay failing", "accept failing"]), WHO, WHO, AMOUNT)
    | st.tuples(st.sampled_from(["deposit", "deposit one"]), WHO, WHO, AMOUNT),
    max_size=25,
)


class System:
    """Three devices; counts what was loaded, what was deposited and what was never shown."""

    def __init__(self) -> None:
        self.devices = [make_device(SIGNERS, name) for name in NAMES]
        self.loaded = self.deposited = 0
        self.under_way: list[tuple[int, bytes, int]] = []
        self.tokens = 0

    def step(self, what: str, who: int, to: int, amount: int) -> None:
        """One thing happens; a refusal changes nothing."""
        holder = self.devices[who]
        if what == "load":
            self._load(who, amount)
        elif what == "deposit":
            self.deposited += deposit_all(holder)
        elif what == "deposit one":
            self._deposit_one(holder)
        else:
            before = [each.balance for each in self.devices]
            try:
                self._pay(what, who, to, amount)
            except Refusal as refusal:
                assert who == to or refusal.reason == errors_pb2.REASON_INSUFFICIENT_FUNDS
                assert [each.balance for each in self.devices] == before

    def deliver(self) -> None:
        """Payments that were made and not shown are shown now, twice."""
        for payee, payment, amount in self.under_way * 2:
            assert self.devices[payee].element.payee.accept(payment) == amount
        self.under_way.clear()

    def check(self) -> None:
        """Nothing was made and nothing was lost."""
        held = sum(p.value_fen for each in self.devices for p in each.store.read().pieces)
        travelling = sum(amount for _, _, amount in self.under_way)
        assert held + travelling + self.deposited == self.loaded
        for each in self.devices:
            assert each.balance == sum(pieces(each))

    def _load(self, who: int, amount: int) -> None:
        self.tokens += 1
        device = (SIGNERS.alice, SIGNERS.bob, SIGNERS.carol)[who]
        token = SIGNERS.mint(device, amount, number=self.tokens).token.encode()
        for _ in range(2):
            self.devices[who].element.holdings.load([token])
        self.loaded += amount

    def _pay(self, what: str, who: int, to: int, amount: int) -> None:
        payer, payee = self.devices[who], self.devices[to]
        request = payee.element.payee.request(amount)
        if what == "pay failing":
            _fails(payer, lambda: payer.element.payer.pay(request))
        payment = payer.element.payer.pay(request)
        assert payer.element.payer.pay(request) == payment
        if what == "pay lost":
            self.under_way.append((to, payment, amount))
            return
        if what == "accept failing":
            _fails(payee, lambda: payee.element.payee.accept(payment))
        for _ in range(2):
            assert payee.element.payee.accept(payment) == amount

    def _deposit_one(self, holder: TestDevice) -> None:
        """The first piece is deposited; the others stay set aside, without an answer so far."""
        for body in deposits(holder)[:1]:
            self.deposited += deposited(SIGNERS, body).value_fen
            holder.element.deposits.end(body)


def _fails(holder: TestDevice, call: Callable[[], object]) -> None:
    """The call is cut off by the store, or refused before."""
    holder.store.failing = True
    try:
        with pytest.raises((OSError, Refusal)):
            call()
    finally:
        holder.store.failing = False


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_nothing_is_made_and_nothing_is_lost(steps: list[tuple[str, int, int, int]]) -> None:
    system = System()
    for what, who, to, amount in [("load", 0, 0, 300), ("load", 1, 1, 50), *steps]:
        system.step(what, who, to, amount)
        system.check()
    system.deliver()
    system.check()
    for each in system.devices:
        system.deposited += deposit_all(each)
    assert system.deposited == system.loaded


def test_a_device_forgets_tokens_that_ended_long_ago_and_never_takes_one_twice(
    signers: Signers,
) -> None:
    """Whatever its clock says: the root's times alone make it forget, and they do not go back."""
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    token = signers.mint(signers.alice, 100, number=2_000).token
    alice.element.holdings.load([token.encode()])
    assert len(alice.store.read().tokens) == 2
    pay(alice, bob, 200)

    def later(days: int) -> None:
        alice.clock.advance(days * DAY)
        made = signers.bundle(created_time_ms=alice.clock.now_ms())
        alice.element.trust.follow(signers.root_public + made.encode())

    ahead = alice.restarted(now_ms=NOW + 20 * DAY)
    ahead.element.holdings.load([token.encode()])
    assert len(ahead.store.read().tokens) == 2 and ahead.balance == 0
    later(90 + 99)
    fresh = signers.mint(signers.alice, 7, number=2_001, expires=alice.clock.now_ms() + DAY)
    alice.element.holdings.load([fresh.token.encode(), token.encode()])
    assert (len(alice.store.read().tokens), alice.balance) == (3, 7)
    later(2)
    for _ in range(2):
        alice.element.holdings.load([token.encode()])
        assert set(alice.store.read().tokens) == {fresh.token.id.hex()}
        assert alice.balance == 7
