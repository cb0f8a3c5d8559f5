"""What an office types and reads when it pays a file."""

from __future__ import annotations

import csv
import io
import re
import stat
import sys
from pathlib import Path

import pytest

from runtime.begin import EXIT_INTERRUPTED
from tests.wallet.fake_bank import FakeBank
from tests.wallet.sheets import numbers, sheet_of
from tests.wallet.shell import Cli, opened, phone_wallet
from wallet.cli import payroll_output
from wallet.cli.payroll_output import confirm_total
from wallet.payroll.plan import Plan
from wallet.peers.bank_client import GrpcBank

NAMES = ("王伟", "=cmd|' /C calc'!A0", "Ann")


class Terminal(io.StringIO):
    """A standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def office(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "office", "Office", "1000")


@pytest.fixture
def staff(stack: Path, tmp_path: Path) -> list[str]:
    return [phone_wallet(stack, tmp_path / f"home{n}") for n in range(3)]


@pytest.fixture
def file(tmp_path: Path, staff: list[str]) -> Path:
    place = tmp_path / "wages.csv"
    write(place, staff)
    return place


def write(place: Path, payees: list[str], memo: str = "") -> None:
    rows = [
        (payee, name, 1_050 + n, memo)
        for n, (payee, name) in enumerate(zip(payees, NAMES, strict=True))
    ]
    place.write_bytes(sheet_of(rows))


def result_of(place: Path) -> list[dict[str, str]]:
    text = place.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_the_total_is_repeated_and_each_row_has_its_end(
    office: Cli, file: Path, staff: list[str], grpc_bank: FakeBank
) -> None:
    said = office.run("payroll", str(file), "--total", "¥31.53")
    assert "3 rows, 31.53 yuan (UTF-8)" in said and "10.52 yuan to Ann (line 4)" in said
    assert re.search(r"settled +3 rows, 31.53 yuan", said)
    rows = result_of(file.with_name("wages.result.csv"))
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert [row["payee"].replace(" ", "") for row in rows] == staff
    assert [row["name"] for row in rows] == [NAMES[0], f"'{NAMES[1]}", NAMES[2]]
    assert [row["amount"] for row in rows] == ["10.50", "10.51", "10.52"]
    assert {row["state"] for row in rows} == {"SETTLED"}
    assert all(row["payment_id"] and not row["reason"] for row in rows)
    assert stat.S_IMODE(file.with_name("wages.result.csv").stat().st_mode) == 0o600
    before = len(grpc_bank.received)
    again = office.json("payroll", str(file))
    assert (again["settled"], again["settled_fen"], again["run"]) == (3, 3_153, "wages")
    assert len(grpc_bank.received) == before


def test_json_is_one_object_with_amounts_in_fen(
    office: Cli, file: Path, staff: list[str], grpc_bank: FakeBank
) -> None:
    del grpc_bank.accounts[staff[1]]
    done = office.json("payroll", str(file), "--total", "31.53", "--run", "十一月", code=1)
    assert (done["rows"], done["total_fen"]) == (3, 3_153)
    assert (done["settled"], done["settled_fen"]) == (2, 2_102)
    assert (done["refused"], done["refused_fen"], done["pending"]) == (1, 1_051, 0)
    assert done["reasons"] == {"WALLET_UNKNOWN": 1}
    assert done["result"] == str(file.with_name("十一月.result.csv"))
    assert result_of(Path(done["result"]))[1]["reason"].startswith("WALLET_UNKNOWN: ")


def test_everything_wrong_is_said_by_line_and_nothing_is_paid(
    office: Cli, file: Path, grpc_bank: FakeBank
) -> None:
    before = len(grpc_bank.received)
    with file.open("ab") as more:
        more.write(f"{numbers(1)[0][:15]},,x,\n1,Ben,5,\n".encode())
    said = office.run("payroll", str(file), "--total", "31.53", code=2)
    assert "4 things are wrong with the file" in said and "line 5: " in said and "line 6: " in said
    listed = office.json("payroll", str(file), code=2)
    assert listed["reason"] == "FILE_REFUSED"
    assert [problem["line"] for problem in listed["problems"]] == [5, 5, 5, 6]
    assert len(grpc_bank.received) == before
    assert not file.with_name("wages.result.csv").exists()


@pytest.mark.parametrize("total", ["31.52", "3153", "x"])
def test_another_total_pays_nothing(
    office: Cli, file: Path, grpc_bank: FakeBank, total: str
) -> None:
    before = len(grpc_bank.received)
    office.run("payroll", str(file), "--total", total, code=2)
    assert "--total 31.53" in office.run("payroll", str(file), code=2)
    assert len(grpc_bank.received) == before


@pytest.mark.parametrize(
    ("typed", "pays"), [("31.53", True), ("¥ 31.53", True), ("y", False), ("", False)]
)
def test_at_a_terminal_the_total_is_asked_for_once(
    office: Cli,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    grpc_bank: FakeBank,
    typed: str,
    pays: bool,
) -> None:
    asked: list[str] = []

    def at_a_terminal(plan: Plan, given: str) -> None:
        asked.append(given)
        monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
        confirm_total(plan, given)

    monkeypatch.setattr(payroll_output, "confirm_total", at_a_terminal)
    before = len(grpc_bank.received)
    said = office.run("payroll", str(file), code=0 if pays else 2)
    assert (said.count("Repeat the file's total"), asked) == (1, [""])
    assert len(grpc_bank.received) == before + (3 if pays else 0)


def test_what_is_missing_is_said_with_what_there_is(
    office: Cli, file: Path, staff: list[str], grpc_bank: FakeBank
) -> None:
    office.run("cashout", "980")
    said = office.run("payroll", str(file), "--total", "31.53", code=1)
    assert "11.53" in said and "wallet topup" in said
    refused = office.json("payroll", str(file), "--total", "31.53", code=1)
    assert (refused["reason"], refused["missing_fen"]) == ("INSUFFICIENT_FUNDS", "1153")


def test_a_changed_row_and_an_unclear_run_are_told(
    office: Cli, file: Path, staff: list[str]
) -> None:
    office.run("payroll", str(file), "--total", "31.53")
    write(file, staff, memo="bonus")
    assert "with other payments" in office.run("payroll", str(file), code=2)
    said = office.run("payroll", str(file), "--run", "wages", "--total", "31.53", code=2)
    assert said.count("another memo") == 3
    told = office.json("payroll", str(file), "--run", "wages", code=2)
    assert told["reason"] == "ROWS_CHANGED"


def test_a_file_that_is_no_result_is_not_replaced(office: Cli, file: Path) -> None:
    other = file.with_name("wages.result.csv")
    other.write_text("mine")
    said = office.run("payroll", str(file), "--total", "31.53", code=2)
    assert "is no result of a payroll" in said and other.read_text() == "mine"
    place = file.with_name("elsewhere.csv")
    for path in (str(file), str(other)):
        office.run("payroll", str(file), "--total", "31.53", "--result", path, code=2)
    office.run("payroll", str(file), "--total", "31.53", "--result", str(place))
    assert len(result_of(place)) == 3
    office.run("payroll", str(file), "--result", str(place))


def test_a_result_that_cannot_be_written_is_noticed_before_anything_is_paid(
    office: Cli, file: Path, grpc_bank: FakeBank
) -> None:
    before = len(grpc_bank.received)
    nowhere = str(file.parent / "nowhere" / "wages.csv")
    said = office.run("payroll", str(file), "--total", "31.53", "--result", nowhere, code=3)
    assert "No such file or directory" in said
    assert len(grpc_bank.received) == before
    assert office.json("payroll", str(file), "--total", "31.53")["settled"] == 3


def test_an_interrupt_leaves_a_result_and_the_same_line_goes_on(
    office: Cli, file: Path, grpc_bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: GrpcBank, orders: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GrpcBank, "pay_many", interrupted)
        office.run("payroll", str(file), "--total", "31.53", code=EXIT_INTERRUPTED)
    rows = result_of(file.with_name("wages.result.csv"))
    assert {row["state"] for row in rows} == {"PENDING"}
    done = office.json("payroll", str(file))
    assert (done["settled"], done["pending"]) == (3, 0)


def test_a_memo_that_was_changed_in_a_copy_of_the_file_is_told_before_it_pays_all_again(
    office: Cli, file: Path, staff: list[str]
) -> None:
    office.run("payroll", str(file), "--total", "31.53")
    copy = file.with_name("wages corrected.csv")
    write(copy, staff, memo="November")
    said = office.run("payroll", str(copy), code=2)
    assert "3 of these payees were ordered the same amounts in the run 'wages'" in said
