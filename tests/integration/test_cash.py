"""Cash at a bank's machine, from the command lines, and what a wallet cannot make of it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cash_machine import CashMachine
from dcep.bank.v1 import exchange_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from sandbox.demo.environment import System, refused
from tests.integration.commands import dcep, wallet
from tests.integration.raw_wallet import TIMEOUT_S, BankStubs, RawWallet

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]


def test_cash_goes_in_by_the_machines_receipt_once(system: System, tmp_path: Path) -> None:
    stack, home = str(system.plan.folder), str(tmp_path / "home")
    there = ("--stack", stack, "--home", home, "--json")
    opened = wallet("open", "--bank", "beta", "--phone", "13800138000", *there)
    number = opened.answer["number"]
    taken = dcep("cash", "beta", number, "100.00", "--stack", stack, "--json")
    assert (taken.code, taken.answer["amount_fen"]) == (0, 10_000)
    receipt = taken.answer["receipt"]

    def top_up(amount: str, receipt: str) -> tuple[int, str]:
        done = wallet("topup", amount, "--receipt", receipt, "--anew", "--home", home, "--json")
        return done.code, done.answer.get("reason", "")

    assert top_up("99.00", receipt) == (1, "FIELD_INVALID")
    assert top_up("100.00", receipt) == (0, "")
    assert top_up("100.00", receipt) == (1, "RECEIPT_USED")
    assert top_up("100.00", "not a receipt") == (2, "USAGE")
    shown = wallet("show", "--home", home, "--json")
    assert shown.answer["available_fen"] == 10_000


def test_a_wallet_alone_makes_no_money_of_cash(system: System) -> None:
    """Not with its own key, not with another bank's machine, not with another wallet's receipt."""
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    mallory, alice = RawWallet(alpha), RawWallet(alpha)
    own = CashMachine("alpha", mallory.key).receipt(mallory.number, 500)
    told = {
        "SIGNATURE_INVALID": own,
        "FIELD_INVALID": alpha.machine.receipt(alice.number, 500),
        "FIELD_MISSING": None,
    }
    for reason, receipt in told.items():
        refusal = refused(lambda receipt=receipt: mallory.top_up(500, cash_receipt=receipt))
        assert (refusal.name, refusal.field) == (reason, "cash_receipt")
    foreign = beta.machine.receipt(mallory.number, 500)
    no = refused(lambda: mallory.top_up(500, cash_receipt=foreign))
    assert (no.name, no.field) == ("SIGNATURE_INVALID", "cash_receipt")
    order = mallory.exchange_order(500, cash_receipt=own)
    request = exchange_pb2.ExchangeManyRequest(orders=[order])
    [answer] = alpha.exchange.ExchangeMany(request, timeout=TIMEOUT_S).items
    assert answer.state == states_pb2.PAYMENT_STATE_REFUSED
    assert mallory.show().available_fen == 0


def test_a_machine_comes_and_goes_by_two_officers_of_the_bank(system: System) -> None:
    stack = str(system.plan.folder)
    person = RawWallet(BankStubs(system.plan, "alpha"))

    def by_two(command: str) -> None:
        asked = dcep("machines", command, "alpha", "desk-7", "--stack", stack, "--json")
        assert asked.code == 0, asked
        done = dcep(
            "approve", asked.answer["act_id"], "--as", system.plan.bank("alpha").officers[1],
            "--stack", stack, "--json",
        )  # fmt: skip
        assert done.code == 0, done

    def receipt() -> SignedEnvelope:
        return CashMachine.of(system.plan, "alpha", "desk-7").receipt(person.number, 700)

    by_two("register")
    assert person.top_up(700, cash_receipt=receipt()).available_fen == 700
    taken = dcep(
        "cash", "alpha", person.number, "7.00", "--machine", "desk-7", "--stack", stack, "--json"
    )
    assert taken.code == 0
    by_two("revoke")
    no = refused(lambda: person.top_up(700, cash_receipt=receipt()))
    assert no.name == "CASH_NOT_ACCEPTED"
    assert person.show().available_fen == 700
    assert (
        dcep("cash", "alpha", person.number, "7.00", "--machine", "no", "--stack", stack).code == 2
    )


def test_cash_goes_out_when_the_bank_says_that_the_money_has_left(
    system: System, tmp_path: Path
) -> None:
    """From the command lines; the machine asks before and after the order, and for other notes."""
    stack, home = str(system.plan.folder), str(tmp_path / "home")
    there = ("--stack", stack, "--json")
    opened = wallet(
        "open", "--bank", "beta", "--phone", "13800138001",
        "--stack", stack, "--home", home, "--json",
    )  # fmt: skip
    number = opened.answer["number"]
    put_in = dcep("cash", "beta", number, "100.00", *there).answer["receipt"]
    assert wallet("topup", "100.00", "--receipt", put_in, "--home", home, "--json").code == 0

    ready = dcep("cash", "beta", number, "30.00", "--out", *there).answer["receipt"]
    dcep("cash", "beta", number, "20.00", "--out", *there)

    def states(*more: str) -> list[tuple[int, str]]:
        shown = dcep("tray", "beta", *more, *there).answer["notes"]
        return [
            (one["amount_fen"], one["state"]) for one in shown if one["wallet_number"] == number
        ]

    assert states() == [(3_000, "ready"), (2_000, "ready")]
    out = wallet("cashout", "30.00", "--receipt", ready, "--home", home, "--json")
    assert (out.code, out.answer["available_fen"]) == (0, 7_000)
    assert states() == [(3_000, "given"), (2_000, "ready")]
    assert states("--give-up") == [(2_000, "taken back")]
    assert states() == []
    shown = wallet("show", "--home", home, "--json")
    assert shown.answer["available_fen"] == 7_000
