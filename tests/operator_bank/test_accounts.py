"""Numbers of accounts are given once, whatever happens, and a row says to whom."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from operator_bank.ledger.accounts import FIRST_OF_WALLETS, NOBODY, Purpose
from operator_bank.ledger.tables import accounts
from operator_bank.wallets import directory as directory_module
from operator_bank.wallets.known import KnownWallets, Wallet
from operator_bank.wallets.tables import wallets
from settlement.records import AccountFlag, Kind
from tests.operator_bank.system import System


def table(system: System) -> dict[int, tuple[int, int]]:
    """Owner and purpose by number."""
    with system.engine.connect() as connection:
        rows = connection.execute(select(accounts)).all()
    return {row.number: (row.owner, row.purpose) for row in rows}


def opened(system: System) -> list[int]:
    """Accounts of wallets, in the order of the records that opened them."""
    found: list[int] = []
    journal = system.bank.books.journal
    position = 0
    while entries := journal.read(position):
        for entry in entries:
            opens = entry.records["credit"][entry.records["kind"] == Kind.OPEN].tolist()
            found += [account for account in opens if account >= FIRST_OF_WALLETS]
            position = entry.last_position
    return found


def test_a_wallet_has_a_row_for_each_of_its_accounts(system: System) -> None:
    alice, nameless = (
        system.open(name="Alice").wallet,
        system.open(name="", phone="13800000000").wallet,
    )
    assert table(system) == {
        alice.account: (alice.row_id, Purpose.WALLET),
        alice.deposit_account: (alice.row_id, Purpose.DEPOSIT),
        nameless.account: (nameless.row_id, Purpose.WALLET),
    }
    assert opened(system) == sorted(table(system)), "dense, in order"
    flags = system.bank.books.ledger.read(sorted(table(system)))["flags"]
    assert (flags & AccountFlag.OPEN).all()


def test_numbers_go_on_after_a_restart(system: System) -> None:
    first = system.open(name="Alice").wallet
    system.restart()
    second = system.open(name="Bob").wallet
    assert second.row_id == first.row_id + 1
    assert second.account == first.account + 2
    assert system.bank.directory.get(first.number) == first


def test_what_a_failed_opening_had_is_nobodys_and_no_number_is_given_twice(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = system.open(name="Alice")
    real = directory_module._row
    with monkeypatch.context() as broken:
        broken.setattr(directory_module, "_row", lambda *of: {**real(*of), "number": alice.number})
        with pytest.raises(IntegrityError):
            system.open(name="Bob")
    assert len(system.bank.directory) == 1
    with system.engine.connect() as connection:
        assert len(connection.execute(select(wallets.c.id)).all()) == 1
    others = [system.open(name=f"holder {number}").wallet for number in range(3)]
    given = [alice.wallet.account, *(other.account for other in others)]
    assert len(set(given)) == len(given)
    assert sorted(opened(system)) == sorted(table(system))
    assert len(set(opened(system))) == len(opened(system))
    system.check_books()


def test_many_that_open_at_once_have_numbers_of_their_own(tmp_path: Path) -> None:
    known = KnownWallets()
    made = [Wallet(row, f"{row:016}", bytes(32), 2, 1_000 + 2 * row, None) for row in range(200)]
    with ThreadPoolExecutor(1) as adding, ThreadPoolExecutor(4) as looking:
        added = adding.map(known.add, made)
        found = list(looking.map(lambda one: known.find(one.number) in (None, one), made * 20))
    list(added)
    assert all(found)
    assert len(known) == len(made)


def test_known_wallets_are_found_by_number_and_by_account_and_nothing_else_is() -> None:
    known = KnownWallets()
    one = Wallet(7, "6201000000000012", b"k" * 32, 2, 1_004, 1_005)
    two = Wallet(8, "6201000000000020", b"l" * 32, 4, 1_002, None)
    for wallet in (one, two, one):
        known.add(wallet)
    assert len(known) == 2
    assert [known.find(wallet.number) for wallet in (one, two)] == [one, two]
    assert [known.account(wallet.number) for wallet in (one, two)] == [1_004, 1_002]
    assert known.find("6201000000000038") is None
    assert known.account("6201000000000038") == NOBODY
    numbers = [known.number_of(account) for account in (0, 999, 1_000, 1_002, 1_003, 1_004, 1_005)]
    assert numbers == ["", "", "", two.number, "", one.number, ""]
