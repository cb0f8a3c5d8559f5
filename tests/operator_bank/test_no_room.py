"""No accounts left, no place on the disk: openings are refused clearly, and nothing else ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from dcep.errors.v1 import errors_pb2
from operator_bank.wallets import directory as directory_module
from operator_bank.wallets.tables import wallets
from runtime.errors import Refusal
from settlement import state as state_module
from settlement.limits import MAX_ACCOUNTS
from tests.operator_bank.conftest import World

_ROOM_FOR = 11
"""Wallets whose two accounts each are below 1,024."""


def rows(world: World) -> int:
    """Of the table of wallets."""
    with world.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(wallets)).scalar_one())


@pytest.mark.parametrize("known_beforehand", [True, False])
def test_a_wallet_that_there_is_no_account_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_beforehand: bool
) -> None:
    world = World(tmp_path)
    monkeypatch.setattr(state_module, "MAX_ACCOUNTS", 1_024)
    if known_beforehand:
        monkeypatch.setattr(directory_module, "MAX_ACCOUNTS", 1_024)
    opened = [world.open(name=f"holder {number}") for number in range(_ROOM_FOR)]
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            world.open(name="one too many")
        assert refused.value.reason == errors_pb2.REASON_OVERLOADED
        assert "as many wallets as it can keep" in refused.value.message
    if known_beforehand:
        assert rows(world) == _ROOM_FOR, "nothing was written for those that were refused"
    assert len(world.bank.directory) == _ROOM_FOR
    opened[-1].exchange(100)
    opened[-1].pay(opened[0].number, 40)
    assert opened[0].fen == 40
    world.restart()
    assert len(world.bank.directory) == _ROOM_FOR
    world.check_books()


def test_the_bound_is_the_cores_own() -> None:
    assert directory_module.MAX_ACCOUNTS == state_module.MAX_ACCOUNTS == MAX_ACCOUNTS


def test_a_bank_whose_disk_is_nearly_full_still_applies_what_was_settled(tmp_path: Path) -> None:
    world = World(tmp_path)
    payer, payee = world.open(name="A"), world.open(name="B")
    payer.exchange(1_000)
    before = rows(world)
    ledger = world.bank.books.ledger
    ledger._is_short = lambda: True  # type: ignore[attr-defined]
    for asked in (lambda: payer.pay(payee.number, 1), lambda: world.open(name="C")):
        with pytest.raises(Refusal) as refused:
            asked()
        assert refused.value.reason == errors_pb2.REASON_OVERLOADED
        assert "disk" in refused.value.message
    assert rows(world) == before
    world.hear(incoming=world.arriving(payee.number, 70))
    assert payee.fen == 70
    ledger._is_short = lambda: False  # type: ignore[attr-defined]
    payer.pay(payee.number, 1)
    world.check_books()
