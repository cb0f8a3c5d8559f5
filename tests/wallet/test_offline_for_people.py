"""What a person types and reads: what is left, what can be shown again, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from central_bank.registration.offline.sizes import sizes
from dcep.bank.v1 import orders_pb2
from tests.offline.devices import TestDevice, make_device, pay
from tests.offline.signers import DAY, Signers
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from tests.wallet.shown import PROFILE
from wallet.cli.main import app
from wallet.cli.offline_texts import hints, limited, listed, shown
from wallet.secure_element.interface import PieceState


@pytest.fixture
def alice(stack: Path, tmp_path: Path, grpc_bank: FakeBank) -> Cli:
    grpc_bank.signers = Signers()
    return opened(stack, tmp_path / "alice", "Alice", "1000")


@pytest.fixture
def bob(stack: Path, tmp_path: Path, alice: Cli) -> Cli:
    return opened(stack, tmp_path / "bob", "Bob")


def typed(cli: Cli, *words: str, columns: int = 80, typed_in: bytes = b"", code: int = 0) -> str:
    """What a person reads in a window of so many columns, standard error and all."""
    done = CliRunner().invoke(
        app,
        ["--home", str(cli.home), *words],
        input=typed_in,
        env={"DCEP_STACK": str(cli.stack), "COLUMNS": str(columns)},
    )
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


# What is left of each piece


def test_what_is_left_of_each_piece_is_shown(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    pay(alice, bob, 30)
    fields, text = shown(PROFILE, alice.element)
    assert [(p["value_fen"], p["hops"], p["hops_left"]) for p in fields["pieces"]] == [(70, 0, 16)]
    assert "0.70  0 hops, 16 left" in text and fields["hints"] == []


def passed_on(signers: Signers, times: int) -> TestDevice:
    alice, bob = make_device(signers, "alice", 700), make_device(signers, "bob")
    for turn in range(times):
        payer, payee = (alice, bob) if turn % 2 == 0 else (bob, alice)
        pay(payer, payee, 700)
    return alice if times % 2 == 0 else bob


def test_the_holder_is_warned_before_money_cannot_be_paid_on(signers: Signers) -> None:
    assert hints(passed_on(signers, 12).element.holdings.pieces()) == []
    (warning,) = hints(passed_on(signers, 13).element.holdings.pieces())
    assert warning == (
        "Of it 7.00 yuan can be paid on 3 times more at most; `wallet offline renew` exchanges "
        "them for fresh ones, with the bank in reach."
    )
    (stuck,) = hints(passed_on(signers, 16).element.holdings.pieces())
    assert "7.00 yuan cannot be paid, but are not lost: `wallet offline renew`" in stuck


def test_the_holder_is_warned_before_money_ends(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = make_device(signers, "alice", 700)
    for days_before, warned in ((8, False), (6, True)):
        now_s = (
            holder.element.holdings.pieces()[0].expires_time_ms / 1_000 - days_before * DAY / 1_000
        )
        monkeypatch.setattr("wallet.cli.offline_texts.time.time", lambda now_s=now_s: now_s)
        assert (
            any("7 days more at most" in hint for hint in hints(holder.element.holdings.pieces()))
            is warned
        )


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_about_a_piece_is_wider_than_the_window_or_cuts_an_amount(
    signers: Signers, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    holder = make_device(signers, "alice", 10_000_000, 5)
    wide = signers.bundle(created_time_ms=signers.bundle().created_time_ms + 1, max_value_fen=100)
    holder.element.trust.follow(signers.root_public + wide.encode())
    assert holder.element.holdings.pieces()[0].state == PieceState.NOT_PAYABLE
    _, text = shown(PROFILE, holder.element)
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    assert len(lines) > 2 or columns == 80
    assert all(len(line) <= columns for line in lines)
    assert "100,000.00  " in text and "a piece is larger than the rules allow" in " ".join(
        text.split()
    )


# Exchanging


def test_what_has_a_history_is_exchanged_for_fresh_money(alice: Cli, bob: Cli) -> None:
    alice.run("offline", "load", "50")
    asked = bob.json("offline", "request", "20")["text"]
    bob.run("offline", "accept", alice.json("offline", "pay", asked, "--yes")["text"])
    assert bob.json("offline", "show")["pieces"][0]["hops"] == 1
    renewed = bob.json("offline", "renew")
    assert (renewed["deposited_fen"], renewed["loaded_fen"]) == (2_000, 2_000)
    assert (renewed["state"], renewed["offline_fen"]) == ("SETTLED", 2_000)
    assert [piece["hops"] for piece in bob.json("offline", "show")["pieces"]] == [0]
    assert bob.json("show")["available_fen"] == 0
    assert "Nothing is to be exchanged: all of it is fresh." in typed(bob, "offline", "renew")
    said = typed(alice, "offline", "renew")
    assert "30.00 yuan exchanged for fresh ones; 30.00 yuan can be paid offline." in said


def test_an_exchange_that_ends_half_way_says_where_the_money_is(
    alice: Cli, bob: Cli, grpc_bank: FakeBank
) -> None:
    alice.run("offline", "load", "50")
    asked = bob.json("offline", "request", "20")["text"]
    alice.run("offline", "pay", asked, "--yes")
    grpc_bank.mute_kind = orders_pb2.LoadOrder
    said = alice.json("offline", "renew", code=3)
    assert "30.00 yuan are in the wallet now" in said["message"]
    assert "`wallet offline load 30.00` loads them, once" in said["message"]
    assert alice.json("offline", "load", "30.00")["repeated"] is True
    assert alice.json("offline", "show")["offline_fen"] == 3_000


# What is paid, to whom, and what is left


def test_pay_says_what_it_pays_to_whom_and_what_is_left(alice: Cli, bob: Cli) -> None:
    alice.run("offline", "load", "200")
    request = bob.json("offline", "request", "12.50")
    said = typed(alice, "offline", "pay", request["text"], "--amount", "12.50")
    whom = f"a device of alpha whose screen shows {request['compare']}"
    assert f"Paying 12.50 yuan to {whom}; 187.50 yuan are left then." in said
    assert f"12.50 yuan to {whom}; 187.50 yuan are left offline." in said
    again = typed(alice, "offline", "pay", request["text"], "--amount", "12.50")
    assert "was paid before; this is the same payment" in again
    large = bob.json("offline", "request", "150")["text"]
    refused = alice.json("offline", "pay", large, "--amount", "150", code=2)
    assert "is more than 100.00 yuan: say --yes as well; nothing was paid" in refused["message"]
    paid = alice.json("offline", "pay", large, "--yes")
    assert (paid["amount_fen"], paid["payee_bank"], paid["offline_fen"]) == (15_000, "alpha", 3_750)


# Texts that were made


def test_a_payment_in_a_terminal_that_was_closed_is_shown_again(
    alice: Cli, bob: Cli, tmp_path: Path
) -> None:
    alice.run("offline", "load", "200")
    request = bob.json("offline", "request", "141")
    code = request["compare"]
    paid = alice.json("offline", "pay", request["text"], "--yes")
    assert "1 payment as text, 0 requests that wait: wallet offline again" in typed(
        alice, "offline", "show"
    )
    row = typed(alice, "offline", "again")
    assert "141.00" in row and code in row and "payment to a device of alpha" in row
    (listed_,) = alice.json("offline", "again")["payments"]
    assert (listed_["text"], listed_["came_back"]) == (paid["text"], False)
    shown_ = typed(alice, "offline", "again", code.lower().replace("-", ""))
    assert paid["text"] in shown_ and "59.00 yuan are left offline" in shown_
    out = tmp_path / "payment"
    assert str(out) in typed(alice, "offline", "again", code, "--out", str(out))
    assert bob.json("offline", "accept", "--file", str(out))["amount_fen"] == 14_100
    assert alice.json("offline", "again", "AAAA-AAAA", code=2)["reason"] == "USAGE"


def test_a_request_that_waits_is_shown_again(bob: Cli, alice: Cli) -> None:
    alice.run("offline", "load", "20")
    request = bob.json("offline", "request", "5")
    row = typed(bob, "offline", "again", columns=40)
    assert "5.00" in row and request["compare"] in row and "request that" in row
    assert bob.json("offline", "again", request["compare"])["text"] == request["text"]
    payment = alice.json("offline", "pay", request["text"], "--amount", "5")["text"]
    bob.run("offline", "accept", payment)
    assert bob.json("offline", "again") == {"requests": [], "payments": []}
    assert "No payment was made as text" in typed(bob, "offline", "again")


def test_what_came_back_is_said_where_payments_are_listed(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(5))
    revoking = signers.bundle(
        created_time_ms=signers.bundle().created_time_ms + 1, revoked=(signers.alice.revocation,)
    )
    bob.element.trust.follow(signers.root_public + revoking.encode())
    alice.element.payer.take_back(bob.element.payee.return_payment(payment))
    fields, text = listed(alice.element)
    assert fields["payments"][0]["came_back"] is True and "which came back" in text


def test_payments_over_a_link_are_not_listed_as_texts(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    alice.element.payer.pay(bob.element.payee.request(5), unconfirmed=True)
    assert listed(alice.element)[0]["payments"] == []


@pytest.mark.parametrize("columns", [39, 40, 80])
def test_what_is_drawn_fits_the_window(alice: Cli, bob: Cli, columns: int) -> None:
    said = typed(bob, "offline", "request", "5", columns=columns)
    drawn = [line for line in said.splitlines() if "█" in line]
    assert drawn and max(map(len, drawn)) <= columns
    assert ("codes carry it" in said) == (columns < 80)


# Limits and refusals


def test_limits_are_shown_with_the_central_banks(alice: Cli, signers: Signers) -> None:
    said = typed(alice, "offline", "limit", "--single", "200", columns=40)
    assert "your own            200.00 yuan" in said
    assert "the central bank's  200,000.00 yuan" in said
    assert all(len(line) <= 64 for line in said.splitlines())
    fields, text = limited(make_device(signers, "alice").element.holdings.limits(), None)
    assert fields["rule_single_fen"] is None and "unknown" in text


REFUSED: dict[str, tuple[Callable[[Cli, Cli], tuple[str, ...]], str, str]] = {
    "more than is there": (
        lambda alice, bob: ("offline", "pay", bob.json("offline", "request", "90")["text"]),
        "This device cannot pay so much: 70.00 yuan are missing.",
        "wallet offline load AMOUNT",
    ),
    "its own request": (
        lambda alice, bob: ("offline", "pay", alice.json("offline", "request", "1")["text"]),
        "This device has asked for it itself; nothing was paid.",
        "It is the other device that pays it.",
    ),
    "more than the limit": (
        lambda alice, bob: (*("offline", "pay", bob.json("offline", "request", "15")["text"]),),
        "More than may be paid offline at once.",
        "`wallet offline limit` shows the limits.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_of_the_device_names_no_bank_and_the_right_command(
    alice: Cli, bob: Cli, what: str
) -> None:
    words, said, following = REFUSED[what]
    alice.run("offline", "load", "20")
    alice.run("offline", "limit", "--single", "10" if what == "more than the limit" else "0")
    found = typed(alice, *words(alice, bob), "--yes", code=1)
    assert said in found and following in found
    assert "topup" not in found and "The bank" not in found


def test_a_load_that_the_wallet_cannot_pay_says_top_up(alice: Cli) -> None:
    assert "wallet topup AMOUNT" in typed(alice, "offline", "load", "1000.01", code=1)


def test_a_locked_device_says_so_and_what_now(alice: Cli) -> None:
    alice.run("offline", "load", "20")
    alice.run("offline", "pin", "--new", "2468")
    for _ in range(10):
        alice.run("offline", "show", "--pin", "1111", code=2)
    said = alice.json("offline", "show", "--pin", "2468", code=2)
    assert said["reason"] == "PIN_LOCKED" and "locked for good" in said["message"]
    assert "the bank puts what was loaded into the wallet by itself" in said["next"]
    assert "127 days after the load at the latest" in typed(
        alice, "offline", "request", "1", code=2
    )


# Texts that went through other programs


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_text_that_was_piped_through_another_program_is_found(
    alice: Cli, bob: Cli, encoding: str
) -> None:
    alice.run("offline", "load", "20")
    asked = bob.json("offline", "request", "5")["text"]
    piped = f"请付款\r\n{asked[:60]}\r\n{asked[60:]}\r\nthank you".encode(encoding)
    paid = typed(alice, "--json", "offline", "pay", "-", "--yes", typed_in=piped)
    text = json.loads(paid.splitlines()[-1])["text"]
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in text)
    took = typed(bob, "offline", "accept", "-", typed_in=f"> {wide}\r\nBYE".encode(encoding))
    assert "Took 5.00 yuan" in took


def test_codes_that_are_mixed_or_missing_are_named(signers: Signers, alice: Cli, bob: Cli) -> None:
    from wallet.offline import text_format

    one, two = make_device(signers, "alice", *sizes(2_500)), make_device(signers, "bob")
    payments = [one.element.payer.pay(two.element.payee.request(1_100)) for _ in range(2)]
    first, second = (
        text_format.codes(text_format.write(text_format.PAYMENT, each)) for each in payments
    )
    assert len(first) > 1 and len(second) > 1
    assert "these are missing: 1" in typed(bob, "offline", "accept", *first[1:], code=2)
    mixed = typed(bob, "offline", "accept", first[0], *second[1:], code=2)
    assert "these are codes of different payments" in mixed


def test_what_is_far_too_long_is_not_read(bob: Cli) -> None:
    said = typed(bob, "offline", "accept", "-", typed_in=b"A" * 262_145, code=2)
    assert "more than 262144 bytes" in said
