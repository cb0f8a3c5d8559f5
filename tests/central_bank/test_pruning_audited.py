"""The audit names whoever uses the deletion of old tokens to hide or to change something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from central_bank import limits
from central_bank.registration.offline import pruned_chain
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.tables import pieces, pruned, tokens
from tests.central_bank.patient import PatientCentre, audit
from tests.central_bank.pruned import ended, forged, spent


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[PatientCentre]:
    made = PatientCentre(tmp_path, database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def only_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens keep their rows for the time being."""
    monkeypatch.setattr("central_bank.registration.offline.pruning.Pruning._tokens", lambda *_: 0)


def of(what: str) -> Any:
    return update(pruned).where(pruned.c.what == what)


@pytest.mark.parametrize(
    ("meddle", "words"),
    [
        (of("pieces").values(amount_fen=79), "its entries come to 80"),
        (of("pieces").values(amount_fen=-1), "written behind the one before"),
        (of("pieces").values(entries=b""), "the journal says"),
        (of("pieces").values(entries=b"\0"), "cannot be read"),
        (of("pieces").values(what="coins"), "cannot be read"),
        (of("pieces").values(what="tokens"), "cannot be read"),
        (of("pieces").values(gone=bytes(32)), "written behind the one before"),
        (of("pieces").values(digest=bytes(32)), "written behind the one before"),
        (of("tokens").values(number=3), "written behind the one before"),
        (of("tokens").values(until_ms=1), "forgotten before its tokens had ended"),
        (of("tokens").values(entries=b""), "the journal says 100"),
        (delete(pruned).where(pruned.c.what == "pieces"), "the journal says"),
        (delete(pruned).where(pruned.c.what == "tokens"), "table pruned: its rows come to 80"),
        (delete(pruned), "the journal says"),
    ],
)
def test_the_audit_names_a_proof_that_was_changed(
    centre: PatientCentre, meddle: Any, words: str
) -> None:
    spent(centre)
    ended(centre)
    assert centre.central.pruning.prune()
    with centre.engine.begin() as connection:
        connection.execute(meddle)
    assert any(words in problem for problem in audit(centre).problems)


@pytest.mark.parametrize(
    ("meddle", "words"),
    [
        (update(tokens).values(pruned_fen=79), "were left"),
        (update(tokens).values(restored_fen=None), "deleted before what"),
    ],
)
def test_the_audit_names_a_token_that_was_changed_between_its_pieces_end_and_its_own(
    centre: PatientCentre, only_pieces: None, meddle: Any, words: str
) -> None:
    spent(centre)
    ended(centre)
    assert centre.central.pruning.prune()
    with centre.engine.begin() as connection:
        connection.execute(meddle)
    assert any(words in problem for problem in audit(centre).problems)


def test_the_audit_names_pieces_that_went_without_a_proof(centre: PatientCentre) -> None:
    spent(centre)
    ended(centre)
    with centre.engine.begin() as connection:
        connection.execute(delete(pieces).where(pieces.c.spent_by == DEPOSITED))
        connection.execute(update(tokens).values(pruned=1))
    problems = audit(centre).problems
    assert any("the journal says 30" in problem for problem in problems)


def test_the_audit_names_a_piece_that_is_put_back_in(
    centre: PatientCentre, only_pieces: None
) -> None:
    spent(centre)
    ended(centre)
    with centre.engine.connect() as connection:
        (row, *_) = connection.execute(select(pieces).where(pieces.c.spent_by == DEPOSITED)).all()
    assert centre.central.pruning.prune()
    with centre.engine.begin() as connection:
        connection.execute(pieces.insert().values(row._asdict()))
    assert any("and there are some" in problem for problem in audit(centre).problems)


def test_a_link_that_is_forged_in_form_to_hide_a_live_token_is_named(
    centre: PatientCentre,
) -> None:
    """Its digest is right; the journal still says when the load was made."""
    token = centre.token(centre.alice, 100)
    assert centre.deposit(token) == (100, "")
    ((deposit,), expires_ms) = [d for d in _deposits(centre)], token.token.expires_time_ms
    with centre.engine.begin() as connection:
        connection.execute(delete(pieces))
        connection.execute(delete(tokens))
    pieces_gone = pruned_chain.Gone("pieces", (), [(*deposit, 100)], 100)
    load = pruned_chain.Gone("tokens", (), [(centre.alpha.index, 1, 100, 0)], 100)
    forged(centre, pieces_gone)
    problems = forged(centre, load)
    assert any("forgotten before its tokens had ended" in each for each in problems)
    problems = forged(centre, pruned_chain.Gone("revoked", ()), expires_ms + 1)
    assert any("went before it was old enough" in each for each in problems)


def _deposits(centre: PatientCentre) -> list[tuple[int, int]]:
    with centre.engine.connect() as connection:
        query = select(pieces.c.bank, pieces.c.number).where(pieces.c.spent_by == DEPOSITED)
        return [(row.bank, row.number) for row in connection.execute(query)]


def test_a_promise_that_is_forged_to_have_live_money_refused_is_named(
    centre: PatientCentre,
) -> None:
    token = centre.token(centre.alice, 100)
    ended(centre, limits.TOKEN_LIFETIME_MS + limits.PRUNE_AFTER_MS)
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(restored_fen=None))
    gone = pruned_chain.Gone("revoked", ())
    problems = forged(centre, gone, token.token.expires_time_ms + 1)
    assert any("it has not ended, and the chain says" in each for each in problems)
