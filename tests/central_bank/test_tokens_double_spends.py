"""Pieces that were spent twice: both payees are paid, the cheater is not, and his bank pays."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from central_bank import limits
from central_bank.ledger import accounts
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.tables import pieces, tokens
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit, sign_deposit
from offline_token.formats import Chain
from offline_token.verify import check_bundle, piece_of
from tests.feeds import told
from tests.offline.centre import Centre
from tests.offline.signers import Device, key_of

RESERVES = 50_000


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return made(tmp_path)


def made(folder: Path) -> Centre:
    """Both banks have reserves left, and both have circulation."""
    centre = Centre(folder)
    centre.issue(centre.beta, 100_000)
    for bank in ("alpha", "beta"):
        centre.pay_in(bank, RESERVES)
    return centre


def balance(centre: Centre, account: int) -> int:
    return int(centre.central.books.ledger.read([account])[0]["available_fen"])


def borne(centre: Centre) -> dict[str, int]:
    """What each bank's reserves have lost; proves equations 1 and 3 on the way."""
    books = centre.books()
    with centre.engine.connect() as connection:
        registered = sum(connection.execute(select(tokens.c.value_fen)).scalars())
        deposited = select(pieces.c.retired_fen).where(pieces.c.spent_by == DEPOSITED)
        retired = sum(connection.execute(deposited).scalars())
        per_token: dict[bytes, int] = defaultdict(int)
        ends = select(pieces.c.token_id, pieces.c.retired_fen)
        for token, fen in connection.execute(ends.where(pieces.c.spent_by == DEPOSITED)):
            per_token[token] += fen
        for token, fen in connection.execute(select(tokens.c.token_id, tokens.c.value_fen)):
            assert per_token.pop(token, 0) <= fen
    assert not per_token
    assert balance(centre, accounts.OFFLINE_FLOAT) == registered - retired
    return {name: RESERVES - held for name, (held, _) in books.items()}


def evidence(centre: Centre, bank: str = "") -> list[bytes]:
    """The device keys in the evidence that a bank may see; each case is proved."""
    cases = centre.central.evidence.list(centre.bank(bank) if bank else None, 100, None)
    assert [c.double_spend.wrong(centre.central.devices.root_key) for c in cases] == [""] * len(
        cases
    )
    return [case.double_spend.device_certificate.key for case in cases]


def spent_twice(centre: Centre, fen: int = 100) -> tuple[Chain, Chain]:
    """Alice's token, paid to Bob and to Dan."""
    token = centre.token(centre.alice, fen)
    to_bob = centre.pay(token, centre.alice, centre.bob, fen)
    return to_bob, centre.pay(token, centre.alice, centre.dan, fen)


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
    monkeypatch.setattr("central_bank.registration.offline.verification._AT_ONCE", 2)
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
    assert [one.verdict for one in answers] == ["", "", "", "ENDORSEMENT_FORGED", ""]
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
    assert centre.send(to_the_other, bank=bank)[0].verdict == "NOT_FOR_THIS_PAYEE"
    forged = centre.item(token, bank=bank)
    deposit = Deposit.decode(forged.offline_payment)
    (end,) = deposit.endorsements
    for name in ("bob", "mallory"):
        stolen = sign_deposit(key_of(name), token.token.piece_id(), end)
        forged.offline_payment = replace(deposit, endorsements=(stolen,)).encode()
        assert centre.send(forged, bank=bank)[0].verdict == "DEPOSIT_FORGED"
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
        patch.setattr("central_bank.registration.offline.deposits._moves", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            centre.send(item, bank="beta")
    assert balance(centre, accounts.loss(centre.alpha.index)) == 100
    assert centre.books()["alpha"][0] == RESERVES - 100
    centre.restart()
    assert centre.send(item, bank="beta")[0].amount_fen == 100
    assert balance(centre, accounts.loss(centre.alpha.index)) == 0
    assert borne(centre) == {"alpha": 100, "beta": 0}


def test_the_device_is_revoked_and_loads_no_more(centre: Centre) -> None:
    lost_answer = next(centre.numbers)
    _, made_before = centre.register(centre.alice, 10, lost_answer)
    for chain in spent_twice(centre):
        centre.deposit(chain)
    bundle = centre.central.devices.bundle()
    assert bundle.revoked == (centre.alice.revocation,)
    assert check_bundle(bundle, centre.central.devices.root_key, centre.clock.now_ms()) == 0
    number = next(centre.numbers)
    for _ in range(2):
        outcome, made_now = centre.register(centre.alice, 10, number)
        assert (outcome.state, outcome.reason, made_now) == (
            registration_pb2.OUTCOME_STATE_REFUSED,
            errors_pb2.REASON_DEVICE_REVOKED,
            [],
        )
    outcome, again = centre.register(centre.alice, 10, lost_answer)
    assert (outcome.state, again) == (registration_pb2.OUTCOME_STATE_SETTLED, made_before)
    entries = told(centre.central, centre.alpha)
    ended = [e.outgoing_ended for e in entries if e.WhichOneof("event") == "outgoing_ended"]
    assert [(e.number, e.reason) for e in ended] == [(number, errors_pb2.REASON_DEVICE_REVOKED)]


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


def test_payees_are_paid_although_the_device_or_its_bank_was_cut_off(centre: Centre) -> None:
    to_bob, to_dan = spent_twice(centre)
    centre.central.devices.revoke(centre.alpha, centre.alice.public, "stolen")
    centre.central.registry.set_suspended("alpha", True)
    for chain in (to_bob, to_dan):
        assert centre.deposit(chain, bank="beta") == (100, "")


def test_the_bundle_lists_the_devices_revoked_last(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.revocation_list.MAX_LISTED", 2)
    certificates = [centre.signers.certify(bytes([n]) * 32, "alpha") for n in range(3)]
    for number in range(3):
        centre.clock.advance(1)
        centre.central.devices.revoke(centre.alpha, certificates[number].key, "a test")
    bundle = centre.central.devices.bundle()
    assert bundle.revoked == tuple(each.revocation() for each in certificates[1:])
    assert bundle.may_be_revoked(certificates[0].revocation())
    assert centre.central.devices.is_revoked(certificates[0])


def test_evidence_is_shown_to_the_banks_that_it_concerns(centre: Centre) -> None:
    token = centre.token(centre.dan, 100)
    for payee in (centre.erin, centre.dan):
        centre.deposit(centre.pay(token, centre.dan, payee, 100), bank="beta")
    assert evidence(centre) == evidence(centre, "beta") == [centre.dan.public]
    assert evidence(centre, "alpha") == []
    assert centre.deposit(centre.pay(token, centre.dan, centre.bob, 100)) == (100, "")
    assert evidence(centre, "alpha") == [centre.dan.public]


def test_evidence_that_was_tampered_with_proves_nothing(centre: Centre) -> None:
    root = centre.central.devices.root_key
    for chain in spent_twice(centre):
        centre.deposit(chain)
    (case,) = centre.central.evidence.list(None, 1, None)
    good = case.double_spend
    assert good.wrong(root) == ""
    assert "root" in good.wrong(centre.alice.public)
    changes = [
        {"piece_id": bytes(32)},
        {"piece_id": bytes(31)},
        {"first": good.second},
        {"first": replace(good.first, amount_fen=1)},
        {"second": replace(good.second, payee=bytes(32))},
        {"device_certificate": centre.bob.certificate},
        {"device_certificate": centre.dan.certificate},
        {"bank_certificate": replace(good.bank_certificate, key=centre.bob.public)},
    ]
    for change in changes:
        assert replace(good, **change).wrong(root)
    assert type(good).from_fields(good.as_fields()) == good


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
