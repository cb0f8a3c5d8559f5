"""Offline money from the command line, from loading to depositing, with a bank that signs it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dcep.bank.v1 import offline_pb2, orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.ports import free_ports
from offline_token.formats import Payment
from tests.offline.signers import Signers
from tests.softhsm import PIN as TOKEN_PIN
from tests.softhsm import library
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from wallet.cli.offline_input import given
from wallet.offline import link, text_format
from wallet.offline.text_format import REQUEST


@pytest.fixture
def alice(stack: Path, tmp_path: Path, grpc_bank: FakeBank) -> Cli:
    grpc_bank.signers = Signers()
    return opened(stack, tmp_path / "alice", "Alice", "100")


@pytest.fixture
def bob(stack: Path, tmp_path: Path, alice: Cli) -> Cli:
    return opened(stack, tmp_path / "bob", "Bob")


def command(cli: Cli, *words: str, **environment: str) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "wallet.cli.main", "--home", str(cli.home), "--json", *words],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "DCEP_STACK": str(cli.stack),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, err)
    found: dict[str, Any] = json.loads(out)
    return found


def test_from_loading_to_depositing(alice: Cli, bob: Cli) -> None:
    assert alice.json("offline", "load", "50")["offline_fen"] == 5_000
    request = bob.json("offline", "request", "12.50")["text"]
    said_no = alice.json("offline", "pay", request, code=2)
    assert "--amount 12.50" in said_no["message"]
    paid = alice.json("offline", "pay", request, "--amount", "12.50")
    assert paid["offline_fen"] == 3_750
    assert alice.json("offline", "pay", request, "--amount", "12.50")["text"] == paid["text"]
    took = bob.json("offline", "accept", paid["text"])
    assert (took["amount_fen"], took["repeated"]) == (1_250, False)
    assert bob.json("offline", "accept", paid["text"])["repeated"] is True
    shown = bob.json("offline", "show")
    assert [(p["value_fen"], p["hops"], p["state"]) for p in shown["pieces"]] == [
        (1_250, 1, "SPENDABLE")
    ]
    assert bob.json("offline", "deposit")["available_fen"] == 1_250
    assert alice.json("offline", "deposit")["available_fen"] == 8_750
    assert "Unload" in alice.run("offline", "deposit", "--help")


def test_a_load_over_the_holders_limit_never_reaches_the_bank(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    alice.run("offline", "limit", "--total", "30")
    alice.run("offline", "load", "20")
    before = len(grpc_bank.received)
    refused = alice.json("offline", "load", "10.01", code=1)
    assert (refused["reason"], refused["over_fen"]) == ("OVER_BALANCE_CAP", "1")
    assert len(grpc_bank.received) == before
    assert alice.json("offline", "load", "10")["offline_fen"] == 3_000
    assert alice.json("show")["available_fen"] == 7_000


def test_a_payment_over_the_central_banks_limit_is_told_with_whose_limit_it_is(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    alice.run("offline", "load", "20")
    said = alice.run("offline", "request", "200000.01", code=1)
    assert "the central bank's limit for offline money is 200,000.00 yuan for one payment" in said
    over = alice.json("offline", "load", "999980.01", code=1)
    assert (over["reason"], over["over_fen"]) == ("OVER_BALANCE_CAP", "1")
    assert "1,000,000.00 yuan in all" in over["message"]


def test_a_load_whose_answer_was_lost_is_repeated_though_the_limit_is_reached(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    alice.run("offline", "limit", "--total", "30")
    grpc_bank.mute_kind = orders_pb2.LoadOrder
    alice.run("offline", "load", "30", code=3)
    assert alice.json("offline", "load", "30")["repeated"] is True
    assert alice.json("offline", "show")["offline_fen"] == 3_000


def test_a_load_that_finds_no_room_says_where_the_money_is_and_what_makes_room(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    grpc_bank.mute_kind = orders_pb2.LoadOrder
    alice.run("offline", "load", "30", code=3)
    alice.run("offline", "limit", "--total", "10")
    told = alice.json("offline", "load", "30", code=3)
    assert told["reason"] == "NOT_TAKEN"
    assert "the load has left the wallet" in told["message"]
    assert "wallet offline deposit" in told["next"]
    alice.run("offline", "limit", "--total", "0")
    assert alice.json("offline", "load", "30")["repeated"] is True
    assert alice.json("offline", "deposit")["available_fen"] == 10_000


def test_a_bank_that_sends_too_little_is_not_told_as_one_that_is_silent(
    alice: Cli, grpc_bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
        return offline_pb2.LoadTokensResponse(state=states_pb2.PAYMENT_STATE_SETTLED)

    monkeypatch.setattr(grpc_bank, "load_tokens", nothing)
    told = alice.json("offline", "load", "30", code=3)["message"]
    assert told.startswith("What the bank has answered is not to be believed")
    assert "it has sent 0.00 yuan for a load of 30.00 yuan" in told


def test_two_processes_over_a_link(alice: Cli, bob: Cli) -> None:
    alice.run("offline", "load", "50")
    at = f"127.0.0.1:{free_ports(1)[0]}"
    payee = command(bob, "offline", "accept", "--listen", at, "--amount", "5")
    assert payee.stderr is not None and "Listening" in payee.stderr.readline()
    paid = said(command(alice, "offline", "pay", "--connect", at, "--amount", "5"))
    assert (paid["amount_fen"], paid["repeated"], paid["offline_fen"]) == (500, False, 4_500)
    assert said(payee)["amount_fen"] == 500
    assert alice.json("offline", "show")["unconfirmed"] == []


def test_the_repeat_of_a_cut_link_payment_says_that_it_finishes_it_and_pays_nothing_new(
    alice: Cli, bob: Cli
) -> None:
    alice.run("offline", "load", "60")
    at = f"127.0.0.1:{free_ports(1)[0]}"
    request = bob.json("offline", "request", "2")["text"]
    with socket.create_server(link.parse_address(at)) as server:
        payer = command(alice, "offline", "pay", "--connect", at, "--amount", "2")
        connection, _peer = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(request.encode() + b"\n")
            while not (line := lines.readline()).startswith(b"DCEPP"):
                assert line
                connection.sendall(b"NEITHER\n")
    _out, err = payer.communicate(timeout=60)
    assert payer.returncode == 3 and "Paying 2.00 yuan to a device of alpha" in err
    payee = command(bob, "offline", "accept", "--listen", at, "--amount", "2")
    assert payee.stderr is not None and "Listening" in payee.stderr.readline()
    said = alice.run("offline", "pay", "--connect", at, "--amount", "2")
    assert "Paying" not in said
    assert "Finishing an earlier payment of 2.00 yuan to this device of alpha" in said
    assert "nothing new is paid for it. 58.00 yuan are left." in said
    assert "The earlier payment of 2.00 yuan has arrived; 58.00 yuan left offline." in said
    out, _err = payee.communicate(timeout=60)
    assert json.loads(out)["amount_fen"] == 200
    assert alice.json("offline", "show")["offline_fen"] == 5_800


@pytest.fixture
def carol(alice: Cli, bob: Cli, tmp_path: Path, grpc_bank: FakeBank) -> Cli:
    """Knows that Alice is revoked; Bob, who has money of hers, does not."""
    alice.run("offline", "load", "50")
    request = bob.json("offline", "request", "20")["text"]
    payment = alice.json("offline", "pay", request, "--amount", "20")["text"]
    assert bob.json("offline", "accept", payment)["amount_fen"] == 2_000
    chain = Payment.decode(text_format.read(text_format.PAYMENT, payment)).chains[0]
    grpc_bank.revoked = (chain.hops[0].certificate.revocation(),)
    cli = Cli(alice.stack, tmp_path / "carol")
    cli.run("open", "--bank", "alpha", "--name", "Carol")
    return cli


def test_what_is_not_taken_comes_back_as_a_text(bob: Cli, carol: Cli, tmp_path: Path) -> None:
    paid = bob.json(
        "offline", "pay", carol.json("offline", "request", "15")["text"], "--amount", "15"
    )
    assert paid["offline_fen"] == 500
    back = carol.json("offline", "accept", paid["text"], code=1)
    assert (back["ok"], back["state"], back["message"]) == (
        False,
        "RETURNED",
        "a device was revoked",
    )
    file = tmp_path / "back"
    said = carol.run("offline", "accept", paid["text"], "--out", str(file), code=1)
    assert str(file) in said and file.read_text() == back["text"] + "\n"
    assert back["text"] in carol.run("offline", "accept", paid["text"], code=1)
    assert carol.json("offline", "show")["offline_fen"] == 0

    came = bob.json("offline", "accept", "--file", str(file))
    assert (came["state"], came["amount_fen"], came["offline_fen"]) == ("CAME_BACK", 1_500, 2_000)
    assert "came back" in bob.run("offline", "accept", back["text"])
    shown = bob.json("offline", "show")
    assert (shown["offline_fen"], shown["payable_fen"]) == (2_000, 500)
    assert sorted((p["value_fen"], p["state"]) for p in shown["pieces"]) == [
        (500, "SPENDABLE"),
        (1_500, "RETURNED"),
    ]
    assert "15.00  3 hops" in bob.run("offline", "show")
    assert bob.json("offline", "deposit")["available_fen"] == 2_000
    again = carol.json("offline", "accept", back["text"], code=1)
    assert again["reason"] == "PAYMENT_UNKNOWN"


def test_what_is_not_taken_comes_back_over_a_link(bob: Cli, carol: Cli) -> None:
    bob.run("topup", "5")
    bob.run("offline", "load", "5")
    at = f"127.0.0.1:{free_ports(1)[0]}"
    payee = command(carol, "offline", "accept", "--listen", at, "--amount", "5")
    assert payee.stderr is not None and "Listening" in payee.stderr.readline()
    # What is revoked she would tell him before he pays; that she has no room by now she does not.
    carol.run("offline", "limit", "--total", "1")
    payer = command(bob, "offline", "pay", "--connect", at, "--amount", "5")
    out, _ = payer.communicate(timeout=60)
    said_no = json.loads(out)
    assert (payer.returncode, said_no["reason"], said_no["amount_fen"]) == (1, "CAME_BACK", 500)
    assert "wallet offline deposit" in said_no["next"]
    out, _ = payee.communicate(timeout=60)
    assert (payee.returncode, json.loads(out)["state"]) == (1, "RETURNED")
    assert bob.json("offline", "deposit")["available_fen"] == 2_500


@pytest.mark.skipif(not library(), reason="apt-get install softhsm2")
def test_a_wallet_whose_key_is_in_a_token(alice: Cli, bob: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "softhsm"
    (folder / "tokens").mkdir(parents=True)
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    environment = {
        "SOFTHSM2_CONF": str(conf),
        "DCEP_PKCS11_LIBRARY": library(),
        "DCEP_PKCS11_PIN": TOKEN_PIN,
    }
    words = ["--init-token", "--free", "--label", "dcep", "--so-pin", TOKEN_PIN, "--pin", TOKEN_PIN]
    subprocess.run(
        ["softhsm2-util", *words],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    holder = Cli(alice.stack, tmp_path / "carol")
    said(command(holder, "open", "--bank", "alpha", "--name", "Carol", **environment))
    said(command(holder, "topup", "10", **environment))
    assert said(command(holder, "offline", "load", "10", **environment))["offline_fen"] == 1_000
    request = bob.json("offline", "request", "4")["text"]
    paid = said(command(holder, "offline", "pay", request, "--amount", "4", **environment))
    assert TOKEN_PIN not in json.dumps(paid)
    assert bob.json("offline", "accept", paid["text"])["amount_fen"] == 400
    assert holder.json("offline", "pay", request, "--amount", "4")["text"] == paid["text"]
    other = bob.json("offline", "request", "1")["text"]
    assert (
        "no such key is at hand"
        in holder.json("offline", "pay", other, "--amount", "1", code=1)["message"]
    )


@pytest.mark.parametrize(("text", "file"), [("-", None), ("", Path("-"))])
def test_a_dash_is_standard_input_as_text_and_as_file(
    text: str, file: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b"> DCEPR1AB\n"))
    monkeypatch.setattr(sys, "stdin", piped)
    assert given(text, file, "request", REQUEST) == "DCEPR1AB"
