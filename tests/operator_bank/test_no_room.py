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
from tests.operator_bank.system import II, System

_ROOM_FOR = 12
"""Wallets whose two accounts each are below 1,024."""


def rows(system: System) -> int:
    """Of the table of wallets."""
    with system.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(wallets)).scalar_one())


@pytest.mark.parametrize("known_beforehand", [True, False])
def test_a_wallet_that_there_is_no_account_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_beforehand: bool
) -> None:
    system = System(tmp_path)
    monkeypatch.setattr(state_module, "MAX_ACCOUNTS", 1_024)
    if known_beforehand:
        monkeypatch.setattr(directory_module, "MAX_ACCOUNTS", 1_024)
    opened = [system.open(name=f"holder {number}") for number in range(_ROOM_FOR)]
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            system.open(name="one too many")
        assert refused.value.reason == errors_pb2.REASON_OVERLOADED
        assert "as many wallets as it can keep" in refused.value.message
    assert rows(system) == _ROOM_FOR, "nothing was written for those that were refused"
    assert len(system.bank.directory) == _ROOM_FOR
    opened[-1].exchange(100)
    opened[-1].pay(opened[0].number, 40)
    assert opened[0].fen == 40
    system.restart()
    assert len(system.bank.directory) == _ROOM_FOR
    system.check_books()


def test_the_bound_is_the_cores_own() -> None:
    bounds = [vars(module)["MAX_ACCOUNTS"] for module in (directory_module, state_module)]
    assert bounds == [MAX_ACCOUNTS] * 2


def test_a_bank_whose_disk_is_nearly_full_still_applies_what_was_settled(tmp_path: Path) -> None:
    system = System(tmp_path)
    payer, payee = system.open(name="A"), system.open(name="B")
    payer.exchange(1_000)
    before = rows(system)
    ledger = system.bank.books.ledger
    ledger.is_short = lambda: True  # type: ignore[attr-defined]
    for asked in (lambda: payer.pay(payee.number, 1), lambda: system.open(name="C")):
        with pytest.raises(Refusal) as refused:
            asked()
        assert refused.value.reason == errors_pb2.REASON_OVERLOADED
        assert "disk" in refused.value.message
    assert rows(system) == before
    system.hear(incoming=system.arriving(payee.number, 70))
    assert payee.fen == 70
    # Nor does it keep the central bank from lowering limits.
    system.limits[II] = (0, 1, 1, 1)
    system.publish()
    assert system.bank.wallets.state(payer.wallet).limits_fen == (0, 1, 1, 1)
    ledger.is_short = lambda: False  # type: ignore[attr-defined]
    payer.pay(payee.number, 1)
    system.check_books()
