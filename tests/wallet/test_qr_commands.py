"""`wallet qr` and `wallet pay --qr`: a shop's code is shown, read and paid, and nothing else is."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pexpect
import pytest
from pexpect.fdpexpect import fdspawn
from typer.testing import CliRunner

from tests import chinese
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from wallet.cli.main import app
from wallet.qr import payment_code
from wallet.qr.payment_code import ASK_THE_PAYER

OTHER = "00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE"


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "500")


@pytest.fixture
def shop(stack: Path, tmp_path: Path) -> Cli:
    cli = Cli(stack, tmp_path / "shop")
    cli.run("open", "--bank", "alpha", "--phone", "13900000001")
    cli.run("qr", "show", "--name", "BEST TRANSPORT", "--city", "BEIJING")
    return cli


def balance(cli: Cli) -> int:
    return int(cli.json("show")["available_fen"])


def shows(shop: Cli, *words: str) -> str:
    return str(shop.json("qr", "show", *words)["text"])


def of(shop: Cli, **fields: Any) -> str:
    """A code of the shop's, with other fields."""
    return replace(payment_code.read(shows(shop)), **fields).text()


def test_a_code_with_an_amount_is_shown_read_and_paid(
    shop: Cli, alice: Cli, tmp_path: Path
) -> None:
    file = str(tmp_path / "code.png")
    shown = shop.json("qr", "show", "12.50", "--reference", "A-17", "--minutes", "5", "--png", file)
    assert (shown["amount_fen"], shown["once"], shown["file"]) == (1_250, True, file)
    read = alice.json("qr", "read", file)
    assert read["payable"] and {**read, **shown} == read | {"text": shown["text"], "file": file}
    paid = alice.json("pay", "--qr", file, "12.50")
    assert (paid["payee_number"], paid["amount_fen"]) == (shown["number"], 1_250)
    assert balance(shop) == 1_250
    assert [item["memo"] for item in shop.json("history")["items"]] == ["A-17"]
    assert alice.json("pay", "--qr", shown["text"], "12.50")["repeated"] is True
    assert balance(shop) == 1_250


def test_a_code_without_an_amount_is_paid_with_any_and_again(shop: Cli, alice: Cli) -> None:
    text = shows(shop)
    assert alice.json("pay", "--qr", text, "3", "--memo", "tea")["repeated"] is False
    assert alice.json("pay", "--qr", text, "3", "--memo", "tea")["repeated"] is False
    assert balance(shop) == 600
    assert shop.json("history")["items"][0]["memo"] == "tea"
    said = alice.json("pay", "--qr", text, code=2)["message"]
    assert "leaves the amount to you" in said
    alice.json("pay", "--qr", text, "1e3", code=2)


def test_an_amount_in_a_code_is_not_changed(shop: Cli, alice: Cli) -> None:
    text = shows(shop, "12.50")
    for amount in ("12.51", "1250", "0.01"):
        said = alice.json("pay", "--qr", text, amount, code=2)
        assert said["message"] == "the code asks for 12.50 yuan; nothing was paid"
    assert balance(shop) == 0


def test_nobody_pays_what_was_not_said_or_confirmed(shop: Cli, alice: Cli) -> None:
    text = shows(shop, "12.50", "--reference", "A-17")
    said = alice.run("pay", "--qr", text, code=2)
    for told in ("12.50 yuan", "“BEST TRANSPORT, BEIJING”", "“A-17”", "say the amount too"):
        assert told in said
    large = shows(shop, "150")
    assert "say --yes" in alice.run("pay", "--qr", large, "150", code=2)
    assert balance(shop) == 0
    alice.run("pay", "--qr", text, "--yes")
    alice.run("pay", "--qr", large, "150", "--yes")
    assert balance(shop) == 16_250


@pytest.mark.parametrize(("answer", "fen"), [("y", 700), ("n", 0), ("", 0)])
def test_at_a_terminal_it_asks(answer: str, fen: int, shop: Cli, alice: Cli, stack: Path) -> None:
    command = ["-m", "wallet.cli.main", "pay", "--qr", of(shop, reference=ASK_THE_PAYER)]
    ours, theirs = pty.openpty()
    # Not pexpect's own way, which forks this process with its threads.
    paying = subprocess.Popen(
        [sys.executable, *command, "--home", str(alice.home)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "DCEP_STACK": str(stack),
        },
    )
    os.close(theirs)
    terminal = fdspawn(ours, timeout=60, encoding="utf-8", use_poll=True)
    terminal.expect_exact("How many yuan? ")
    terminal.sendline("7")
    terminal.expect_exact("Which reference does the payee want? ")
    terminal.sendline("table 4")
    terminal.expect_exact("“BEST TRANSPORT, BEIJING”, for “table 4”. Is that right? [y/N] ")
    terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    assert paying.wait(timeout=60) == (0 if fen else 2)
    assert balance(shop) == fen


def test_a_code_for_one_payment_is_paid_once_from_one_home(
    shop: Cli, alice: Cli, stack: Path, tmp_path: Path
) -> None:
    text = shows(shop, "12.50")
    alice.run("pay", "--qr", text, "--yes")
    again = alice.run("pay", "--qr", text)
    assert "ordered to be paid before" in again and "Nothing was ordered a second time" in again
    assert balance(shop) == 1_250
    carol = opened(stack, tmp_path / "carol", "Carol", "50")
    assert carol.json("pay", "--qr", text, "12.50")["repeated"] is False
    assert alice.json("pay", "--qr", text, "12.50", "--anew")["repeated"] is False
    assert alice.json("pay", "--qr", text, "12.50")["repeated"] is True
    assert balance(shop) == 3_750


def test_each_code_for_one_payment_is_another_one(shop: Cli, alice: Cli) -> None:
    for _sale in range(2):
        assert alice.json("pay", "--qr", shows(shop, "12.50"), "12.50")["repeated"] is False
    assert balance(shop) == 2_500


def test_the_amount_that_such_a_code_was_paid_with_stays(shop: Cli, alice: Cli) -> None:
    text = of(shop, request_id="0123456789abcdef" * 2)
    alice.run("pay", "--qr", text, "5")
    said = alice.json("pay", "--qr", text, "6", code=2)["message"]
    assert said.startswith("this code was ordered to be paid before, with 5.00 yuan")
    now_for_6 = of(shop, request_id="0123456789abcdef" * 2, amount_fen=600)
    assert "with 5.00 yuan" in alice.run("pay", "--qr", now_for_6, "--yes", code=2)
    assert alice.json("pay", "--qr", text)["amount_fen"] == 500
    assert balance(shop) == 500


def test_a_refused_payment_of_a_code_is_made_anew_once_it_can_be(shop: Cli, alice: Cli) -> None:
    text = shows(shop, "600")
    for _time in range(2):
        refused = alice.json("pay", "--qr", text, "600", "--yes", code=1)
        assert refused["reason"] == "INSUFFICIENT_FUNDS"
    alice.run("topup", "200")
    assert alice.json("pay", "--qr", text, "600", "--yes")["repeated"] is False
    assert alice.json("pay", "--qr", text, "600", "--yes")["repeated"] is True
    assert balance(shop) == 60_000


def test_after_no_answer_the_same_command_pays_once_also_when_the_code_has_ended(
    shop: Cli, alice: Cli, grpc_bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shows(shop, "10", "--minutes", "1")
    grpc_bank.mute_after = 1
    assert "twice" in alice.run("pay", "--qr", text, "10", code=3)
    ends = payment_code.read(text).ends_time_ms
    assert ends is not None
    monkeypatch.setattr("runtime.clock.SystemClock.now_ms", lambda _clock: ends + 1)
    assert alice.json("qr", "read", text)["reason"] == "CODE_EXPIRED"
    assert alice.json("pay", "--qr", text, "10", "--anew", code=1)["reason"] == "CODE_EXPIRED"
    assert alice.json("pay", "--qr", text, "10")["repeated"] is True
    assert balance(shop) == 1_000


def test_pending_is_code_3_and_the_same_command_asks_again(
    shop: Cli, alice: Cli, grpc_bank: FakeBank
) -> None:
    text = shows(shop, "10")
    grpc_bank.pending = 1
    assert alice.json("pay", "--qr", text, "10", code=3)["state"] == "PENDING"
    assert alice.json("pay", "--qr", text, "10")["state"] == "SETTLED"
    assert balance(shop) == 1_000


@pytest.mark.parametrize(
    ("source", "code", "reason"),
    [
        (OTHER, 1, "OTHER_SCHEME"),
        ("wxp://f2f0XO9MxuKhCB52g30uvHa1Pxe4kqoOc9ubMFa82j6b", 1, "OTHER_SCHEME"),
        (OTHER[:-1] + "F", 2, "CODE_DAMAGED"),
        ("hello", 2, "NOT_A_CODE"),
        ("none.png", 2, "NOT_A_CODE"),
        ("x" * 5_000, 2, "NOT_A_CODE"),
        (".", 2, "NOT_A_CODE"),
    ],
)
def test_what_is_no_code_of_ours_is_not_paid_and_says_what_it_is(
    alice: Cli, source: str, code: int, reason: str
) -> None:
    before = balance(alice)
    assert alice.json("pay", "--qr", source, "1", "--yes", code=code)["reason"] == reason
    read = alice.json("qr", "read", source, code=0 if code == 1 else code)
    assert read["reason"] == reason and read.get("payable") is not True
    assert balance(alice) == before


def test_a_code_of_another_scheme_is_shown_for_what_it_is(alice: Cli) -> None:
    read = alice.json("qr", "read", OTHER)
    assert (read["schemes"], read["currency"], read["amount"]) == (["PromptPay"], "THB", "20.15")
    said = alice.run("qr", "read", OTHER)
    assert "20.15 THB" in said and "another payment scheme: “PromptPay”" in said


def test_the_number_and_the_memo_stand_in_the_code(shop: Cli, alice: Cli) -> None:
    text = shows(shop, "1", "--reference", "A-17")
    number = shop.json("show")["number"]
    assert "leave the number away" in alice.run("pay", number, "1", "--qr", text, code=2)
    assert "leave --memo away" in alice.run("pay", "--qr", text, "1", "--memo", "x", code=2)
    assert "wallet pay --qr" in alice.run("pay", number, code=2)
    asks = of(shop, reference=ASK_THE_PAYER)
    assert "--memo" in alice.run("pay", "--qr", asks, "1", code=2)
    alice.run("pay", "--qr", asks, "1", "--memo", "table 4")
    assert shop.json("history")["items"][0]["memo"] == "table 4"


def test_what_a_shop_is_called_is_said_once(stack: Path, tmp_path: Path) -> None:
    shop = opened(stack, tmp_path / "wang", "王五")
    assert "--city" in shop.run("qr", "show", code=2)
    assert "ASCII" in shop.run("qr", "show", "--city", "BEIJING", code=2)
    assert "最佳" in shop.run("qr", "show", "--name", "最佳", "--city", "BEIJING", code=2)
    assert not (tmp_path / "wang" / "merchant.json").exists()
    words = ("--name", "BEST", "--city", "BEIJING", "--name-zh", "最佳运输", "--city-zh", "北京")
    shown = shop.json("qr", "show", *words)
    assert shop.json("qr", "show") == shown
    assert (shown["local_name"], shown["local_city"]) == ("最佳运输", "北京")
    assert shop.json("qr", "show", "--name-zh", "", "--city-zh", "")["local_name"] == ""
    assert shop.json("qr", "show")["name"] == "BEST"
    ann = opened(stack, tmp_path / "ann", "Ann Lee")
    assert ann.json("qr", "show", "--city", "Xi'an")["name"] == "Ann Lee"


def test_wrong_words_for_a_code_are_refused_before_a_picture_is_written(
    shop: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "code.png"
    for wrong in (
        ["0"],
        ["12,50"],
        ["10000000000"],
        ["--reference", "午饭"],
        ["--reference", "A" * 26],
        ["--minutes", "-1"],
        ["--name", "B" * 26],
        ["--name-zh", "最\u202e佳\x1b"],
    ):
        shop.run("qr", "show", *wrong, "--png", str(file), code=2)
    assert not file.exists()
    assert "cannot be written" in shop.run("qr", "show", "--png", "no/such/file.png", code=2)


def test_a_shop_that_is_nobody_elses_is_drawn(shop: Cli) -> None:
    drawn = shop.run("qr", "show", "--name-zh", "最佳运输")
    assert "█" in drawn and "“最佳运输”" in drawn and drawn.rstrip().endswith(shows(shop))
    assert max(map(len, drawn.splitlines()[:-1])) <= 80


def test_the_words_of_a_code_end_their_quotation_nowhere(shop: Cli, alice: Cli) -> None:
    local = payment_code.LocalName("”, which is true “", "北京")
    said = alice.run("pay", "--qr", of(shop, local=local, city="CHECKED BY BANK"), "1")
    assert "“BEST TRANSPORT, CHECKED BY BANK” “" in said
    assert "“', which is true “, 北京”" in said


def test_it_all_is_said_in_chinese_too(shop: Cli, alice: Cli) -> None:
    text = shows(shop, "12.50", "--reference", "A-17", "--minutes", "5")
    with chinese.reading():
        for words, code in (
            (["qr", "read", text], 0),
            (["qr", "read", OTHER], 0),
            (["pay", "--qr", text], 2),
            (["pay", "--qr", text, "12.50"], 0),
            (["pay", "--qr", text, "12.50"], 0),
            (["pay", "--qr", OTHER], 1),
        ):
            done = CliRunner().invoke(
                app,
                ["--home", str(alice.home), *words],
                env={"DCEP_STACK": str(alice.stack), "COLUMNS": "80"},
            )
            assert done.exit_code == code, done.output
            left = done.output.replace("BEST TRANSPORT", "").replace("BEIJING", "")
            assert chinese.english_in(left.replace("A-17", "")) == [], done.output


def test_a_code_is_made_and_read_without_any_bank(shop: Cli, grpc_bank: FakeBank) -> None:
    grpc_bank.down = True
    assert shop.json("qr", "read", shows(shop, "1"))["payable"] is True
