"""Wallets: opened once by their request, frozen and closed, filled and emptied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal
from tests.openings import opening
from tests.operator_bank.fake_central_bank import NOW_MS
from tests.operator_bank.system import DEPOSIT_FEN, II, VAULT_FEN, Holder, System
from tests.refusals import refusal


def test_a_name_makes_class_two_with_a_deposit_and_a_phone_alone_class_four(
    system: System,
) -> None:
    named, known = (
        system.open(name="小明", phone="+86 13800138000"),
        system.open(phone="13800138000"),
    )
    assert named.wallet.wallet_class == wallets_pb2.WALLET_CLASS_II
    assert system.bank.wallets.state(named.wallet).deposit_fen == DEPOSIT_FEN
    assert known.wallet.wallet_class == wallets_pb2.WALLET_CLASS_IV
    assert system.bank.wallets.state(known.wallet).deposit_fen is None
    assert refusal(lambda: known.exchange(1)).name == "NO_DEPOSIT_ACCOUNT"


def freeze(system: System, holder: Holder, frozen: bool) -> None:
    system.bank.directory.set_frozen(holder.number, frozen)


def test_a_frozen_wallet_neither_pays_nor_is_paid(
    system: System, alice: Holder, bob: Holder
) -> None:
    freeze(system, alice, True)
    assert refusal(lambda: alice.pay(bob.number, 1)).name == "WALLET_FROZEN"
    assert refusal(lambda: alice.exchange(1, out=True)).name == "WALLET_FROZEN"
    bob.exchange(10)
    assert refusal(lambda: bob.pay(alice.number, 1)).name == "PAYEE_CANNOT_BE_PAID"
    assert system.bank.wallets.state(alice.wallet).status == wallets_pb2.WALLET_STATUS_FROZEN

    freeze(system, alice, False)
    alice.pay(bob.number, 1)


def test_a_wallet_that_is_asked_for_many_times_at_once_is_opened_once(system: System) -> None:
    bank = system.restart(threaded=True)
    request = opening("alpha", NOW_MS)
    with ThreadPoolExecutor(8) as pool:
        opened = set(pool.map(lambda _: bank.opening.open(request), range(8)))
    system.bank.books.stop()
    system.restart()
    assert len(opened) == 1


def test_a_wallet_is_closed_empty_and_for_good(system: System, alice: Holder, bob: Holder) -> None:
    def close(holder: Holder) -> None:
        system.bank.wallets.close(holder.signed(orders_pb2.CloseOrder, sequence=holder.next()))

    bob.exchange(10)
    assert refusal(lambda: close(bob)).name == "WALLET_NOT_EMPTY"
    bob.exchange(10, out=True)
    close(bob)
    close(bob)
    assert refusal(lambda: alice.pay(bob.number, 1)).name == "PAYEE_CANNOT_BE_PAID"
    assert refusal(lambda: bob.exchange(1)).name == "WALLET_CLOSED"
    freeze(system, bob, False)
    assert system.bank.wallets.state(bob.wallet).status == wallets_pb2.WALLET_STATUS_CLOSED


def test_an_order_to_close_that_was_refused_does_not_close_the_wallet_later(
    system: System, bob: Holder
) -> None:
    """Somebody kept it, and sends it again when the wallet is empty."""
    bob.exchange(10)
    kept = bob.signed(orders_pb2.CloseOrder, sequence=bob.next())
    assert refusal(lambda: system.bank.wallets.close(kept)).name == "WALLET_NOT_EMPTY"
    bob.exchange(10, out=True)
    for bank in (system.bank, system.restart()):
        assert refusal(lambda bank=bank: bank.wallets.close(kept)).name == "WALLET_NOT_EMPTY"
    assert system.bank.wallets.state(bob.wallet).status == wallets_pb2.WALLET_STATUS_OPEN


def test_an_order_to_close_counts_once_and_only_in_its_time(system: System, bob: Holder) -> None:
    bob.exchange(10)
    sequence = bob.sequence
    reused = bob.signed(orders_pb2.CloseOrder, sequence=sequence)
    assert refusal(lambda: system.bank.wallets.close(reused)).name == "ID_REUSED"
    bob.exchange(10, out=True)
    late = bob.signed(orders_pb2.CloseOrder, sequence=bob.next())
    order = bob.signed(orders_pb2.CloseOrder, sequence=bob.next())
    system.bank.wallets.close(order)
    system.clock.advance(60_001)
    system.bank.wallets.close(order)  # it was closed by it in time
    assert refusal(lambda: system.bank.wallets.close(late)).name == "EXPIRED"


def tells_nothing(short: Refusal) -> bool:
    """Whether a holder learns no more than that the bank cannot do it now."""
    return (short.name, short.metadata) == ("BANK_CANNOT_NOW", {}) and not any(
        letter.isdigit() for letter in short.message
    )


def test_an_exchange_moves_both_books_or_none(system: System, alice: Holder) -> None:
    assert alice.exchange(40_000, out=True) == 60_000
    state = system.bank.wallets.state(alice.wallet)
    assert (state.available_fen, state.deposit_fen) == (60_000, DEPOSIT_FEN - 60_000)

    system.limits[II] = (0, *system.limits[II][1:])
    system.publish()
    short = refusal(lambda: alice.exchange(DEPOSIT_FEN))
    assert (short.name, short.metadata["missing_fen"]) == ("DEPOSIT_SHORT", "60000")
    assert refusal(lambda: alice.exchange(60_001, out=True)).metadata["missing_fen"] == "1"
    after = system.bank.wallets.state(alice.wallet)
    assert (after.available_fen, after.deposit_fen) == (state.available_fen, state.deposit_fen)


def test_cash_goes_in_and_out_as_far_as_the_till_reaches(system: System, phone: Holder) -> None:
    assert phone.exchange(2_000, cash=True) == 2_000
    assert phone.exchange(500, cash=True, out=True) == 1_500
    system.hear(incoming=system.arriving(phone.number, 8_000))
    short = refusal(lambda: phone.exchange(2_501, cash=True, out=True))
    assert tells_nothing(short)


def test_an_exchange_that_is_repeated_moves_nothing_more(system: System, alice: Holder) -> None:
    order = alice.exchange_order(300)
    for repeated in (False, True, True):
        answer, available = system.bank.exchange.exchange(order)
        assert (answer.repeated, available) == (repeated, 100_300)


def test_a_vault_that_is_short_asks_for_issuance(system: System, bob: Holder) -> None:
    system.bank.vault.reserve_for_redemption(1, VAULT_FEN - 100)
    short = refusal(lambda: bob.exchange(130))
    assert tells_nothing(short)
    system.bank.send()
    assert list(system.central.issuance.values()) == [30]


def test_a_vault_that_is_short_asks_once_until_somebody_has_decided(
    system: System, bob: Holder, alice: Holder
) -> None:
    vault = system.bank.vault
    vault.reserve_for_redemption(1, vault.books().vault_fen - 100)
    for fen in (130, 150, 140):
        for holder in (bob, alice):
            refusal(lambda h=holder, f=fen: h.exchange(f))
    for _ in range(20):
        system.bank.send()
        system.clock.advance(1_000)
        refusal(lambda: bob.exchange(500))
    assert list(system.central.issuance.values()) == [50], "what the largest order missed"

    system.central.decided |= system.central.issuance.keys()
    system.clock.advance(5_000)
    system.bank.send()
    system.restart()
    refusal(lambda: bob.exchange(500))
    system.bank.send()
    assert sorted(system.central.issuance.values()) == [50, 400]


def test_while_the_centre_is_away_a_top_up_is_answered_at_once_and_asked_for_later(
    system: System, bob: Holder
) -> None:
    vault = system.bank.vault
    vault.reserve_for_redemption(1, vault.books().vault_fen - 100)
    system.central.silent = True
    short = refusal(lambda: bob.exchange(130))
    assert tells_nothing(short)
    with pytest.raises(NoAnswer):
        system.bank.vault.drawing.step()
    system.central.silent = False
    system.clock.advance(5_000)
    system.restart().vault.drawing.step()
    assert list(system.central.issuance.values()) == [30]


def test_issuance_that_the_centre_refuses_is_asked_for_anew_when_it_is_missed_again(
    system: System, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = system.bank.vault
    vault.reserve_for_redemption(1, vault.books().vault_fen - 100)
    asked: list[int] = []

    def no(_: str, fen: int) -> bool:
        asked.append(fen)
        raise Refusal(errors_pb2.REASON_RESERVES_SHORT, "too little", missing_fen="1")

    monkeypatch.setattr(system.central, "request_issuance", no)
    for _ in range(50):
        refusal(lambda: bob.exchange(130))
        system.bank.vault.drawing.step()
    assert asked == [30], "not at once"
    system.clock.advance(5_000)
    system.bank.vault.drawing.step()
    assert asked == [30, 30]
    assert bob.fen == 0
