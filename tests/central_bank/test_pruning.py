"""Tokens and their pieces are deleted by their age; what they came to is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from central_bank import limits
from central_bank.registration.offline.tables import evidence, pieces, pruned, tokens
from offline_token.formats import Chain
from tests.central_bank.patient import OVER, PatientCentre, audit
from tests.central_bank.pruned import LONG_AFTER, count, ended, spent
from tests.offline.signers import DAY


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[PatientCentre]:
    made = PatientCentre(tmp_path, database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def only_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens keep their rows for the time being."""
    monkeypatch.setattr("central_bank.registration.offline.pruning.Pruning._tokens", lambda *_: 0)


def sums(centre: PatientCentre) -> tuple[int, int, int]:
    found = audit(centre)
    assert found.problems == []
    return found.tokens.registered_fen, found.tokens.redeemed_fen, found.tokens.restored_fen


def test_nothing_is_forgotten_before_no_deposit_can_be_paid_or_blamed(
    centre: PatientCentre,
) -> None:
    spent(centre)
    before = count(centre, pieces)
    ended(centre, OVER + 1)
    assert centre.central.pruning.prune() == 0
    ended(centre, LONG_AFTER - OVER - 1)
    assert centre.central.pruning.prune() == 0
    assert count(centre, pieces) == before
    ended(centre, 1)
    assert centre.central.pruning.prune() == before + 1, "its pieces, and then the token"
    assert (count(centre, pieces), count(centre, tokens), count(centre, pruned)) == (0, 0, 2)


def test_the_books_agree_as_before(centre: PatientCentre) -> None:
    spent(centre)
    centre.deposit(centre.token(centre.carol, 7))
    ended(centre)
    before = sums(centre)
    assert before == (107, 87, 20)
    assert centre.central.pruning.prune()
    assert sums(centre) == before
    assert centre.float_fen() == 0
    fresh = centre.token(centre.device("alice"), 11)
    assert sums(centre) == (118, 87, 20)
    assert centre.deposit(fresh) == (11, "")
    assert sums(centre) == (118, 98, 20)


def test_the_rule_leaves_out_the_grace_and_the_longest_wait() -> None:
    assert limits.PRUNE_AFTER_MS > limits.RESTORE_GRACE_MS + limits.MAX_DEPOSIT_WAIT_MS


def test_a_deposit_of_a_forgotten_piece_is_refused_as_expired_and_blames_nobody(
    centre: PatientCentre,
) -> None:
    centre.pay_in("alpha", 1_000)
    first, _ = spent(centre)
    token = Chain(first.token)
    ended(centre)
    assert centre.central.pruning.prune()
    before = centre.books()
    twice = centre.pay(token, centre.alice, centre.dan, 100)
    for chain in (first, token, twice):
        assert centre.deposit(chain) == (0, "TOKEN_EXPIRED")
        assert centre.deposit(chain, bank="beta") == (0, "TOKEN_EXPIRED")
    assert centre.books() == before
    assert (count(centre, evidence), count(centre, pieces)) == (0, 0)
    assert audit(centre).problems == []


def test_a_clock_that_is_set_back_afterwards_pays_nothing_either(centre: PatientCentre) -> None:
    first, _ = spent(centre)
    ended(centre)
    assert centre.central.pruning.prune()
    centre.clock.set_back(LONG_AFTER)
    centre.restart()
    before = centre.books()
    assert centre.deposit(first) == (0, "TOKEN_EXPIRED")
    assert centre.books() == before


def test_a_deposit_that_was_answered_is_answered_the_same(centre: PatientCentre) -> None:
    item = centre.item(centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60))
    (first,) = centre.send(item)
    ended(centre)
    assert centre.central.pruning.prune()
    before = centre.books()
    (again,) = centre.send(item)
    assert (again.state, again.amount_fen) == (first.state, 60)
    assert centre.books() == before


def test_a_clock_that_jumps_ahead_has_nothing_forgotten(centre: PatientCentre) -> None:
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60)
    assert centre.deposit(paid) == (60, "")
    centre.clock.set_back(-2 * LONG_AFTER)
    assert not centre.central.refunds.step()
    assert centre.central.pruning.prune() == 0
    centre.restart()
    assert centre.central.pruning.prune() == 0


def test_what_has_not_gone_back_yet_is_kept_however_old(centre: PatientCentre) -> None:
    spent(centre)
    ended(centre)
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(restored_fen=None))
    assert centre.central.pruning.prune() == 0


def test_it_goes_in_bounded_batches_and_the_books_agree_after_each(
    centre: PatientCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.pruning.MAX_PRUNED_ROWS", 3)
    monkeypatch.setattr("central_bank.registration.offline.pruning.MAX_PRUNED_TOKENS", 2)
    for _ in range(3):
        spent(centre)
    centre.token(centre.alice, 5)
    live = centre.token(centre.bob, 9)
    total = count(centre, pieces)
    ended(centre, LONG_AFTER - DAY)
    fresh = centre.token(centre.device("carol"), 70)
    assert centre.deposit(fresh) == (70, "")
    ended(centre, DAY + 1)
    before, gone = sums(centre), []
    while rows := centre.central.pruning.prune():
        gone.append(rows)
        centre.restart()
        assert sums(centre) == before
    assert max(gone) <= 2 * 3 and sum(gone) == total + 5 and len(gone) >= total // 3
    assert count(centre, pieces) == 1, "what is not old"
    with centre.engine.connect() as connection:
        kept = connection.execute(select(tokens.c.token_id)).scalars()
        assert [bytes(each) for each in kept] == [fresh.token.id]
    assert centre.deposit(live) == (0, "TOKEN_EXPIRED")


def test_a_mark_that_is_lost_gives_nothing_back_twice(
    centre: PatientCentre, only_pieces: None
) -> None:
    spent(centre)
    ended(centre)
    before = centre.books()
    assert centre.central.pruning.prune()
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(restored_fen=None))
    assert any("deleted before" in problem for problem in audit(centre).problems)
    assert centre.central.refunds.step()
    assert centre.books() == before
    assert audit(centre).problems == []
