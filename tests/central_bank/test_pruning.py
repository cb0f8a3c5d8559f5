"""What nothing can come of any more is deleted by its age; what it came to is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, select, update

from central_bank import limits
from central_bank.authentication.tables import revoked_devices
from central_bank.registration.offline import pruned_chain, pruning
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.tables import evidence, losses, pieces, pruned, tokens
from offline_token.formats import Chain
from tests.central_bank.test_restore import OVER, PatientCentre, audit, offline_float
from tests.offline.signers import DAY

LONG_AFTER = limits.TOKEN_LIFETIME_MS + limits.PRUNE_AFTER_MS


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[PatientCentre]:
    made = PatientCentre(tmp_path, database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def only_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens keep their rows for the time being."""
    monkeypatch.setattr("central_bank.registration.offline.pruning.Pruning._tokens", lambda *_: 0)


def count(centre: PatientCentre, table: Table) -> int:
    with centre.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def spent(centre: PatientCentre) -> tuple[Chain, Chain]:
    """A token of 100 of which two payees have deposited 30 and 50; its loader has the rest."""
    token = centre.token(centre.alice, 100)
    first = centre.pay(token, centre.alice, centre.bob, 30)
    second = centre.pay(first, centre.alice, centre.carol, 50, spend=1)
    assert centre.deposit(first) == (30, "")
    assert centre.deposit(second) == (50, "")
    return first, second


def ended(centre: PatientCentre, after_ms: int = LONG_AFTER + 1) -> None:
    """So much later, with all refunds made on their way."""
    centre.clock.advance(after_ms)
    while centre.central.restoring.step():
        pass


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
    assert offline_float(centre) == 0
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
    assert not centre.central.restoring.step()
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
    assert centre.central.restoring.step()
    assert centre.books() == before
    assert audit(centre).problems == []


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
    real, gone = pruned_chain.forgotten_before, []

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
    assert centre.central.restoring.step()
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


def cheated(centre: PatientCentre) -> tuple[Chain, Chain]:
    """Alice pays the same 100 to Bob and to Carol, and her bank bears 100."""
    centre.pay_in("alpha", 1_000)
    token = centre.token(centre.alice, 100)
    chains = tuple(centre.pay(token, centre.alice, to, 100) for to in (centre.bob, centre.carol))
    for chain in chains:
        assert centre.deposit(chain) == (100, "")
    return chains[0], chains[1]


def test_what_was_borne_is_forgotten_with_its_token_and_still_told(centre: PatientCentre) -> None:
    cheated(centre)
    ended(centre)
    before = audit(centre).tokens.lost_fen
    assert sum(before.values()) == 100
    assert centre.central.pruning.prune()
    assert (count(centre, losses), count(centre, evidence)) == (0, 1)
    found = audit(centre)
    assert (found.problems, found.tokens.lost_fen) == ([], before)


def test_evidence_is_kept_for_ten_years_and_its_digest_for_ever(centre: PatientCentre) -> None:
    chains = cheated(centre)
    ended(centre)
    assert centre.central.pruning.prune()
    (case,) = centre.central.evidence.list(None, 10, None)
    ended(centre, limits.EVIDENCE_KEPT_MS - LONG_AFTER - 1)
    assert centre.central.pruning.prune() == 0
    with centre.engine.connect() as connection:
        (row,) = connection.execute(select(evidence)).all()
    ended(centre, 1)
    assert centre.central.pruning.prune() == 1
    assert centre.central.evidence.list(None, 10, None) == []
    with centre.engine.connect() as connection:
        last = connection.execute(select(pruned).order_by(pruned.c.number.desc())).first()
    assert last is not None and last.what == "evidence"
    piece, token, time_ms, digest = pruned_chain.ENTRIES["evidence"].unpack(bytes(last.entries))
    assert (piece, token) == (case.double_spend.piece_id, chains[0].token.id)
    assert (time_ms, digest) == (case.time_ms, pruned_chain.digest_of([row]))
    assert audit(centre).problems == []
    before = centre.books()
    for chain in chains:
        assert centre.deposit(chain) == (0, "TOKEN_EXPIRED")
    assert (count(centre, evidence), centre.books()) == (0, before)


@pytest.mark.parametrize("forgotten", [False, True])
def test_the_audit_names_evidence_that_went_without_a_proof(
    centre: PatientCentre, forgotten: bool
) -> None:
    cheated(centre)
    ended(centre)
    if forgotten:
        assert centre.central.pruning.prune()
    assert audit(centre).problems == []
    with centre.engine.begin() as connection:
        connection.execute(delete(evidence))
    assert any("a bank bore a loss without it" in each for each in audit(centre).problems)


def forged(centre: PatientCentre, gone: pruned_chain.Gone, until_ms: int = 0) -> list[str]:
    """What the audit says of a row that somebody with the database has put into the chain."""
    with centre.engine.begin() as connection:
        pruned_chain.append(connection, gone, centre.clock.now_ms(), until_ms=until_ms)
    return audit(centre).problems


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


def test_evidence_that_is_forged_to_have_gone_by_its_age_is_named(centre: PatientCentre) -> None:
    cheated(centre)
    with centre.engine.begin() as connection:
        row = connection.execute(select(evidence)).one()
        connection.execute(delete(evidence))
    entry = (bytes(row.piece_id), bytes(row.token_id), row.time_ms, pruned_chain.digest_of([row]))
    problems = forged(centre, pruned_chain.Gone("evidence", [row], [entry]))
    assert any("went before it was old enough" in each for each in problems)


def revoked(centre: PatientCentre) -> int:
    return count(centre, revoked_devices)


def test_a_revocation_goes_once_no_certificate_of_its_device_can_be_good(
    centre: PatientCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.pruning.REVOKED_ANYHOW", 0)
    devices = centre.central.devices
    devices.revoke_own(centre.alpha, [centre.alice.certificate.encode()], "of one wallet")
    centre.clock.advance(1)
    devices.revoke_proven(centre.alpha, centre.bob.public, "it spent a piece twice")
    devices.revoke(centre.alpha, centre.carol.public, "an officer said so")
    ended(centre, limits.REVOKED_KEPT_MS - 1)
    assert (centre.central.pruning.prune(), revoked(centre)) == (0, 3)
    ended(centre, 1)
    assert (centre.central.pruning.prune(), revoked(centre)) == (1, 2)
    assert not devices.is_revoked(centre.alice.certificate)
    assert devices.is_revoked(centre.bob.certificate)
    ended(centre, 10 * limits.REVOKED_KEPT_MS)
    centre.central.pruning.prune()
    assert devices.is_revoked(centre.carol.certificate), "an officer's word stays"
    assert audit(centre).problems == []


def test_the_last_revocations_stay_and_a_clock_that_jumped_takes_none(
    centre: PatientCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.pruning.REVOKED_ANYHOW", 1)
    devices = centre.central.devices
    for each in (centre.alice, centre.bob, centre.carol):
        devices.revoke_own(centre.alpha, [each.certificate.encode()], "of one wallet")
        centre.clock.advance(1)
    centre.clock.set_back(-2 * limits.REVOKED_KEPT_MS)
    assert not centre.central.restoring.step()
    assert (centre.central.pruning.prune(), revoked(centre)) == (0, 3)
    centre.clock.set_back(2 * limits.REVOKED_KEPT_MS)
    ended(centre, 2 * limits.REVOKED_KEPT_MS)
    assert (centre.central.pruning.prune(), revoked(centre)) == (1, 2)


def test_a_device_that_officers_name_while_its_revocation_goes_stays_revoked(
    centre: PatientCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.pruning.REVOKED_ANYHOW", 0)
    devices = centre.central.devices
    for each in (centre.alice, centre.bob):
        devices.revoke_own(centre.alpha, [each.certificate.encode()], "of one wallet")
    ended(centre, 2 * limits.REVOKED_KEPT_MS)
    looked = pruning._old_revocations
    seen: list[int] = []

    def then_named(connection: Connection, before_ms: int, most: int) -> Any:
        found = looked(connection, before_ms, most)
        if not seen:
            seen.append(len(found))
            connection.rollback()
            devices.revoke(centre.alpha, centre.alice.public, "an officer said so")
        return found

    monkeypatch.setattr(pruning, "_old_revocations", then_named)
    centre.central.pruning.prune()
    assert seen == [1]
    assert devices.is_revoked(centre.alice.certificate)
