"""``wallet alias …``, ``wallet pay --alias`` and ``wallet request --from-alias``."""

from __future__ import annotations

from pathlib import Path

import pytest

from currency.number import make
from dcep.bank.v1 import aliases_pb2
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import opened
from wallet.app import App
from wallet.online.aliases import Aliases, Payee

LI = make("6202", 7)


@pytest.fixture
def app(make_app: MakeApp) -> App:
    return make_app()


@pytest.fixture
def known(bank: FakeBank) -> FakeBank:
    bank.payees["@li.ming"] = aliases_pb2.AliasPayee(wallet_number=LI, masked_name="李*")
    bank.payees["+8613900139000"] = aliases_pb2.AliasPayee(wallet_number=LI)
    return bank


def test_an_alias_is_taken_listed_and_given_up(app: App, bank: FakeBank) -> None:
    made = Aliases(app.submitter(), app.randomness, pause=lambda _: None)
    assert made.add("@Li.Ming").state == "ACTIVE"
    assert made.add("@secret", private=True).private
    assert [line.alias for line in made.lines()[0]] == ["@li.ming", "@secret"]
    assert made.remove("@l1ming").state == "REMOVED"  # they look alike, so they are one
    assert refused_for(made.remove, "@li.ming") == "ALIAS_UNKNOWN"
    for order in bank.aliases:  # what is signed has no name in it
        assert b"ming" not in order


def test_a_directory_that_does_not_hear_is_waited_for_a_while(app: App, bank: FakeBank) -> None:
    bank.tells = 10_000
    waited: list[float] = []
    made = Aliases(app.submitter(), app.randomness, pause=waited.append)
    assert made.add("@li.ming").state == "REGISTERING"
    assert 5 <= sum(waited) <= 10


def test_a_phone_wants_the_code_that_comes_to_it(app: App, bank: FakeBank) -> None:
    made = Aliases(app.submitter(), app.randomness, pause=lambda _: None)
    assert refused_for(made.add, "139 0013 9000") == "PHONE_NOT_CONFIRMED"
    assert made.add("139 0013 9000", code="123456").alias == "+8613900139000"


def test_a_payee_is_found_by_whatever_spelling(app: App, known: FakeBank) -> None:
    made = app.aliases()
    assert made.find("@LI.MING") == Payee("@li.ming", LI, "李*")
    assert made.find("0086 139-0013-9000") == Payee("+8613900139000", LI, "")
    assert refused_for(made.find, "@nobody") == "ALIAS_NOT_FOUND"


def test_the_commands(tmp_path: Path, stack: Path, grpc_bank: FakeBank) -> None:
    alice = opened(stack, tmp_path / "alice", "Alice", "100")
    li = opened(stack, tmp_path / "li", "李明").json("show")["number"]
    grpc_bank.payees["@li.ming"] = aliases_pb2.AliasPayee(wallet_number=li, masked_name="李*")
    assert "this wallet is found by it" in alice.run("alias", "add", "@alice")
    assert alice.json("alias", "add", "@hidden", "--private")["private"]
    listed = alice.json("alias", "list")
    assert [one["alias"] for one in listed["aliases"]] == ["@alice", "@hidden"]
    assert "You may look for 30 aliases" in alice.run("alias", "list")
    assert alice.json("alias", "remove", "@alice")["state"] == "REMOVED"
    said = alice.run("pay", "--alias", "@li.ming", "12.50", code=2)
    assert "12.50 yuan" in said and "李*" in said and "--yes" in said
    said = alice.run("pay", "--alias", "@Li_Ming", "12.50", "--yes", code=1)
    assert "Nobody can be found by this alias now." in said  # the fake knows one spelling
    paid = alice.json("pay", "--alias", "@li.ming", "12.50", "--yes")
    assert (paid["alias"], paid["masked_name"], paid["payee_number"]) == ("@li.ming", "李*", li)
    assert "say how much" in alice.run("pay", "--alias", "@li.ming", code=2)
    assert "an alias is a telephone number" in alice.run("pay", "--alias", "12", "1", code=2)
    asked = alice.json("request", "--from-alias", "@li.ming", "5")
    assert asked["requests"][0]["payer_number"] == li
    assert "six or twelve digits" in alice.run("alias", "add", "13900139000", code=1)
    assert grpc_bank.codes_sent == ["+8613900139000"]
