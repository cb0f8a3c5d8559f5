"""``dcep banks``, ``books``, ``flows``, ``admit``, ``revoke``: what officers see of the banks."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import pytest
import typer
from nacl.signing import SigningKey

from console.cli import books
from console.clients import BankOfficerClient
from currency.amount import format_yuan
from dcep.bank.v1 import officers_pb2
from runtime.envelope import possession
from sandbox.demo.environment import System
from tests import chinese
from tests.integration.commands import Done, dcep

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]


def run(system: System, *words: str) -> Done:
    return dcep(*words, "--json", "--stack", str(system.plan.folder))


def person(system: System, *words: str, **environment: str) -> str:
    done = dcep(*words, "--stack", str(system.plan.folder), **environment)
    assert done.code == 0, done.err
    return done.out


def row(answer: dict[str, Any], bank: str) -> dict[str, Any]:
    [found] = [one for one in answer["banks"] if one["bank"] == bank]
    return dict(found)


def test_banks_with_their_money_and_what_waits(system: System) -> None:
    number = system.person("ida", "alpha", holder_name="Ida").number
    act = run(system, "wallet", "freeze", number).answer["act_id"]
    alpha = row(run(system, "banks").answer, "alpha")
    with BankOfficerClient(system.plan, "alpha") as office:
        assert alpha["vault_fen"] == office.books().vault_fen > 0
    with system.central("lin") as central:
        books = central.books_of("alpha")
    assert (alpha["reserves_fen"], alpha["circulation_fen"]) == (
        books.reserves_fen,
        books.circulation_fen,
    )
    assert (alpha["state"], alpha["waiting"], alpha["silent"]) == ("admitted", 1, "")
    assert run(system, "reject", act, "--as", "wang").code == 0
    said = person(system, "banks")
    assert format_yuan(books.circulation_fen) in said and "admitted" in said


def test_a_suspended_bank_with_when_and_why_and_by_whom(system: System) -> None:
    act = run(system, "suspend", "beta", "--cause", "its feed forked").answer["act_id"]
    assert run(system, "approve", act, "--as", "han").code == 0
    try:
        beta = row(run(system, "banks").answer, "beta")
        assert (beta["state"], beta["suspended_why"]) == ("suspended", "its feed forked")
        assert beta["suspended_by"] == ["lin", "han"] and beta["suspended_since_time_ms"] > 0
        said = " ".join(person(system, "banks").split())
        assert "beta is suspended since" in said and "by lin and han: “its feed forked”" in said
    finally:
        act = run(system, "reinstate", "beta").answer["act_id"]
        assert run(system, "approve", act).code == 0
    assert row(run(system, "banks").answer, "beta")["suspended_why"] == ""


@pytest.mark.parametrize("columns", ["40", "80"])
@pytest.mark.parametrize("command", ["banks", "books", "flows"])
def test_every_amount_is_whole_at_any_width(system: System, command: str, columns: str) -> None:
    said = person(system, command, COLUMNS=columns, NO_COLOR="1", LANG="C")
    assert max(map(len, said.splitlines())) <= int(columns) and "\x1b" not in said
    wide = person(system, command, COLUMNS="200")
    amounts = re.compile(r"[0-9][0-9,]*\.[0-9]{2}\b")
    assert sorted(amounts.findall(said)) == sorted(amounts.findall(wide))


@pytest.mark.parametrize(
    ("columns", "commands"),
    [(40, ["banks", "books", "flows", "status", "requests"]), (80, ["books"])],
)
def test_officers_read_it_in_chinese(system: System, columns: int, commands: list[str]) -> None:
    for command in commands:
        said = person(system, command, COLUMNS=str(columns), NO_COLOR="1", LANG="zh_CN.UTF-8")
        chinese.check_fits(said, columns)
        assert chinese.english_in(said) == [], said
        assert re.search("[\u4e00-\u9fff]", said)


def test_the_books_add_up_one_to_one(system: System) -> None:
    answer = run(system, "books").answer
    central = answer["central_bank"]
    assert answer["ok"] and central["ok"]
    parts = ("reserves_fen", "circulation_fen", "offline_float_fen", "offline_loss_fen")
    assert central["paid_in_fen"] == sum(central[part] for part in parts)
    alpha = row(answer, "alpha")
    held = sum(alpha[f"{part}_fen"] for part in ("vault", "wallets", "holds", "suspense"))
    assert alpha["ok"] and alpha["received_fen"] == held
    said = person(system, "books")
    out = format_yuan(central["circulation_fen"] + central["offline_float_fen"])
    assert f"1:1: {out} yuan are out" in said


def test_books_that_do_not_add_up_are_said_with_an_exit_code_of_their_own(
    system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = BankOfficerClient.books

    def one_fen_more(office: BankOfficerClient) -> officers_pb2.GetBooksResponse:
        told = honest(office)
        told.vault_fen += 1
        return told

    monkeypatch.setattr(BankOfficerClient, "books", one_fen_more)
    with pytest.raises(typer.Exit) as ended:
        books.books(folder=system.plan.folder)
    assert ended.value.exit_code == 1
    assert "THE BOOKS OF alpha DO NOT ADD UP" in capsys.readouterr().out


def test_flows_are_sums_between_banks_and_never_a_wallet(system: System) -> None:
    payer = system.person("jan", "alpha", holder_name="Jan")
    payee = system.person("kim", "beta", holder_name="Kim")
    payer.top_up(5_000)

    def flow() -> tuple[int, int]:
        found = run(system, "flows").answer["flows"]
        for one in found:
            if (one["from"], one["to"]) == ("alpha", "beta"):
                return one["payments"], one["amount_fen"]
        return 0, 0

    before = flow()
    payer.pay(payee.number, 1_234)
    system.wait_available(payee, 1_234)
    assert flow() == (before[0] + 1, before[1] + 1_234)
    said = person(system, "flows")
    assert "alpha → beta" in said and payer.number not in said
    assert person(system, "flows", "--until", "2001-01-01") == (
        "nothing went from bank to bank then\n"
    )
    wrong = run(system, "flows", "--since", "yesterday")
    assert (wrong.code, wrong.answer["reason"]) == (2, "USAGE")


def test_an_officer_of_a_bank_is_told_nothing_of_other_banks(system: System) -> None:
    for command in ("banks", "books", "flows"):
        no = run(system, command, "--as", "wang")
        assert (no.code, no.answer["reason"]) == (1, "OFFICER_UNKNOWN"), command


def test_a_bank_of_other_software_is_admitted_by_two(system: System, tmp_path: Path) -> None:
    assert run(system, "admit", "omega").answer["reason"] == "FIELD_MISSING"
    again = run(system, "admit", "alpha")
    assert (again.code, again.answer["reason"]) == (1, "ALREADY_EXISTS")
    key, sent = SigningKey.generate(), tmp_path / "omega.crt"
    sent.write_bytes((system.plan.officers_folder / "lin.crt").read_bytes())
    words = (
        *("admit", "omega", "--prefix", "6299", "--address", "omega.example:7000"),
        *("--certificate", str(sent), "--business-key", bytes(key.verify_key).hex()),
    )
    stolen = run(system, *words, "--proof", secrets.token_hex(64))
    assert (stolen.code, stolen.answer["reason"]) == (1, "SIGNATURE_INVALID")
    asked = run(system, *words, "--proof", possession(key, "omega").hex())
    assert (asked.answer["kind"], asked.answer["state"]) == ("admit_bank", "open")
    said = " ".join(person(system, "requests").split())
    assert "admit bank omega, wallets 6299…, at omega.example:7000" in said
    assert run(system, "reject", asked.answer["act_id"]).code == 0


def test_a_device_is_taken_out_of_use_by_two(system: System) -> None:
    device = secrets.token_hex(32)
    unknown = run(system, "revoke", device)
    assert unknown.code == 2 and "--bank NAME" in unknown.answer["message"]
    act = run(system, "revoke", device, "--bank", "alpha", "--cause", "stolen").answer["act_id"]
    [done] = run(system, "approve", act).answer["approved"]
    assert (done["kind"], done["state"]) == ("revoke_device", "approved")


@pytest.mark.parametrize("wrong", ["alpha", "lin", "officer/alpha/wang", "12", "x" * 64, ""])
def test_what_is_no_device_is_not_revoked(system: System, wrong: str) -> None:
    done = run(system, "revoke", wrong)
    assert done.code == 2
    if wrong and wrong[-1].isalpha() and wrong[0] != "x":
        assert f"dcep keys revoke {wrong}" in done.answer["message"]
