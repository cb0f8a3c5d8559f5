"""Deposits and loads that come while old tokens are being deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from central_bank.registration.offline import pruned_chain
from central_bank.registration.offline.tables import tokens
from tests.central_bank.patient import PatientCentre, audit
from tests.central_bank.pruned import LONG_AFTER, count, ended


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[PatientCentre]:
    made = PatientCentre(tmp_path, database_url)
    yield made
    made.engine.dispose()


def test_a_deposit_between_one_batch_and_the_next_is_refused_by_what_the_chain_promises(
    centre: PatientCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three tokens of one moment two have gone; each deposit waits for just that."""
    chains = [centre.token(centre.alice, 10) for _ in range(3)]
    assert centre.deposit(chains[0]) == (10, "")
    ended(centre)
    monkeypatch.setattr("central_bank.registration.offline.pruning.MAX_PRUNED_ROWS", 2)
    before = centre.books()
    while centre.central.pruning.prune():
        centre.clock.set_back(LONG_AFTER)
        for chain in chains:
            for bank in ("alpha", "beta"):
                assert centre.deposit(chain, bank=bank) == (0, "TOKEN_EXPIRED")
        centre.clock.advance(LONG_AFTER)
    assert count(centre, tokens) == 0
    assert centre.books() == before
    assert audit(centre).problems == []


def test_a_token_that_goes_between_the_two_looks_of_a_deposit_is_refused(
    centre: PatientCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a database shows each look by itself, the promise has to be looked at last."""
    token = centre.token(centre.alice, 10)
    ended(centre)
    real = pruned_chain.forgotten_before
    gone: list[object] = []

    def just_before(connection: Connection) -> int:
        promise = real(connection)
        if not gone:
            gone.append(centre.central.pruning.prune())
        return promise

    monkeypatch.setattr(
        "central_bank.registration.offline.registered.forgotten_before", just_before
    )
    centre.clock.set_back(LONG_AFTER)
    assert centre.deposit(token) == (0, "TOKEN_EXPIRED")
    assert (gone, count(centre, tokens)) == ([1], 0)


def test_one_token_that_has_not_gone_back_holds_the_promise_for_all_that_end_later(
    centre: PatientCentre,
) -> None:
    stuck = centre.token(centre.alice, 10)
    centre.clock.advance(1)
    later = centre.token(centre.bob, 10)
    ended(centre)
    with centre.engine.begin() as connection:
        kept = tokens.c.token_id == stuck.token.id
        connection.execute(update(tokens).where(kept).values(restored_fen=None))
    assert centre.central.pruning.prune() == 0, "nothing has ended for good before the stuck one"
    assert count(centre, tokens) == 2
    with centre.engine.connect() as connection:
        assert pruned_chain.forgotten_before(connection) == 0
    assert centre.central.refunds.step()
    assert centre.central.pruning.prune() == 2
    with centre.engine.connect() as connection:
        assert pruned_chain.forgotten_before(connection) > later.token.expires_time_ms


def test_a_load_that_is_repeated_after_it_was_forgotten_makes_no_token(
    centre: PatientCentre,
) -> None:
    first, made = centre.register(centre.alice, 100, number=5)
    assert len(made) == 1
    ended(centre)
    assert centre.central.pruning.prune()
    before = centre.books()
    again, none = centre.register(centre.alice, 100, number=5)
    assert (again.state, none) == (first.state, [])
    assert centre.books() == before
    assert (count(centre, tokens), audit(centre).problems) == (0, [])
