"""Pieces that were spent twice: both payees are paid, the cheater is not, and his bank pays."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from central_bank import limits
from central_bank.ledger import accounts
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit, sign_deposit
from offline_token.formats import Chain
from tests.central_bank.double_spending import balance, borne, evidence, made, spent_twice
from tests.feeds import told
from tests.offline.centre import Centre
from tests.offline.signers import key_of
from tests.refusals import verdict_name


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return made(tmp_path)


@pytest.mark.parametrize("dan_first", [False, True])
def test_both_payees_are_paid_and_the_bank_of_the_device_bears_it(
    centre: Centre, dan_first: bool
) -> None:
    to_bob, to_dan = spent_twice(centre)
    before = centre.books()
    both = [(to_bob, "alpha"), (to_dan, "beta")]
    for chain, bank in reversed(both) if dan_first else both:
        assert centre.deposit(chain, bank=bank) == (100, "")
    after = centre.books()
    assert [after[n][1] - before[n][1] for n in ("alpha", "beta")] == [100, 100]
    assert borne(centre) == {"alpha": 100, "beta": 0}
    assert evidence(centre) == [centre.alice.public]


def test_the_same_chain_again_is_not_paid_again(centre: Centre) -> None:
    to_bob, to_dan = spent_twice(centre)
    for chain in (to_bob, to_dan):
        assert centre.deposit(chain) == (100, "")
    for chain, bank in itertools.product((to_bob, to_dan), ("alpha", "beta")):
        assert centre.deposit(chain, bank=bank) == (0, "ALREADY_DEPOSITED")
    assert borne(centre) == {"alpha": 100, "beta": 0}


def test_a_deposit_sent_again_gets_the_first_answer(centre: Centre) -> None:
    to_bob, to_dan = spent_twice(centre)
    token = centre.token(centre.alice, 70)
    mixed = centre.item(to_dan, centre.pay(token, centre.alice, centre.dan, 70), bank="beta")
    assert centre.deposit(to_bob) == (100, "")
    first = centre.send(mixed, bank="beta")
    assert first[0].amount_fen == 170
    centre.restart()
    assert centre.send(mixed, bank="beta") == first
    other = centre.item(to_bob, bank="beta")
    other.number = mixed.number
    assert centre.send(other, bank="beta")[0].reason == errors_pb2.REASON_ID_REUSED
    assert borne(centre) == {"alpha": 100, "beta": 0}


def test_numbers_that_come_late_are_cleared_together_and_once(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paid() -> registration_pb2.TokenDepositItem:
        token = centre.token(centre.alice, 10)
        return centre.item(centre.pay(token, centre.alice, centre.bob, 10))

    early, late = [paid() for _ in range(3)], [paid() for _ in range(3)]
    known = centre.send(*late)
    with monkeypatch.context() as patch:
        # Nothing stands against them: none is looked at by itself.
        patch.setattr(centre.central.deposits, "_deposit_one", lambda *_: 1 / 0)
        answers = centre.send(*early)
    assert [one.amount_fen for one in answers] == [10, 10, 10]
    assert centre.send(*early, *late) == [*answers, *known]


def test_one_bad_signature_among_many_spoils_only_its_own(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.verification.AT_ONCE", 2)
    items = []
    for index in range(5):
        token = centre.token(centre.alice, 10)
        chain = centre.pay(token, centre.alice, centre.bob, 10)
        if index == 3:
            (hop,) = chain.hops
            forged = replace(hop.endorsement, signature=bytes(64))
            chain = replace(chain, hops=(replace(hop, endorsement=forged),))
        items.append(centre.item(chain))
    answers = centre.send(*items)
    assert [verdict_name(one.verdict) for one in answers] == ["", "", "", "ENDORSEMENT_FORGED", ""]
    assert sum(one.amount_fen for one in answers) == 40


def test_the_feed_has_an_entry_for_each_account_that_pays(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 60)) == (60, "")
    assert centre.deposit(centre.pay(token, centre.alice, centre.dan, 100), bank="beta") == (
        100,
        "",
    )
    entries = told(centre.central, centre.beta)
    found = [e.tokens_deposited for e in entries if e.WhichOneof("event") == "tokens_deposited"]
    assert [(entry.amount_fen, entry.whole_fen) for entry in found] == [(40, 100), (60, 100)]
    assert borne(centre) == {"alpha": 60, "beta": 0}


def test_three_times(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    for payee, bank in ((centre.bob, "alpha"), (centre.dan, "beta"), (centre.erin, "beta")):
        assert centre.deposit(centre.pay(token, centre.alice, payee, 100), bank=bank) == (100, "")
    assert borne(centre) == {"alpha": 200, "beta": 0}
    assert evidence(centre) == [centre.alice.public] * 2


def test_beyond_the_cap_of_a_load_nothing_is_paid(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    paid = [
        centre.deposit(centre.pay(token, centre.alice, centre.bob, 100))
        for _ in range(limits.MAX_LOSS_PER_LOAD + 3)
    ]
    good = 1 + limits.MAX_LOSS_PER_LOAD
    assert paid == [(100, "")] * good + [(0, "SPENT_TWICE")] * 2
    assert borne(centre)["alpha"] == 100 * limits.MAX_LOSS_PER_LOAD
    assert len(evidence(centre)) == good - 1, "what is refused adds none"


def test_beyond_the_cap_of_a_device_nothing_is_paid(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.losses.MAX_LOSS_PER_DEVICE_FEN", 150)
    pairs = [spent_twice(centre) for _ in range(2)]
    assert [centre.deposit(chain) for pair in pairs for chain in pair] == [
        (100, ""), (100, ""), (100, ""), (0, "SPENT_TWICE"),
    ]  # fmt: skip
    other = centre.token(centre.carol, 100)
    for payee in (centre.bob, centre.dan):
        assert centre.deposit(centre.pay(other, centre.carol, payee, 100)) == (100, "")


def test_a_ring_back_to_the_cheater_is_not_paid(centre: Centre) -> None:
    to_bob, to_dan = spent_twice(centre)
    back = centre.pay(to_dan, centre.dan, centre.alice, 100)
    assert centre.deposit(to_bob) == (100, "")
    assert centre.deposit(back) == (0, "SPENT_TWICE")
    itself = centre.pay(Chain(to_bob.token), centre.alice, centre.alice, 100)
    assert centre.deposit(itself) == (0, "SPENT_TWICE")
    assert borne(centre) == {"alpha": 0, "beta": 0}
    assert set(evidence(centre)) == {centre.alice.public}


def test_another_device_of_the_cheater_is_not_paid(centre: Centre) -> None:
    """Alice's bank says that Carol's device is of the same wallet."""
    token = centre.token(centre.alice, 100)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 100)) == (100, "")
    second = centre.pay(token, centre.alice, centre.carol, 100)
    assert centre.deposit(second, own=(centre.alice,)) == (0, "SPENT_TWICE")
    assert borne(centre) == {"alpha": 0, "beta": 0}


def test_the_change_of_a_piece_spent_twice_is_not_paid_to_the_cheater(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    first = centre.pay(token, centre.alice, centre.bob, 60)
    second = centre.pay(token, centre.alice, centre.dan, 60)
    assert centre.deposit(first) == (60, "")
    assert centre.deposit(second, bank="beta") == (60, "")
    for change in (first, second):
        assert centre.deposit(change, output=1) == (0, "SPENT_TWICE")
    # What she kept pays for a part of what she spent twice.
    assert borne(centre) == {"alpha": 20, "beta": 0}


def test_a_piece_that_was_paid_away_is_not_deposited_by_its_payer(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 100)) == (100, "")
    for _ in range(3):
        # Each signed anew, under another id: one proof is enough.
        assert centre.deposit(token) == (0, "SPENT_TWICE")
        assert evidence(centre) == [centre.alice.public]
    assert centre.central.devices.is_revoked(centre.alice.certificate)
    assert proofs_hold(centre)


def test_a_payee_of_money_that_its_payer_had_deposited_is_paid(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    assert centre.deposit(token) == (100, "")
    paid = centre.pay(token, centre.alice, centre.dan, 100)
    assert centre.deposit(paid, bank="beta") == (100, "")
    assert borne(centre) == {"alpha": 100, "beta": 0}
    assert centre.alice.revocation in centre.central.devices.bundle().revoked
    assert evidence(centre) == [centre.alice.public]
    assert proofs_hold(centre)


def proofs_hold(centre: Centre) -> bool:
    """Whether whoever knows the root's key alone is convinced by all the evidence."""
    cases = centre.central.evidence.list(None, limit=50, before_id=None)
    root = centre.central.devices.root_key
    return bool(cases) and not any(case.double_spend.wrong(root) for case in cases)


@pytest.mark.parametrize("bank", ["alpha", "beta"])
def test_a_bank_deposits_nothing_that_its_owner_has_not_signed_over_to_it(
    centre: Centre, bank: str
) -> None:
    """It has seen Alice's money, has certified whom it likes, and has her deposit to another."""
    token = centre.token(centre.alice, 100)
    other = "beta" if bank == "alpha" else "alpha"
    to_the_other = centre.item(token, bank=other)
    assert verdict_name(centre.send(to_the_other, bank=bank)[0].verdict) == "NOT_FOR_THIS_PAYEE"
    forged = centre.item(token, bank=bank)
    deposit = Deposit.decode(forged.offline_payment)
    (end,) = deposit.endorsements
    for name in ("bob", "mallory"):
        stolen = sign_deposit(key_of(name), token.token.piece_id(), end)
        forged.offline_payment = replace(deposit, endorsements=(stolen,)).encode()
        assert verdict_name(centre.send(forged, bank=bank)[0].verdict) == "DEPOSIT_FORGED"
        forged.number = next(centre.numbers)
    assert borne(centre) == {"alpha": 0, "beta": 0}
    assert centre.central.devices.bundle().revoked == ()
    assert centre.deposit(token) == (100, ""), "and Alice's money is where it was"


def test_the_same_piece_signed_over_to_two_wallets_is_paid_once_and_accuses_nobody(
    centre: Centre,
) -> None:
    """Whoever had no answer, or lost a wallet, may sign it over again: nobody is cheated."""
    token = centre.token(centre.alice, 100)
    assert centre.deposit(token, bank="beta") == (100, "")
    assert centre.deposit(token) == (0, "ALREADY_DEPOSITED")
    assert evidence(centre) == []
    assert centre.central.devices.bundle().revoked == ()


def test_no_more_is_registered_than_a_device_may_hold(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.trust_bundle.MAX_OFFLINE_HOLDING_FEN", 100)
    largest, over = next(centre.numbers), next(centre.numbers)
    first = centre.register(centre.alice, 100, largest)
    assert first[0].state == registration_pb2.OUTCOME_STATE_SETTLED
    for _ in range(2):
        outcome, made = centre.register(centre.alice, 101, over)
        assert (outcome.state, outcome.reason, made) == (
            registration_pb2.OUTCOME_STATE_REFUSED,
            errors_pb2.REASON_OVER_BALANCE_CAP,
            [],
        )
    assert balance(centre, accounts.OFFLINE_FLOAT) == 100
    entries = told(centre.central, centre.alpha)
    ended = [e.outgoing_ended for e in entries if e.WhichOneof("event") == "outgoing_ended"]
    assert [(e.number, e.reason) for e in ended] == [(over, errors_pb2.REASON_OVER_BALANCE_CAP)]
    monkeypatch.setattr("central_bank.authentication.trust_bundle.MAX_OFFLINE_HOLDING_FEN", 99)
    assert centre.register(centre.alice, 100, largest) == first, "the rule of then"
