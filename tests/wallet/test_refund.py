"""`wallet refund`: what was received goes back once, whatever is lost on the way."""

from __future__ import annotations

import io
import sys
import uuid
from pathlib import Path
from unittest.mock import Mock

import pytest

from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.wallet.v1 import wallet_pb2
from runtime.errors import NoAnswer, Refusal
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from wallet.api.wallet import GrpcWallet
from wallet.app import App

Shop = tuple[App, App, str]


@pytest.fixture
def shop(make_app: MakeApp) -> Shop:
    """Alice, the shop that she paid 1,000 fen, and the payment's id."""
    alice, shop = make_app("alice"), make_app("shop")
    alice.holder().top_up(10_000)
    paid = alice.holder().pay(shop.profile().number, 1_000)
    return alice, shop, paid.order.payment_id


def fen(app: App) -> int:
    return app.holder().show().available_fen


def test_a_refund_names_its_payment_and_is_in_both_histories(shop: Shop) -> None:
    alice, merchant, payment_id = shop
    placed = merchant.holder().refund(payment_id, 400, "shoes")
    assert placed.message.state == states_pb2.PAYMENT_STATE_SETTLED
    assert (fen(alice), fen(merchant)) == (9_400, 600)
    for app, change_fen in ((alice, 400), (merchant, -400)):
        line = app.holder().history()[0][0]
        assert (line.kind, line.change_fen, line.memo) == ("refund", change_fen, "shoes")
        assert line.refunds_payment_id == payment_id
    assert [line.refunded_fen for line in merchant.holder().history()[0]] == [0, 400]


def test_all_that_is_left_goes_back(shop: Shop) -> None:
    alice, merchant, payment_id = shop
    merchant.holder().refund(payment_id, 400)
    merchant.holder().refund(payment_id)
    assert (fen(alice), fen(merchant)) == (10_000, 0)
    assert refused_for(lambda: merchant.holder().refund(payment_id)) == "REFUND_TOO_LARGE"
    assert refused_for(lambda: merchant.holder().refund(payment_id, 1)) == "REFUND_TOO_LARGE"


@pytest.mark.parametrize("amount_fen", [0, 400], ids=["all", "a part"])
@pytest.mark.parametrize("lost", ["mute_before", "mute_after"])
def test_a_refund_without_an_answer_is_made_once(
    shop: Shop, bank: FakeBank, lost: str, amount_fen: int, make_app: MakeApp
) -> None:
    alice, merchant, payment_id = shop
    merchant.holder().history()  # so that it is the order alone that is lost
    if lost == "mute_after":
        bank.mute_kind = orders_pb2.RefundOrder
    else:
        merchant.holder().top_up(1)
        down = bank.refund

        def silent(order: object) -> None:
            bank.refund = down  # type: ignore[method-assign]
            raise NoAnswer("lost")

        bank.refund = silent  # type: ignore[method-assign,assignment]
    agreed: list[int] = []
    with pytest.raises(NoAnswer):
        merchant.holder().refund(payment_id, amount_fen, agree=lambda _, fen: agreed.append(fen))
    again = make_app("shop").holder()
    placed = again.refund(payment_id, amount_fen, agree=lambda _, fen: agreed.append(fen))
    assert placed.resent
    assert agreed == [amount_fen or 1_000], "nobody is asked about what was ordered before"
    assert fen(alice) == 9_000 + (amount_fen or 1_000)


def test_whoever_does_not_agree_orders_nothing(shop: Shop, bank: FakeBank) -> None:
    _, merchant, payment_id = shop
    before = len(bank.received)

    def no(*_: object) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        merchant.holder().refund(payment_id, agree=no)
    assert len(bank.received) == before
    assert fen(merchant) == 1_000


def test_what_was_not_received_is_not_refunded(shop: Shop) -> None:
    alice, merchant, payment_id = shop
    assert refused_for(lambda: alice.holder().refund(payment_id)) == "PAYMENT_UNKNOWN"
    never = payment_id.replace("-", "-9")
    assert refused_for(lambda: merchant.holder().refund(never)) == "PAYMENT_UNKNOWN"


def test_programs_refund_by_their_own_id(shop: Shop, tmp_path: Path) -> None:
    alice, merchant, payment_id = shop
    service = GrpcWallet(merchant, tmp_path)
    request = wallet_pb2.RefundRequest(request_id=str(uuid.uuid4()), payment_id=payment_id)
    first = service.Refund(request, Mock())
    again = service.Refund(request, Mock())
    assert first == again
    assert (first.amount_fen, first.available_fen) == (1_000, 0)
    other = wallet_pb2.RefundRequest(
        request_id=request.request_id, payment_id=payment_id, amount_fen=1
    )
    with pytest.raises(Refusal, match="used for something else"):
        service.Refund(other, Mock())
    assert fen(alice) == 10_000
    items = service.History(wallet_pb2.HistoryRequest(), Mock()).items
    assert items[0].purpose == purposes_pb2.PURPOSE_REFUND
    assert items[0].refunds_payment_id == payment_id
    assert items[1].refunded_fen == 1_000


@pytest.fixture
def shells(stack: Path, tmp_path: Path) -> tuple[Cli, Cli, str]:
    """Alice's shell, the shop's, and the id of 10 yuan that she paid."""
    alice = opened(stack, tmp_path / "alice", "Alice", "100")
    shop = opened(stack, tmp_path / "shop", "Shop")
    paid = alice.json("pay", str(shop.json("show")["number"]), "10")
    return alice, shop, str(paid["payment_id"])


def test_the_command_shows_what_is_left_and_refunds(shells: tuple[Cli, Cli, str]) -> None:
    alice, shop, payment_id = shells
    said = shop.run("refund", payment_id, "4")
    assert "Refunding 4.00 yuan" in said
    assert "10.00 yuan of it are left to refund" in said
    assert "Refunded 4.00 yuan" in said
    whole = shop.json("refund", payment_id, "--yes")
    assert (whole["amount_fen"], whole["available_fen"]) == (600, 0)
    assert whole["refunds_payment_id"] == payment_id
    assert (whole["state"], whole["repeated"]) == ("SETTLED", False)
    for who in (alice, shop):
        assert f"refund of {payment_id}" in who.run("history")
    assert "refunded: 10.00 yuan" in shop.run("history")
    assert "Refund of" in alice.run("payment", str(whole["payment_id"]))
    no = shop.json("refund", payment_id, "0.01", code=1)
    assert (no["reason"], no["left_fen"]) == ("REFUND_TOO_LARGE", "0")


def test_without_a_terminal_an_amount_or_yes_is_needed(shells: tuple[Cli, Cli, str]) -> None:
    _, shop, payment_id = shells
    assert "10.00 yuan are left to refund" in shop.run("refund", payment_id, code=2)
    assert shop.json("show")["available_fen"] == 1_000
    for amount in ("0", "1.234", "x", ""):
        assert shop.json("refund", payment_id, amount, code=2)["reason"] == "USAGE"


@pytest.mark.parametrize(("answer", "left_fen"), [("y\n", 0), ("n\n", 1_000), ("", 1_000)])
def test_at_a_terminal_it_asks(
    shells: tuple[Cli, Cli, str], monkeypatch: pytest.MonkeyPatch, answer: str, left_fen: int
) -> None:
    from wallet.cli import refund

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    _, shop, payment_id = shells
    before = refund.asking

    def at_a_terminal(*given: object, **how: object) -> object:
        agree = before(*given, **how)  # type: ignore[arg-type]

        def asked(*what: object) -> None:
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdin", Terminal(answer))
                agree(*what)  # type: ignore[arg-type]

        return asked

    monkeypatch.setattr(refund, "asking", at_a_terminal)
    said = shop.run("refund", payment_id, code=0 if left_fen == 0 else 2)
    assert "Is that right? [y/N]" in said
    assert shop.json("show")["available_fen"] == left_fen
