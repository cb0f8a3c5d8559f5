"""Money for a frozen wallet, from the deposit to the officer who pays it out."""

from __future__ import annotations

import pytest

from currency.contract_words import purpose_word
from sandbox.demo.environment import System
from tests.integration.commands import Done, dcep

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]
FEN = 1_900


def test_what_a_frozen_wallet_could_not_take_is_listed_and_paid_out_once(system: System) -> None:
    folder = str(system.plan.folder)
    finn = system.person("finn", "beta", holder_name="Finn")
    number = finn.show().number
    finn.top_up(2 * FEN)
    finn.offline_load(FEN)

    def run(*arguments: str) -> Done:
        return dcep(*arguments, "--json", "--stack", folder)

    def both(*arguments: str, amount: str = "") -> Done:
        """One officer of beta proposes, the other one approves."""
        proposed = run(*arguments)
        repeated = ("--amount", amount) if amount else ()
        return run("approve", proposed.answer["act_id"], *repeated, "--as", "zhao")

    assert both("wallet", "freeze", number, "--cause", "court order 7").code == 0
    finn.offline_deposit()
    system.wait_quiet()
    entries = run("suspense", "--bank", "beta").answer["entries"]
    [entry] = [found for found in entries if found["number"] == number]
    assert (entry["kind"], entry["amount_fen"], entry["reason"]) == (
        "offline-deposit",
        FEN,
        "PAYEE_FROZEN",
    )
    shown = dcep("suspense", "--stack", folder)
    assert f"19.00 yuan for {number}" in shown.out and "PAYEE_FROZEN" in shown.out
    assert run("audit").code == 0
    pay = ("suspense", "pay", "beta", str(entry["entry"]), "--cause", "order 7 lifted")
    unseen = both(*pay)
    assert (unseen.code, unseen.answer["reason"]) == (2, "FIELD_MISSING")
    assert unseen.answer["amount_fen"] == FEN, "it is the entry's"
    frozen = both(*pay, amount="19")
    assert (frozen.code, frozen.answer["reason"]) == (1, "PAYEE_FROZEN")
    assert "end the freeze" in frozen.answer["message"]
    assert both("wallet", "unfreeze", number).code == 0
    [paid] = both(*pay, amount="19").answer["approved"]
    assert (paid["kind"], paid["entry"], paid["decided_by"]) == (
        "pay_suspense",
        entry["entry"],
        "zhao",
    )
    again = run(*pay)
    assert (again.code, again.answer["reason"]) == (1, "ALREADY_DECIDED")
    assert number in again.answer["message"]
    assert finn.show().available_fen == 2 * FEN
    moved = [
        (purpose_word(line.purpose), line.change_fen) for line in finn.history() if line.change_fen
    ]
    assert moved[:2] == [("offline-deposit", FEN), ("offline-load", -FEN)]
    left = run("suspense").answer["entries"]
    assert not [found for found in left if found["number"] == number]
    assert run("audit").code == 0
