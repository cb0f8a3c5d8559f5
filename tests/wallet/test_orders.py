"""Orders are done exactly once, whatever is lost on the way."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.clock import ManualClock
from runtime.errors import NoAnswer, Refusal
from tests.refusals import refused, refused_because, refused_for
from tests.wallet.apps import ALPHA, MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.fake_banks import FakeBanks
from wallet.app import App, NotOpened
from wallet.cli.console import Output
from wallet.limits import BANK_BEHIND_MS, ORDER_VALID_MS


def funded(make_app: MakeApp, fen: int = 10_000) -> tuple[App, str]:
    """Alice with money, and Bob's number."""
    alice, bob = make_app("alice"), make_app("bob")
    alice.holder().top_up(fen)
    return alice, bob.profile().number


def test_a_home_that_was_there_is_closed_with_all_that_lies_in_it(
    make_app: MakeApp, tmp_path: Path
) -> None:
    """Whatever modes a folder and a database had before, and whatever the umask."""
    home = tmp_path / "alice"
    home.mkdir()
    home.chmod(0o777)
    (home / "wallet.db").touch(0o666)
    (home / "wallet.db").chmod(0o666)
    before = os.umask(0)
    try:
        make_app("alice").holder().top_up(100)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {path.name for path in home.iterdir()} >= {"wallet.db", "wallet.json", "wallet.key"}
    assert {
        path.name for path in home.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077
    } == set()


@pytest.mark.parametrize(
    ("field", "back_ms", "says"),
    [
        ("created_time_ms", 0, "This machine's clock is ahead"),
        ("created_time_ms", 600_000, "while this machine's clock was ahead"),
        ("cash_receipt", 0, "The cash machine's clock is ahead"),
    ],
)
def test_an_order_before_its_time_is_not_said_to_be_without_an_answer(
    make_app: MakeApp,
    bank: FakeBank,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    field: str,
    back_ms: int,
    says: str,
) -> None:
    alice, number = funded(make_app)

    def not_yet(order: SignedEnvelope) -> None:
        clock.set_back(back_ms)
        raise Refusal(errors_pb2.REASON_NOT_YET_VALID, "made in the future", field=field)

    with monkeypatch.context() as patch:
        patch.setattr(bank, "pay", not_yet)
        with pytest.raises(SystemExit) as ended, Output(True, bank=lambda: "alpha").failures():
            alice.holder().pay(number, 100)
    said = json.loads(capsys.readouterr().out)
    assert (ended.value.code, said["reason"]) == (3, "NO_ANSWER")
    assert "does not answer" not in said["message"] and says in said["next"]
    assert alice.holder().pay(number, 100, anew=True).message.available_fen == 9_900


def test_key_is_made_in_the_wallet_and_nobody_else_can_read_it(
    make_app: MakeApp, bank: FakeBank, tmp_path: Path
) -> None:
    app = make_app("alice")
    seed = tmp_path / "alice" / "wallet.key"
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    assert bank.accounts[app.profile().number].key == bytes(app.home.key().verify_key)
    seed.chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        app.home.key()


def test_opening_again_after_no_answer_opens_one_wallet(make_app: MakeApp, bank: FakeBank) -> None:
    app = make_app(opened=False)
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        app.open(ALPHA, holder_name="alice")
    with pytest.raises(NotOpened):
        app.profile()
    number = make_app(opened=False).open(ALPHA, holder_name="alice").number
    assert list(bank.accounts) == [number]
    assert app.open(ALPHA, holder_name="alice").number == number


def test_home_with_a_wallet_takes_no_second_one(make_app: MakeApp) -> None:
    assert (
        refused_for(make_app("alice").open, ALPHA, holder_name="somebody else") == "ALREADY_EXISTS"
    )


def test_refused_opening_can_be_corrected(make_app: MakeApp, bank: FakeBank) -> None:
    app = make_app(opened=False)
    with pytest.raises(Refusal):
        app.open(ALPHA, holder_name="Nobody")
    assert app.open(ALPHA, holder_name="Alice").number in bank.accounts


def test_where_no_other_code_is_sent_the_newest_that_came_is_wanted(
    make_app: MakeApp, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers had all of them sent, and the last one is good for any wallet."""
    field = "phone"

    def send(_asked: Any) -> Any:
        raise Refusal(errors_pb2.REASON_OVERLOADED, "no more", field=field)

    monkeypatch.setattr(bank, "send_code", send)
    app, bank.code = make_app(opened=False), "123456789012"
    shown: dict[str, Any] = {"holder_name": "Alice", "phone": "13900139000"}
    assert refused_for(app.open, ALPHA, **shown) == "PHONE_NOT_CONFIRMED"
    field = ""
    assert refused_for(app.open, ALPHA, **shown) == "OVERLOADED", "the bank has too much to do"
    assert app.open(ALPHA, **shown, code="123456789012").number in bank.accounts


def test_a_code_is_asked_for_and_the_same_wallet_is_opened_with_it(
    make_app: MakeApp, bank: FakeBank
) -> None:
    app, bank.code = make_app(opened=False), "123456"
    shown: dict[str, Any] = {"holder_name": "Alice", "phone": "13900139000", "document": "E1234"}
    assert refused_for(app.open, ALPHA, **shown) == "PHONE_NOT_CONFIRMED"
    key = bytes(app.home.key())
    assert bank.codes_sent == ["13900139000"]
    assert refused_for(app.open, ALPHA, **shown, code="000000") == "PHONE_NOT_CONFIRMED"
    assert len(bank.codes_sent) == 1, "who has a code is sent no other one"
    opened = app.open(ALPHA, **shown, code="123456")
    assert bytes(app.home.key()) == key
    assert (opened.document, opened.document_kind) == ("E1234", "id-card")
    assert app.open(ALPHA, **shown) == opened
    assert refused_for(app.open, ALPHA, **{**shown, "document": "E2"}) == "ALREADY_EXISTS"


@pytest.mark.parametrize("lost", ["mute_before", "mute_after"])
def test_payment_without_an_answer_is_sent_again_unchanged(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock, lost: str
) -> None:
    alice, bob = funded(make_app)
    setattr(bank, lost, 1)
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 1_250, "lunch")
    alice.close()
    clock.advance(1_000)
    placed = make_app("alice").holder().pay(bob, 1_250, "lunch")
    assert placed.resent
    assert placed.message.available_fen == 8_750
    assert bank.accounts[bob].available_fen == 1_250
    assert len(set(bank.received)) == 2


def test_answered_payment_given_again_is_a_new_one(make_app: MakeApp, bank: FakeBank) -> None:
    alice, bob = funded(make_app)
    first, second = (alice.holder().pay(bob, 100) for _ in range(2))
    assert first.order.payment_id != second.order.payment_id
    assert bank.accounts[bob].available_fen == 200


def test_other_payment_is_not_mistaken_for_the_one_without_an_answer(
    make_app: MakeApp, bank: FakeBank
) -> None:
    alice, bob = funded(make_app)
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100, "a")
    assert not alice.holder().pay(bob, 100, "b").resent
    assert not alice.holder().pay(bob, 100, "a", anew=True).resent
    assert alice.holder().pay(bob, 100, "a").resent
    assert bank.accounts[bob].available_fen == 300


def test_pending_payment_is_asked_for_with_the_same_order(
    make_app: MakeApp, bank: FakeBank
) -> None:
    alice, bob = funded(make_app)
    bank.pending = 1
    first = alice.holder().pay(bob, 100)
    assert first.pending
    second = alice.holder().pay(bob, 100)
    assert second.resent and not second.pending
    assert second.order.payment_id == first.order.payment_id
    assert bank.accounts[bob].available_fen == 100


def test_order_on_its_way_in_another_command_is_not_taken_over(
    make_app: MakeApp, bank: FakeBank
) -> None:
    alice, bob = funded(make_app)
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    (order,) = alice.book.unknown(alice.profile().number)
    assert alice.flights.take(order.sequence)
    assert not alice.holder().pay(bob, 100).resent
    alice.flights.release(order.sequence)
    assert alice.holder().pay(bob, 100).resent


def test_refused_order_is_final_and_the_next_one_is_new(make_app: MakeApp, bank: FakeBank) -> None:
    alice, bob = funded(make_app, 100)
    assert refused_for(alice.holder().pay, bob, 200) == "INSUFFICIENT_FUNDS"
    alice.holder().top_up(100)
    assert not alice.holder().pay(bob, 200).resent


def test_programs_request_is_done_once_and_answered_again(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock
) -> None:
    alice, bob = funded(make_app)
    first = alice.holder().pay(bob, 100, request_id="r")
    again = make_app("alice").holder().pay(bob, 100, request_id="r")
    assert again.order.payment_id == first.order.payment_id
    assert again.message == first.message
    refused_because(errors_pb2.REASON_ID_REUSED, alice.holder().pay, bob, 101, request_id="r")
    with pytest.raises(Refusal) as first_no:
        alice.holder().pay(bob, 99_999, request_id="s")
    alice.holder().top_up(100_000)
    assert refused_for(alice.holder().pay, bob, 99_999, request_id="s") == first_no.value.name


def test_order_that_expired_unseen_moved_nothing_and_says_so(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock
) -> None:
    alice, bob = funded(make_app)
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    clock.advance(ORDER_VALID_MS + 1)
    assert refused_for(alice.holder().pay, bob, 100) == "EXPIRED"
    assert not alice.holder().pay(bob, 100).resent
    assert bank.accounts[bob].available_fen == 100


def test_history_looks_orders_without_an_answer_up(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock
) -> None:
    alice, bob = funded(make_app)
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    assert alice.holder().unanswered() == []
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 200)
    assert len(alice.holder().unanswered()) == 1
    clock.advance(ORDER_VALID_MS + BANK_BEHIND_MS)
    assert len(alice.holder().unanswered()) == 1
    clock.advance(1)
    assert alice.holder().unanswered() == []


def test_a_wallets_clock_alone_ends_no_order(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock, tmp_path: Path
) -> None:
    """Another call with it may be on its way, and the bank's clock is behind."""
    alice, bob = funded(make_app)
    alice.close()
    ahead = ManualClock(clock.now_ms() + 60_000)
    alice = App(tmp_path / "alice", clock=ahead, banks=FakeBanks(bank))
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    for each in (ahead, clock):
        each.advance(ORDER_VALID_MS + 1)
    assert len(alice.holder().unanswered()) == 1, "the bank would still take it"
    assert alice.holder().pay(bob, 100).resent
    assert bank.accounts[bob].available_fen == 100
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 200)
    ahead.advance(2 * ORDER_VALID_MS)
    assert len(alice.holder().unanswered()) == 1, "it answers no question that is dated so"
    alice.close()


def test_a_banks_word_ends_an_order_though_the_wallets_clock_is_behind(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock, tmp_path: Path
) -> None:
    alice, bob = funded(make_app)
    alice.close()
    behind = ManualClock(clock.now_ms() - 30_000)
    alice = App(tmp_path / "alice", clock=behind, banks=FakeBanks(bank))
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    for each in (behind, clock):
        each.advance(ORDER_VALID_MS - 29_999)
    assert refused_for(alice.holder().pay, bob, 100) == "EXPIRED"
    assert bank.accounts[bob].available_fen == 0
    alice.close()


@pytest.mark.parametrize("look", ["unanswered", "nothing"])
def test_a_look_does_not_free_an_equal_payment(
    make_app: MakeApp, bank: FakeBank, look: str
) -> None:
    alice, bob = funded(make_app)
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    if look == "unanswered":
        assert alice.holder().unanswered() == []
    assert alice.holder().pay(bob, 100).resent
    assert bank.accounts[bob].available_fen == 100
    assert not alice.holder().pay(bob, 100).resent, "somebody has been told of the first"


def test_a_look_does_not_free_an_equal_top_up(make_app: MakeApp, bank: FakeBank) -> None:
    alice, _ = funded(make_app)
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        alice.holder().top_up(500)
    assert alice.holder().unanswered() == []
    assert alice.holder().top_up(500).resent
    assert alice.holder().show().available_fen == 10_500


def test_a_refusal_that_was_learned_by_a_look_is_told_before_the_next_order(
    make_app: MakeApp, bank: FakeBank, clock: ManualClock
) -> None:
    alice, bob = funded(make_app)
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    clock.advance(ORDER_VALID_MS + BANK_BEHIND_MS + 1)
    assert alice.holder().unanswered() == []
    assert refused_for(alice.holder().pay, bob, 100) == "EXPIRED"
    assert not alice.holder().pay(bob, 100).resent


def test_who_is_told_later_has_heard_only_then(make_app: MakeApp, bank: FakeBank) -> None:
    _, bob = funded(make_app)
    command = make_app("alice", tells_later=True)
    command.holder().pay(bob, 100)
    for _ in range(2):  # commands that could not print
        assert make_app("alice", tells_later=True).holder().pay(bob, 100).resent
    last = make_app("alice", tells_later=True)
    assert last.holder().pay(bob, 100).resent
    last.heard()
    assert not make_app("alice", tells_later=True).holder().pay(bob, 100).resent
    assert bank.accounts[bob].available_fen == 200


def test_lost_order_book_does_not_reuse_sequences(
    make_app: MakeApp, bank: FakeBank, tmp_path: Path
) -> None:
    alice, bob = funded(make_app)
    alice.close()
    for path in (tmp_path / "alice").glob("wallet.db*"):
        path.unlink()
    placed = make_app("alice").holder().pay(bob, 100)
    assert placed.order.sequence == 2


def test_mistyped_number_is_caught_before_anything_is_sent(
    make_app: MakeApp, bank: FakeBank
) -> None:
    alice, bob = funded(make_app)
    before = len(bank.received)
    mistyped = bob[:10] + str((int(bob[10]) + 1) % 10) + bob[11:]
    with pytest.raises(Refusal) as refused:
        alice.holder().pay(mistyped, 100)
    assert refused.value.field == "payee_number"
    assert len(bank.received) == before


def test_a_receipt_of_a_machine_goes_with_the_order_and_is_no_guess(make_app: MakeApp) -> None:
    holder = make_app().holder()
    receipt = SignedEnvelope(payload=b"p", signature=b"s" * 64, key_id=b"machine-1")
    placed = holder.top_up(500, receipt=receipt.SerializeToString())
    order = orders_pb2.ExchangeOrder.FromString(placed.order.payload)
    assert (order.cash_receipt, order.medium) == (receipt, orders_pb2.EXCHANGE_MEDIUM_CASH)
    assert refused(holder.top_up, 500, receipt=b"\xff") == ("FIELD_INVALID", "cash_receipt")
