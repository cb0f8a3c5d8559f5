"""What is left of tokens that expired goes back to who loaded them, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from central_bank.registration.offline.expiry import RestoreBroken
from central_bank.registration.offline.tables import pieces, tokens
from offline_token.formats import PAYEE_OUTPUT, Chain, Token
from offline_token.signing import certify_device
from offline_token.verify import piece_of
from settlement.core import Answers, Batch, CoreStopped
from tests.central_bank.admitting import KEYS
from tests.central_bank.patient import OVER, PatientCentre, audit
from tests.feeds import told
from tests.offline.centre import Centre

START = 100_000


@pytest.fixture
def centre(tmp_path: Path) -> PatientCentre:
    return PatientCentre(tmp_path)


def circulation(centre: Centre, bank: str = "alpha") -> int:
    return centre.books()[bank][1]


def restored(centre: Centre, bank: str = "alpha") -> list[tuple[int, int]]:
    """(number, fen) of what a bank's feed says was given back."""
    entries = told(centre.central, centre.bank(bank))
    found = [e.tokens_restored for e in entries if e.WhichOneof("event") == "tokens_restored"]
    return [(entry.number, entry.amount_fen) for entry in found]


def test_nothing_goes_back_before_the_grace_is_over(centre: Centre) -> None:
    centre.token(centre.alice, 100)
    centre.clock.advance(OVER)
    assert not centre.central.refunds.step()
    assert centre.float_fen() == 100
    centre.clock.advance(1)
    assert centre.central.refunds.step()
    assert (centre.float_fen(), circulation(centre)) == (0, START)


def test_the_rest_goes_back_once_with_an_event_for_the_bank(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 60)) == (60, "")
    centre.clock.advance(OVER + 1)
    assert centre.central.refunds.step()
    assert not centre.central.refunds.step()
    assert not centre.restart().refunds.step()
    assert restored(centre) == [(1, 40)]
    assert restored(centre, "beta") == []
    assert (centre.float_fen(), circulation(centre)) == (0, START)
    found = audit(centre)
    assert found.problems == []
    assert (found.tokens.registered_fen, found.tokens.restored_fen) == (100, 40)


def test_of_what_was_deposited_whole_nothing_goes_back(centre: Centre) -> None:
    assert centre.deposit(centre.token(centre.alice, 100)) == (100, "")
    centre.clock.advance(OVER + 1)
    assert centre.central.refunds.step()
    assert not centre.central.refunds.step()
    assert restored(centre) == []
    assert audit(centre).problems == []


def test_what_the_float_paid_for_a_double_spend_does_not_go_back(centre: Centre) -> None:
    centre.pay_in("alpha", 1_000)
    token = centre.token(centre.alice, 100)
    for payee in (centre.bob, centre.carol):
        assert centre.deposit(centre.pay(token, centre.alice, payee, 45)) == (45, "")
    centre.clock.advance(OVER + 1)
    assert centre.central.refunds.step()
    assert restored(centre) == [(1, 10)]
    assert audit(centre).problems == []


def test_the_tokens_of_one_load_go_back_together(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "central_bank.registration.offline.issuance.sizes", lambda fen: [100, fen - 100]
    )
    _, encoded = centre.register(centre.alice, 150, number=7)
    large = max((Token.decode(body) for body in encoded), key=lambda token: token.value_fen)
    assert len(encoded) == 2
    paid = centre.pay(Chain(large), centre.alice, centre.dan, 30)
    assert centre.deposit(paid, bank="beta") == (30, "")
    centre.clock.advance(OVER + 1)
    assert centre.central.refunds.step()
    assert restored(centre) == [(7, 120)]
    assert circulation(centre) == START - 30
    assert audit(centre).problems == []


def test_each_bank_gets_its_own_back_whatever_the_numbers(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.expiry.MAX_RESTORED", 2)
    centre.issue(centre.beta, 1_000)
    for bank, owner in (("alpha", centre.alice), ("beta", centre.dan)):
        for number in (500, 3, 400, 70):
            centre.register(owner, number, number, bank)
    centre.clock.advance(OVER + 1)
    steps = [centre.central.refunds.step() for _ in range(5)]
    assert steps == [True] * 4 + [False]
    for bank in ("alpha", "beta"):
        assert sorted(restored(centre, bank)) == [(n, n) for n in (3, 70, 400, 500)]
    assert audit(centre).problems == []


def test_a_piece_can_be_deposited_within_the_grace_and_not_after_it(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    one, other = (centre.pay(token, centre.alice, to, 50) for to in (centre.bob, centre.carol))
    centre.clock.advance(OVER)
    assert centre.deposit(one) == (50, "")
    centre.clock.advance(1)
    assert centre.deposit(other) == (0, "TOKEN_EXPIRED")
    assert centre.deposit(one, output=1) == (0, "TOKEN_EXPIRED")
    assert centre.central.refunds.step()
    assert restored(centre) == [(1, 50)]


def test_what_went_back_is_not_deposited_by_a_clock_that_was_set_back(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    centre.clock.advance(OVER + 1)
    assert centre.central.refunds.step()
    centre.clock.set_back(OVER + 1)
    assert centre.deposit(token) == (0, "TOKEN_EXPIRED")
    assert (centre.float_fen(), circulation(centre)) == (0, START)


def test_a_deposit_keeps_its_answer_after_the_rest_went_back(centre: Centre) -> None:
    item = centre.item(centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60))
    first = centre.send(item)
    centre.clock.advance(OVER + 1)
    centre.central.refunds.step()
    assert centre.send(item) == first


def test_a_load_that_is_repeated_after_it_went_back_moves_nothing(centre: Centre) -> None:
    first = centre.register(centre.alice, 100, number=5)
    centre.clock.advance(OVER + 1)
    centre.central.refunds.step()
    assert centre.register(centre.alice, 100, number=5) == first
    assert not centre.central.refunds.step()
    assert (centre.float_fen(), circulation(centre)) == (0, START)


def test_a_stop_between_the_journal_and_the_answer(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.token(centre.alice, 100)
    centre.clock.advance(OVER + 1)
    ledger = centre.central.books.ledger
    submit = ledger.submit

    def unanswered(batch: Batch) -> Answers:
        submit(batch)
        raise CoreStopped("the process died")

    monkeypatch.setattr(ledger, "submit", unanswered)
    with pytest.raises(CoreStopped):
        centre.central.refunds.step()
    assert not centre.restart().refunds.step()
    assert restored(centre) == [(1, 100)]
    assert audit(centre).problems == []


def test_a_lost_mark_moves_nothing_twice(centre: Centre) -> None:
    centre.token(centre.alice, 100)
    centre.clock.advance(OVER + 1)
    centre.central.refunds.step()
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(restored_fen=None))
    assert audit(centre).problems
    assert centre.central.refunds.step()
    assert circulation(centre) == START
    with centre.engine.connect() as connection:
        assert connection.execute(select(tokens.c.restored_fen)).scalars().all() == [100]
    assert audit(centre).problems == []


def test_a_mark_that_was_changed_is_named_by_the_audit(centre: Centre) -> None:
    token = centre.token(centre.alice, 100).token
    centre.clock.advance(OVER + 1)
    centre.central.refunds.step()
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(restored_fen=99))
    problems = audit(centre).problems
    assert any(token.id.hex() in problem for problem in problems)
    assert any("number=1" in problem for problem in problems)


def test_a_float_that_is_short_stops_it_and_marks_nothing(centre: Centre) -> None:
    centre.token(centre.alice, 100)
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(value_fen=101))
    centre.clock.advance(OVER + 1)
    with pytest.raises(RestoreBroken, match="load 1"):
        centre.central.refunds.step()
    with centre.engine.connect() as connection:
        assert connection.execute(select(tokens.c.restored_fen)).scalars().all() == [None]


def test_who_took_money_while_the_payer_was_certified_does_not_lose_it_later(
    centre: Centre,
) -> None:
    day_ms = 86_400_000
    ends_ms = centre.clock.now_ms() + day_ms
    short = certify_device(KEYS["alpha"], "alpha", centre.alice.public, ends_ms)
    alice = replace(centre.alice, certificate=short)
    paid = centre.pay(centre.token(alice, 100), alice, centre.bob, 60)
    centre.clock.advance(5 * day_ms)
    assert centre.deposit(paid) == (60, "")
    ended = certify_device(KEYS["alpha"], "alpha", alice.public, centre.clock.now_ms() - 1)
    fresh = centre.token(centre.alice, 100)
    late = centre.pay(fresh, replace(alice, certificate=ended), centre.bob, 60)
    assert centre.deposit(late) == (0, "DEVICE_EXPIRED")


def test_the_audit_names_money_that_went_back_before_its_payees_could_bring_it_in(
    centre: PatientCentre,
) -> None:
    """Whoever has the centre's database gives a loader back what the loader has paid away."""
    token = centre.token(centre.alice, 100)
    paid = centre.pay(token, centre.alice, centre.dan, 60)
    with centre.engine.begin() as connection:
        meant = connection.execute(select(tokens.c.expires_time_ms)).scalar_one()
        connection.execute(update(tokens).values(expires_time_ms=1))
    assert any("not as it was registered" in problem for problem in audit(centre).problems)
    assert centre.central.refunds.step()
    assert centre.deposit(paid, bank="beta") == (0, "TOKEN_EXPIRED")
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(expires_time_ms=meant))
    (problem,) = audit(centre).problems
    assert "went back before its tokens had ended" in problem


@pytest.mark.parametrize("at", [0, 1, 20, 30, 60, 70])
def test_the_audit_names_a_token_of_which_a_byte_was_changed_so_that_its_deposits_are_refused(
    centre: PatientCentre, at: int
) -> None:
    centre.token(centre.alice, 100)
    assert audit(centre).problems == []
    with centre.engine.begin() as connection:
        body = bytearray(connection.execute(select(tokens.c.body)).scalar_one())
        body[at] ^= 1
        connection.execute(update(tokens).values(body=bytes(body)))
    assert any("not as it was registered" in problem for problem in audit(centre).problems)


def test_the_audit_names_money_that_was_moved_from_one_token_of_a_deposit_to_another(
    centre: PatientCentre,
) -> None:
    """Else whoever writes the tables has one loader paid out of another's money."""
    mine, hers = centre.token(centre.alice, 100), centre.token(centre.bob, 100)
    brought = (
        centre.pay(mine, centre.alice, centre.dan, 60),
        centre.pay(hers, centre.bob, centre.dan, 20),
    )
    assert centre.deposit(*brought, bank="beta") == (80, "")
    assert audit(centre).problems == []
    for token_id, fen in ((mine.token.id, 0), (hers.token.id, 80)):
        with centre.engine.begin() as connection:
            its = (pieces.c.token_id == token_id) & (pieces.c.retired_fen > 0)
            connection.execute(update(pieces).where(its).values(retired_fen=fen))
    named = " ".join(audit(centre).problems)
    for token, paid in (
        (mine, "retired_fen is 0, the deposits say 60"),
        (hers, "retired_fen is 80, the deposits say 20"),
    ):
        assert f"token_id={token.token.id.hex()}" in named and paid in named


def test_the_audit_names_a_piece_that_was_written_down_as_deposited_and_is_not(
    centre: PatientCentre,
) -> None:
    """Else its owner is told, with the root's word for it, that he has had his money."""
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.dan, 60)
    assert centre.deposit(centre.token(centre.bob, 50)) == (50, "")
    with centre.engine.begin() as connection:
        there = dict(connection.execute(select(pieces)).mappings().one())
        piece = piece_of(paid, PAYEE_OUTPUT)
        forged = {"token_id": piece.token_id, "piece_id": piece.id, "retired_fen": 0}
        connection.execute(insert(pieces).values({**there, **forged, "claimed_fen": 0}))
    (problem,) = audit(centre).problems
    assert f"piece_id={piece.id.hex()}" in problem
    assert "no deposit that was paid says so" in problem
    assert centre.deposit(paid, bank="beta") == (0, "ALREADY_DEPOSITED")


@pytest.mark.parametrize("change", ["owner", "id"])
def test_the_audit_names_a_token_that_was_altered_in_its_row_and_its_bytes_alike(
    centre: PatientCentre, change: str
) -> None:
    """Its deposits are refused by the row, until the money goes back to who loaded it."""
    token = centre.token(centre.alice, 100).token
    forged = {
        "owner": replace(token, owner=centre.dan.public),
        "id": replace(token, id=bytes(16)),
    }[change]
    row = {"owner": forged.owner, "token_id": forged.id, "body": forged.encode()}
    with centre.engine.begin() as connection:
        connection.execute(update(tokens).values(row))
    named = " ".join(audit(centre).problems)
    assert f"token_id={forged.id.hex()}" in named
    assert "the signature is not by the key that it must be by" in named
    assert ("ordered for another device" in named) == (change == "owner")
