"""Evidence and revocations are deleted by their age too, and proofs of them are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select

from central_bank import limits
from central_bank.authentication.tables import revoked_devices
from central_bank.registration.offline import pruned_chain, pruning
from central_bank.registration.offline.tables import evidence, losses, pruned
from offline_token.formats import Chain
from tests.central_bank.patient import PatientCentre, audit
from tests.central_bank.pruned import LONG_AFTER, count, ended, forged


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[PatientCentre]:
    made = PatientCentre(tmp_path, database_url)
    yield made
    made.engine.dispose()


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
    assert not centre.central.refunds.step()
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
