"""Who bears what was spent twice, in whatever order it comes in, and that the sums stay whole."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit import audit_engines
from central_bank.ledger import accounts
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from deployment.topology import CENTRAL_BANK
from offline_token.verify import piece_of
from tests.central_bank.double_spending import RESERVES, balance, borne, evidence, made, spent_twice
from tests.feeds import told
from tests.offline.centre import Centre
from tests.offline.signers import Device


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return made(tmp_path)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 3, 0), (2, 0, 3, 1)])
def test_each_loss_falls_on_the_piece_where_more_was_claimed_than_there_was(
    centre: Centre, order: tuple[int, ...]
) -> None:
    """Alice of alpha spends 1,000 twice; Dan of beta, whom she pays, adds a fen and then ten.

    However little a second cheat does, and whenever it comes in, he moves nothing of her loss.
    """
    token = centre.token(centre.alice, 1_000)
    to_bob = centre.pay(token, centre.alice, centre.bob, 1_000)
    to_dan = centre.pay(token, centre.alice, centre.dan, 1_000)
    chains = [
        to_bob,
        centre.pay(to_dan, centre.dan, centre.carol, 1),
        centre.pay(to_dan, centre.dan, centre.erin, 1_000),
        centre.pay(to_dan, centre.dan, centre.bob, 10),
    ]
    paid_fen = sum(centre.deposit(chains[index])[0] for index in order)
    assert paid_fen == 2_011
    assert borne(centre) == {"alpha": 1_000, "beta": 11}
    centre.restart()
    assert centre.deposit(to_dan)[1] == "SPENT_TWICE"


def test_one_deposit_may_bring_in_losses_at_several_pieces(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 100)) == (100, "")
    to_dan = centre.pay(token, centre.alice, centre.dan, 100)
    assert centre.deposit(centre.pay(to_dan, centre.dan, centre.carol, 60)) == (60, "")
    assert borne(centre) == {"alpha": 60, "beta": 0}
    assert centre.deposit(centre.pay(to_dan, centre.dan, centre.erin, 100)) == (100, "")
    assert borne(centre) == {"alpha": 100, "beta": 60}


def test_each_bank_bears_what_its_own_device_did(centre: Centre) -> None:
    """Alice pays twice; one of her payees pays on twice as well."""
    token = centre.token(centre.alice, 100)
    to_bob = centre.pay(token, centre.alice, centre.bob, 100)
    to_dan = centre.pay(token, centre.alice, centre.dan, 100)
    chains = [
        to_bob,
        centre.pay(to_dan, centre.dan, centre.carol, 100),
        centre.pay(to_dan, centre.dan, centre.erin, 100),
    ]
    for chain in chains:
        assert centre.deposit(chain) == (100, "")
    assert borne(centre) == {"alpha": 100, "beta": 100}
    assert evidence(centre) == [centre.dan.public, centre.alice.public]


def test_one_deposit_whose_loss_several_banks_bear(centre: Centre) -> None:
    one, other = centre.token(centre.alice, 100), centre.token(centre.dan, 50)
    assert centre.deposit(centre.pay(one, centre.alice, centre.carol, 100)) == (100, "")
    assert centre.deposit(centre.pay(other, centre.dan, centre.carol, 20)) == (20, "")
    both = (
        centre.pay(one, centre.alice, centre.bob, 100),
        centre.pay(other, centre.dan, centre.bob, 50),
    )
    assert centre.deposit(*both) == (150, "")
    assert borne(centre) == {"alpha": 100, "beta": 20}


@pytest.mark.parametrize(("short", "rich"), [("alpha", "beta"), ("beta", "alpha")])
def test_no_bank_loses_anything_while_another_has_not_enough(
    centre: Centre, short: str, rich: str
) -> None:
    """What a deposit lacks is taken from all banks that bear it, or from none."""
    one, other = centre.token(centre.alice, 100), centre.token(centre.dan, 50)
    assert centre.deposit(centre.pay(one, centre.alice, centre.carol, 100)) == (100, "")
    assert centre.deposit(centre.pay(other, centre.dan, centre.carol, 50)) == (50, "")
    centre.pay_out(short, RESERVES)
    both = (
        centre.pay(one, centre.alice, centre.bob, 100),
        centre.pay(other, centre.dan, centre.bob, 50),
    )
    item = centre.item(*both, bank="alpha")
    assert centre.send(item, bank="alpha")[0].reason == errors_pb2.REASON_RESERVES_SHORT
    assert centre.books()[rich][0] == RESERVES
    assert balance(centre, centre.bank(rich).accounts.loss) == 0
    centre.pay_in(short, RESERVES)
    assert centre.send(item, bank="alpha")[0].amount_fen == 150
    assert borne(centre) == {"alpha": 100, "beta": 50}
    assert audit_engines({CENTRAL_BANK: centre.engine}).problems == []


def test_what_several_pay_for_a_deposit_comes_to_its_bank_in_one_message(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the holder would be told that it is all there after the first part."""
    token = centre.token(centre.alice, 100)
    dan, erin = centre.dan, centre.erin
    assert centre.deposit(centre.pay(token, centre.alice, dan, 60)) == (60, "")
    assert centre.deposit(centre.pay(token, centre.alice, erin, 100)) == (100, "")
    entries = told(centre.central, centre.bank("alpha"))
    monkeypatch.setattr("central_bank.registration.feed.MAX_FEED_ENTRIES", len(entries) - 1)
    feed, bank = centre.central.feed, centre.bank("alpha")
    first, link = feed.after(bank, feed.start(bank, registration_pb2.FeedPlace()))
    second, link = feed.after(bank, link)
    assert first is not None and second is not None
    assert [len(first.entries), len(second.entries)] == [len(entries) - 2, 2]
    for data, fen in zip(second.entries, (40, 60), strict=True):
        part = registration_pb2.FeedEntry.FromString(data).tokens_deposited
        assert (part.amount_fen, part.whole_fen) == (fen, 100)
    within = registration_pb2.FeedEntry.FromString(second.entries[0])
    assert feed.at(bank, within.number) is not None, "a bank that stands there goes on from there"
    assert feed.after(bank, link)[0] is None


def test_descendants_and_ancestors_in_any_order(centre: Centre) -> None:
    """Nobody cheats: change, change of change and what was paid on come in as they like."""
    for order in itertools.permutations(range(4)):
        token = centre.token(centre.alice, 100)
        first = centre.pay(token, centre.alice, centre.bob, 60)
        on = centre.pay(first, centre.bob, centre.dan, 25)
        change = centre.pay(first, centre.alice, centre.erin, 30, spend=1)
        parts = [(on, 0, 25), (on, 1, 35), (change, 0, 30), (change, 1, 10)]
        for chain, output, fen in (parts[index] for index in order):
            assert centre.deposit(chain, output=output) == (fen, "")
        assert balance(centre, accounts.OFFLINE_FLOAT) == 0
    assert borne(centre) == {"alpha": 0, "beta": 0}
    assert evidence(centre) == []


def test_the_loss_does_not_depend_on_the_order(centre: Centre) -> None:
    """Alice pays Bob and Dan with one token; Dan pays his part on twice."""
    before = 0
    orders = list(itertools.permutations(range(4)))
    # All at first: once it has come out, her device loads no more.
    fresh = [centre.token(centre.carol, 100) for _ in orders]
    for order, token in zip(orders, fresh, strict=True):
        first = centre.pay(token, centre.carol, centre.bob, 70)
        second = centre.pay(token, centre.carol, centre.dan, 80)
        chains = [
            first,
            centre.pay(first, centre.carol, centre.alice, 30, spend=1),
            centre.pay(second, centre.dan, centre.erin, 80),
            centre.pay(second, centre.dan, centre.bob, 50),
        ]
        for index in order:
            assert centre.deposit(chains[index])[1] == ""
        lost = sum(borne(centre).values())
        assert lost - before == 70 + 30 + 80 + 50 - 100
        before = lost
    assert set(evidence(centre)) == {centre.carol.public, centre.dan.public}


def test_deposits_at_the_same_instant(centre: Centre) -> None:
    chains = list(spent_twice(centre))
    items = [
        (centre.item(chain, bank=bank), bank) for chain in chains for bank in ("alpha", "beta")
    ]
    answers: list[int] = []
    barrier = threading.Barrier(len(items))

    def send(item: registration_pb2.TokenDepositItem, bank: str) -> None:
        barrier.wait()
        answers.append(centre.send(item, bank=bank)[0].amount_fen)

    threads = [threading.Thread(target=send, args=pair) for pair in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0, 0, 100, 100]
    assert borne(centre) == {"alpha": 100, "beta": 0}


def test_a_deposit_waits_until_the_reserves_suffice(centre: Centre) -> None:
    to_bob, to_dan = spent_twice(centre)
    assert centre.deposit(to_bob) == (100, "")
    centre.pay_out("alpha", RESERVES - 99)
    item = centre.item(to_dan, bank="beta")
    (waiting,) = centre.send(item, bank="beta")
    assert (waiting.state, waiting.reason) == (
        registration_pb2.OUTCOME_STATE_PENDING,
        errors_pb2.REASON_RESERVES_SHORT,
    )
    assert evidence(centre) == [centre.alice.public]
    assert centre.central.devices.is_revoked(centre.alice.certificate)
    centre.pay_in("alpha", 1)
    assert centre.send(item, bank="beta")[0].amount_fen == 100
    assert centre.send(item, bank="beta")[0].amount_fen == 100
    assert centre.books()["alpha"][0] == 0


def test_a_crash_between_taking_the_loss_and_paying_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_bob, to_dan = spent_twice(centre)
    assert centre.deposit(to_bob) == (100, "")
    item = centre.item(to_dan, bank="beta")
    with monkeypatch.context() as patch:
        patch.setattr("central_bank.registration.offline.deposits._paying", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            centre.send(item, bank="beta")
    assert balance(centre, centre.alpha.accounts.loss) == 100
    assert centre.books()["alpha"][0] == RESERVES - 100
    centre.restart()
    assert centre.send(item, bank="beta")[0].amount_fen == 100
    assert balance(centre, centre.alpha.accounts.loss) == 0
    assert borne(centre) == {"alpha": 100, "beta": 0}


PAYMENTS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 1), st.integers(0, 4), st.integers(1, 100)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(PAYMENTS, st.randoms(use_true_random=False))
def test_whatever_is_paid_and_deposited_the_equations_hold(
    tmp_path_factory: pytest.TempPathFactory,
    payments: list[tuple[int, int, int, int]],
    random: Random,
) -> None:
    """Anybody pays any piece to anybody, again and again; then all is deposited in any order."""
    centre = made(tmp_path_factory.mktemp("centre"))
    people = {
        d.public: d for d in (centre.alice, centre.bob, centre.carol, centre.dan, centre.erin)
    }
    devices: list[Device] = list(people.values())
    chains = [(centre.token(centre.alice, 100), 0), (centre.token(centre.dan, 60), 0)]
    for which, output, payee, percent in payments:
        chain, spend = chains[which % len(chains)]
        piece = piece_of(chain, spend)
        fen = max(1, piece.value_fen * percent // 100)
        paid = centre.pay(chain, people[piece.owner], devices[payee], fen, spend)
        chains.append((paid, 0))
        if output and fen < piece.value_fen:
            chains.append((paid, 1))
    random.shuffle(chains)
    paid_fen = 0
    for chain, output in chains:
        paid_fen += centre.deposit(chain, output=output)[0]
    lost = borne(centre)
    assert min(lost.values()) >= 0
    assert paid_fen - sum(lost.values()) <= 160
    assert lost["alpha"] <= 5 * 160 and lost["beta"] <= 5 * 160
