"""The command line: what is wrong is said with what is right, and ends with its own code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened, phone_wallet
from wallet.cli.main import app

BAD_AMOUNTS = [
    "-5",
    "-0.01",
    "0",
    "0.00",
    "1.234",
    "1e3",
    "一",
    "12,50",
    "1,00",
    "12.",
    ".5",
    "+5",
    "0x10",
    "NaN",
    "inf",
    "",
    "5 5",
    "012",
    "1_000",
    "12.50$",
    "100000000000.01",
    "9" * 40,
]


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "100")


@pytest.fixture
def bob(stack: Path, tmp_path: Path) -> str:
    return phone_wallet(stack, tmp_path / "bob")


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
@pytest.mark.parametrize("command", [["topup"], ["cashout"], ["pay", "BOB"], ["offline", "load"]])
def test_bad_amount_is_refused_with_a_right_example(
    alice: Cli, bob: str, grpc_bank: FakeBank, command: list[str], amount: str
) -> None:
    before = len(grpc_bank.received)
    words = [bob if word == "BOB" else word for word in command]
    said = alice.run(*words, amount, code=2)
    assert any(right in said for right in ("12.50", "100,000,000,000.00", "0.01"))
    assert len(grpc_bank.received) == before
    assert alice.json(*words, amount, code=2)["reason"] == "USAGE"


def test_mistyped_number_is_caught_before_anything_is_sent(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    before = len(grpc_bank.received)
    neighbours = bob[:14] + bob[15] + bob[14]
    wrong = bob[:5] + str((int(bob[5]) + 1) % 10) + bob[6:]
    for number in (wrong, bob[:-1], bob + "0", "", "BOB", *([neighbours] * (neighbours != bob))):
        said = alice.json("pay", number, "1", code=2)
        assert "digit" in said["message"]
    assert len(grpc_bank.received) == before


def test_amounts_and_numbers_may_be_typed_as_people_write_them(alice: Cli, bob: str) -> None:
    grouped = f"{bob[:4]} {bob[4:8]} {bob[8:12]} {bob[12:]}"
    paid = alice.json("pay", grouped, "¥1２.5")
    assert (paid["payee_number"], paid["amount_fen"]) == (bob, 1_250)
    assert alice.json("topup", "1,000.00")["amount_fen"] == 100_000


def test_names_and_memos_may_hold_wide_spaces_and_joined_emoji(
    bob: str, stack: Path, tmp_path: Path
) -> None:
    wang = Cli(stack, tmp_path / "wang")
    wang.run("open", "--bank", "alpha", "--name", "王\u3000五")
    wang.run("topup", "10")
    wang.run("pay", bob, "1", "--memo", "👩\u200d💻\u3000谢谢")
    assert wang.json("history")["items"][0]["memo"] == "👩💻 谢谢"
    assert "line" not in wang.run("pay", bob, "1", "--memo", "two\nlines", code=1)


def test_json_shapes(alice: Cli, bob: str) -> None:
    shown = alice.json("show")
    assert {"number", "bank", "available_fen", "held_fen", "offline_fen"} <= set(shown)
    assert (shown["bank"], shown["available_fen"], shown["held_fen"]) == ("alpha", 10_000, 0)
    paid = alice.json("pay", bob, "12.50", "--memo", "lunch")
    assert paid["state"] == "SETTLED"
    assert paid["payment_id"].startswith(f"{shown['number']}-")
    assert paid["available_fen"] == 8_750
    listed = alice.json("history")
    assert [item["change_fen"] for item in listed["items"]] == [-1_250, 10_000]
    assert listed["items"][0]["balance_after_fen"] == 8_750
    assert listed["items"][0]["counterparty"] == bob
    page = alice.json("history", "--limit", "1")
    second = alice.json("history", "--limit", "1", "--page", page["next_page_token"])
    assert second["items"] == listed["items"][1:]
    assert alice.json("cashout", "7.50")["available_fen"] == 8_000


def test_people_read_sentences(alice: Cli, bob: str) -> None:
    assert "Paid 12.50 yuan" in alice.run("pay", bob, "12.50", "--memo", "午饭 [bold]")
    assert "午饭 [bold]" in alice.run("history")
    assert "87.50 yuan" in alice.run("show")


def test_options_stand_before_and_after_the_subcommand(alice: Cli, stack: Path) -> None:
    home = str(alice.home)
    for words in (
        ["--home", home, "--json", "show"],
        ["show", "--home", home, "--json"],
        ["--json", "show", "--home", home],
        ["--json", "offline", "show", "--home", home],
        ["offline", "--home", home, "show", "--json"],
    ):
        done = CliRunner().invoke(app, words)
        assert json.loads(done.stdout)["number"]


def test_refusal_says_what_to_do_next(alice: Cli, bob: str) -> None:
    assert "wallet topup" in alice.run("pay", bob, "1000", code=1)
    said = alice.json("pay", bob, "1000", code=1)
    assert said["reason"] == "INSUFFICIENT_FUNDS"
    assert said["payment_id"]


def test_no_answer_is_code_3_and_the_same_command_pays_once(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    grpc_bank.mute_after = 1
    assert "twice" in alice.run("pay", bob, "10", code=3)
    assert alice.json("pay", bob, "10")["repeated"] is True
    assert grpc_bank.accounts[bob].available_fen == 1_000


def test_pending_is_code_3_and_the_same_command_asks_again(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    grpc_bank.pending = 1
    first = alice.json("pay", bob, "10", code=3)
    assert first["state"] == "PENDING"
    second = alice.json("pay", bob, "10")
    assert (second["state"], second["payment_id"]) == ("SETTLED", first["payment_id"])


def test_show_without_the_bank_still_shows_the_offline_part(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    grpc_bank.down = True
    shown = alice.json("show", code=3)
    assert shown["bank_reached"] is False
    assert (shown["available_fen"], shown["offline_fen"]) == (None, 0)
    assert "bank alpha does not answer" in alice.run("show", code=3)


def test_wrong_usage(stack: Path, tmp_path: Path) -> None:
    nobody = Cli(stack, tmp_path / "nobody")
    assert "wallet open" in nobody.run("show", code=2)
    assert "alpha" in nobody.run("open", "--bank", "gamma", "--name", "x", code=2)
    assert "--phone" in nobody.run("open", "--bank", "alpha", code=2)
    nobody.run("open", code=2)
    nobody.run("no-such-command", code=2)
    assert not (tmp_path / "nobody").exists()


def test_open_by_address_and_again(alice: Cli, stack: Path) -> None:
    address = json.loads((stack / "banks.json").read_text())["alpha"]["address"]
    again = alice.json("open", "--bank", address, "--name", "Alice")
    assert again["number"] == alice.json("show")["number"]
    other = alice.json("open", "--bank", "alpha", "--name", "Eve", code=1)
    assert other["reason"] == "ALREADY_EXISTS"


def test_close_wants_an_empty_wallet(alice: Cli) -> None:
    alice.json("cashout", "100")


def test_watch_shows_what_arrives_after_its_first_line_and_survives_its_bank(
    alice: Cli, bob: str, stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    alice.run("pay", bob, "1", "--memo", "before")
    command = [sys.executable, "-m", "wallet.cli.main", "watch", "--count", "2", "--json"]
    watch = subprocess.Popen(
        [*command, "--home", str(tmp_path / "bob")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    assert watch.stderr is not None
    try:
        assert "Waiting for money" in watch.stderr.readline()
        alice.run("pay", bob, "3", "--memo", "hello")
        first = json.loads(watch.stdout.readline())
        grpc_bank.cut_watches()
        alice.run("pay", bob, "4", "--memo", "meanwhile")
        assert "does not answer" in watch.stderr.readline()
        second = json.loads(watch.stdout.readline())
        assert watch.wait(30) == 0
    finally:
        watch.kill()
        watch.communicate()
    assert (first["change_fen"], first["memo"], first["balance_after_fen"]) == (300, "hello", 400)
    assert (second["change_fen"], second["memo"]) == (400, "meanwhile")
    assert second["balance_after_fen"] == 800


BLANK = ["", "  "]


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("place", ["before", "after", "environment", "stack"])
def test_a_home_that_is_named_by_nothing_is_not_the_folder_you_are_in(
    stack: Path, tmp_path: Path, blank: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (place, blank) == ("environment", ""):
        pytest.skip("an empty variable is none")
    here = tmp_path / "here"
    here.mkdir()
    here.chmod(0o755)
    monkeypatch.chdir(here)
    environment = {"DCEP_STACK": str(stack), "WALLET_HOME": blank}
    words = ["open", "--bank", "alpha", "--name", "Alice"]
    typed = {
        "before": ["--home", blank, *words],
        "after": [*words, "--home", blank],
        "environment": words,
        "stack": [*words, "--home", "home", "--stack", blank],
    }[place]
    done = CliRunner().invoke(app, typed, env=environment)
    assert done.exit_code == 2
    assert "named by nothing" in done.output
    assert (list(here.iterdir()), here.stat().st_mode & 0o777) == ([], 0o755)


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize(
    "words",
    [
        ["wallet", "--home"],
        ["wallet", "--stack"],
        ["wallet.hard_wallet", "--socket", "card", "--home"],
        ["wallet.hard_wallet", "--socket", "card", "--home", "card.home", "--stack"],
    ],
)
def test_a_service_whose_folder_is_named_by_nothing_does_not_begin(
    words: list[str], blank: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", *words, blank],
        env={"PYTHONPATH": ":".join(str(Path(entry).absolute()) for entry in sys.path if entry)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "named by nothing" in done.stderr
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_an_order_book_of_another_kind_is_refused_with_those_that_are_known(
    stack: Path, tmp_path: Path
) -> None:
    environment = {"DCEP_STACK": str(stack), "DCEP_WALLET_DATABASE_URL": "mysql://ann:secret@x/y"}
    words = ["open", "--bank", "alpha", "--name", "Alice", "--home", str(tmp_path / "home")]
    done = CliRunner().invoke(app, words, env=environment)
    assert done.exit_code == 2
    assert "'mysql' are not known" in done.output and "secret" not in done.output
    assert not (tmp_path / "home").exists()
