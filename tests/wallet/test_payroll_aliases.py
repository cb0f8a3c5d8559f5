"""A file of payments that names payees by their telephones and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.bank.v1 import aliases_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from tests.wallet.fake_bank import FakeBank
from tests.wallet.sheets import numbers, sheet_of
from tests.wallet.shell import Cli, opened, phone_wallet
from wallet.payroll.payees import is_called
from wallet.recovery import backup
from wallet.recovery.format import sealed

PHONE, NAME = "+8613900000001", "@li.ming"


@pytest.fixture
def office(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "office", "Office", "1000")


@pytest.fixture
def staff(stack: Path, tmp_path: Path, grpc_bank: FakeBank) -> list[str]:
    """Two wallets; the first is found by a telephone, the second by a name."""
    found = [phone_wallet(stack, tmp_path / f"home{n}") for n in range(2)]
    is_found(grpc_bank, PHONE, found[0], "A***")
    is_found(grpc_bank, NAME, found[1], "李*")
    return found


def is_found(bank: FakeBank, alias: str, number: str, masked_name: str) -> None:
    bank.payees[alias] = aliases_pb2.AliasPayee(wallet_number=number, masked_name=masked_name)


def wages(place: Path, *rows: tuple[str, str, int, str]) -> str:
    file = place / "wages.csv"
    file.write_bytes(sheet_of(rows))
    return str(file)


def came(bank: FakeBank, payees: list[str]) -> list[int]:
    return [bank.accounts[payee].available_fen for payee in payees]


def test_aliases_are_looked_for_once_shown_and_paid(
    office: Cli, staff: list[str], grpc_bank: FakeBank, tmp_path: Path
) -> None:
    file = wages(tmp_path, ("139 0000 0001", "Ann", 1_050, ""), ("@Li.Ming", "李明", 1_051, ""))
    said = office.run("payroll", file, "--total", "21.01")
    assert f"Ann is “A***”, {PHONE}, wallet {staff[0]}" in said and "李明 is “李*”" in said
    assert came(grpc_bank, staff) == [1_050, 1_051]
    # Somebody else has the telephone now: the same file pays nobody, next month's the same person.
    is_found(grpc_bank, PHONE, numbers(1)[0], "B***")
    assert office.json("payroll", file)["settled"] == 2
    said = office.run("payroll", file, "--run", "2026-12", "--total", "21.01")
    assert "stand for the same wallets: 2" in said
    assert came(grpc_bank, staff) == [2_100, 2_102]


def test_all_that_is_wrong_with_aliases_is_said_and_nothing_is_paid(
    office: Cli, staff: list[str], grpc_bank: FakeBank, tmp_path: Path
) -> None:
    is_found(grpc_bank, "@office", office.json("show")["number"], "O***")
    file = wages(
        tmp_path,
        (staff[0], "Ann", 1, ""),
        (PHONE, "Ann", 2, ""),
        (NAME, "王明", 3, ""),
        ("@nobody", "Nob", 4, ""),
        ("@office", "Office", 5, ""),
    )
    said = office.run("payroll", file, "--total", "0.15", code=2)
    for line in (
        f"line 3: {staff[0]} is paid in line 2 already",
        "line 4: the payee's bank says that @li.ming is “李*”",
        "line 5: nobody can be found by @nobody",
        "line 6: this is the payer's own wallet",
    ):
        assert line in said
    assert came(grpc_bank, staff) == [0, 0]


def test_the_same_alias_twice_and_what_is_none_is_told_before_anybody_is_asked(
    office: Cli, tmp_path: Path
) -> None:
    rows = (("@li.ming", "李明", 1, ""), ("@LI.MING", "李明", 2, ""), ("@l", "L", 3, ""))
    said = office.run("payroll", wages(tmp_path, *rows), "--total", "0.06", code=2)
    assert "line 3: @li.ming is paid in line 2 already" in said
    assert "line 4: this name has 3 to 20 characters" in said and "found by" not in said


def test_a_day_that_is_over_keeps_what_was_found(
    office: Cli,
    staff: list[str],
    grpc_bank: FakeBank,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    find = grpc_bank.find_alias

    def few(query: object, alias: str) -> aliases_pb2.FindAliasResponse:
        if asked:
            raise Refusal(errors_pb2.REASON_TOO_MANY_LOOKUPS, "enough", field="alias")
        asked.append(alias)
        return find(query, alias)  # type: ignore[arg-type]

    monkeypatch.setattr(grpc_bank, "find_alias", few)
    file = wages(tmp_path, (PHONE, "Ann", 1, ""), (NAME, "李明", 2, ""), ("@other", "O", 3, ""))
    said = office.run("payroll", file, "--total", "0.06", code=2)
    assert "line 3: the bank lets you look for no more" in said and "and 2 of this file" in said
    monkeypatch.setattr(grpc_bank, "find_alias", find)
    is_found(grpc_bank, "@other", phone_wallet(office.stack, tmp_path / "other"), "")
    said = office.run("payroll", file, "--total", "0.06")
    assert "stand for the same wallets: 1" in said and came(grpc_bank, staff) == [1, 2]


def test_who_could_not_be_paid_is_looked_for_again(
    office: Cli, staff: list[str], grpc_bank: FakeBank, tmp_path: Path
) -> None:
    is_found(grpc_bank, PHONE, numbers(1)[0], "A***")
    file = wages(tmp_path, (PHONE, "Ann", 1_050, ""))
    assert office.json("payroll", file, "--total", "10.50", code=1)["refused"] == 1
    is_found(grpc_bank, PHONE, staff[1], "A***")
    # It is somebody else who is paid now.
    assert "--run 'wages'" in office.run("payroll", file, code=2)
    again = ("payroll", file, "--run", "wages")
    assert "--total 10.50" in office.run(*again, code=2)
    # Who has seen that once, and has not said yes, is asked again.
    said = office.run(*again, code=2)
    assert "--total 10.50" in said and f"wallet {staff[1]}" in said
    assert office.json(*again, "--total", "10.50")["settled"] == 1
    assert came(grpc_bank, staff) == [0, 1_050]


@pytest.mark.parametrize(
    ("name", "masked_name", "so"),
    [
        ("李明", "李*", True),
        ("王明", "李*", False),
        ("Anna Karenina", "A. K***", True),
        ("karenina, anna", "A. K***", True),
        ("Anna", "A. K***", False),
        ("Anna Arkadyevna Maria Karenina", "A. A. M***", True),
        ("Ann", "", True),
    ],
)
def test_a_name_begins_as_the_masked_one_does(name: str, masked_name: str, so: bool) -> None:
    assert is_called(name, masked_name) is so


def test_a_home_of_a_backup_pays_whom_the_run_began_to_pay(
    office: Cli,
    staff: list[str],
    grpc_bank: FakeBank,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = wages(tmp_path, (PHONE, "Ann", 1_050, ""))
    assert office.json("payroll", file, "--total", "10.50")["settled"] == 1
    monkeypatch.setattr(backup, "sealed", lambda *args: sealed(*args, log2_n=10))
    monkeypatch.setenv("DCEP_PASSPHRASE", "correct horse battery")
    office.run("backup", str(tmp_path / "kept"))
    is_found(grpc_bank, PHONE, staff[1], "A***")
    restored = Cli(office.stack, tmp_path / "restored")
    restored.run("restore", str(tmp_path / "kept"))
    assert restored.json("payroll", file)["settled"] == 1
    assert came(grpc_bank, staff) == [1_050, 0]
