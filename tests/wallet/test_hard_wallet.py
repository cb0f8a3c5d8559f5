"""The hard wallet: what it does for its owner, its PIN, and tapping it with a wallet."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from offline_token.formats import REQUEST_BYTES
from runtime.clock import ManualClock
from runtime.errors import NoAnswer, Refusal
from runtime.randomness import SeededRandomness
from tests.offline.country import NOW, Country
from tests.offline.purses import WALLET, FailingStore, Purse, deposited, purse, ruled
from tests.wallet.conftest import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.held_cards import PIN, Held, no, paid_by, took
from tests.wallet.test_cli import Cli
from wallet.hard_wallet import messages, tap
from wallet.hard_wallet.card import HardWallet, personalise, serve
from wallet.hard_wallet.guard import FREE_TAPS, Session
from wallet.hard_wallet.messages import Command
from wallet.hard_wallet.pin import Reader
from wallet.hard_wallet.reader import touched
from wallet.home.home import HomeError
from wallet.offline.link_payments import Handed
from wallet.offline.outcomes import LinkError, PaymentReturn
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.element import SecureElement
from wallet.secure_element.limits import MAX_PIN_TRIES


@pytest.fixture(scope="module")
def country() -> Country:
    return Country()


def test_it_pays_and_is_paid(country: Country) -> None:
    held, bob = Held(country, 100), purse(country, "bob")
    card = held.owners()
    assert (card.balance_fen(), card.payable_fen(), card.certified()) == (100, 100, True)
    took(bob, card, 30)
    request = card.request(10)
    payment = bob.element.pay(request)
    assert [card.accept(payment).amount_fen for _ in range(2)] == [10, 10]
    assert (card.balance_fen(), bob.balance) == (80, 20)


def test_above_its_limit_it_wants_the_pin(country: Country) -> None:
    held, bob = Held(country, 100, free_fen=20), purse(country, "bob")
    card = held.card
    assert card.free_fen == 20
    took(bob, card, 20)
    request = bob.element.request(21)
    assert "PIN" in no(errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, request)
    assert "9 tries" in no(errors_pb2.REASON_NOT_THE_OWNER, card.unlock, "1111")
    assert held.balance == 80
    no(errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, request)
    card.unlock(PIN)
    assert bob.element.accept(paid_by(card, bob, request)) == 21
    assert held.store.read().card_tries == 0


def test_wrong_pins_lock_everything_that_needs_one_for_good(country: Country) -> None:
    held, bob = Held(country, 100, free_fen=20), purse(country, "bob")
    key = SigningKey(bytes(32))
    held.owners().pair(WALLET, bytes(key.verify_key))
    for _ in range(MAX_PIN_TRIES):
        no(errors_pb2.REASON_NOT_THE_OWNER, held.again().unlock, "1111")
    card = held.again()
    assert "paired" in no(errors_pb2.REASON_NOT_THE_OWNER, card.unlock, PIN)
    took(bob, card, 20)
    no(errors_pb2.REASON_NOT_THE_OWNER, card.begin_deposit, "alpha", WALLET)
    assert card.recognises(WALLET, key)
    assert len(card.begin_deposit("alpha", WALLET)) == 1, "the money is not lost"


def test_a_try_counts_before_anything_is_said_about_it(country: Country) -> None:
    held = Held(country, 100)
    held.store.failing = True
    with pytest.raises(OSError):
        held.hard.answer(Command.PIN_BEGIN, bytes(33), Session())
    held.store.failing = False
    card = held.again()
    reader = Reader("1111", card.binding, SeededRandomness(1))
    card._ask(Command.PIN_BEGIN, reader.share())
    assert held.store.read().card_tries == 1
    assert held.again() and held.store.read().card_tries == 1, "pulling it away gains none"


def test_a_card_has_a_pin_and_a_root_before_it_does_anything(country: Country) -> None:
    store = FailingStore(bytes([7]) * 32)
    with pytest.raises(HomeError, match="personalised"):
        HardWallet(store, ManualClock(NOW), SeededRandomness(5))
    for pin, root in (("", country.root_public), ("123", country.root_public), (PIN, b"")):
        with pytest.raises(HomeError):
            personalise(store, pin=pin, root=root)
    assert store.read().card_root == ""


def test_a_card_is_made_once(country: Country) -> None:
    held = Held(country)
    assert PIN.encode() not in held.store.data
    before = held.store.data
    personalise(held.store, pin="9999", root=bytes(range(32)), free_fen=10**9)
    assert held.store.data == before
    no(errors_pb2.REASON_NOT_THE_OWNER, held.card.unlock, "9999")


@pytest.mark.parametrize("heard", ["nothing", "the payment", "all but the confirmation"])
def test_a_tap_that_is_cut_off_pays_once(country: Country, heard: str) -> None:
    held, bob = Held(country, 100), purse(country, "bob")
    first = paid_by(held.card, bob, bob.element.request(30))
    if heard == "all but the confirmation":
        assert bob.element.accept(first) == 30
    card = held.again()
    second = paid_by(card, bob, bob.element.request(30))
    assert second == first
    assert bob.element.has_taken(second) is (heard == "all but the confirmation")
    assert bob.element.accept(second) == 30
    card.confirm(second, bob.element.receipt(second))
    assert (held.balance, bob.balance) == (70, 30)
    took(bob, card, 30)
    assert (held.balance, bob.balance) == (40, 60)


def test_money_given_to_a_card_that_is_taken_away_is_given_once(country: Country) -> None:
    held, bob = Held(country), purse(country, "bob", 100)
    offline_payments = OfflinePayments(bob.element)
    assert loses_the_answer(held, "accept", tap.give, offline_payments, 30) is LinkError
    card = held.again()
    assert tap.give(offline_payments, card, 30) == Handed(30, True)
    assert (held.balance, bob.balance) == (30, 70)


def loses_the_answer(
    held: Held, method: str, call: Any, offline_payments: OfflinePayments, fen: int
) -> type:
    """A tap in which the card is taken away before this answer of it is heard.

    A confirmation does not even reach it.
    """
    card = held.again()
    real = getattr(card, method)

    def cut(*arguments: Any) -> None:
        if method != "confirm":
            real(*arguments)
        raise LinkError("the card was taken away")

    setattr(card, method, cut)
    with pytest.raises(Exception) as caught:
        call(offline_payments, card, fen)
    return caught.type


def loaded_since(country: Country, holder: Purse, bank: str) -> None:
    """It has another key than it showed before."""
    key = holder.element.load_key("6201000000000017", ())
    certificate = country.certify(key, bank).encode()
    holder.element.certify(certificate, country.bank_certificate(bank).encode())


def test_a_payment_without_an_ok_to_somebody_else_does_not_keep_one_from_paying_a_card(
    country: Country,
) -> None:
    held, bob, carol = Held(country), purse(country, "bob", 100), purse(country, "carol")
    lost = bob.element.pay(carol.element.request(10), unconfirmed=True)
    offline_payments = OfflinePayments(bob.element)
    assert "--anew" in no(
        errors_pb2.REASON_NOT_THE_OWNER, tap.give, offline_payments, held.again(), 30
    )
    assert bob.balance == 90
    assert tap.give(offline_payments, held.again(), 30, anew=True) == Handed(30, False)
    assert tap.give(offline_payments, held.owners(), 5) == Handed(5, False), "its owner is told"
    assert (held.balance, bob.balance, bob.element.unconfirmed()) == (35, 55, [lost])


@pytest.mark.parametrize("loads", ["the card", "the wallet"])
def test_a_tap_that_is_cut_off_pays_once_though_a_side_loads_since(
    country: Country, loads: str
) -> None:
    held, bob = Held(country, 100), purse(country, "bob", 100)
    offline_payments = OfflinePayments(bob.element)
    if loads == "the card":
        assert loses_the_answer(held, "accept", tap.give, offline_payments, 30) is LinkError
        loaded_since(
            country, Purse(held.hard.element, held.store, bob.clock, bob.randomness), "alpha"
        )
        no(errors_pb2.REASON_NOT_THE_OWNER, tap.give, offline_payments, held.again(), 30)
        assert tap.give(offline_payments, held.owners(), 30) == Handed(30, True)
        assert (held.balance, bob.balance) == (130, 70)
    else:
        assert loses_the_answer(held, "pay", tap.take, offline_payments, 30) is LinkError
        loaded_since(country, bob, "beta")
        assert tap.take(offline_payments, held.again(), 30) == Handed(30, False)
        assert loses_the_answer(held, "confirm", tap.take, offline_payments, 20) is LinkError
        loaded_since(country, bob, "beta")
        assert tap.take(offline_payments, held.again(), 20) == Handed(20, True)
        assert (held.balance, bob.balance) == (50, 150)


def knows_better(country: Country, element: SecureElement, *revoked: bytes) -> None:
    """It knows who was revoked, and whoever is between keeps that from the other side."""
    bundle = country.bundle(created_time_ms=NOW, revoked=revoked)
    element.trust(country.root_public + bundle.encode())
    element.newer_than = lambda news: b""  # type: ignore[method-assign]


@pytest.mark.parametrize("cut", ["", "give_back"])
def test_what_the_card_does_not_take_comes_back(country: Country, cut: str) -> None:
    held, alice, bob = Held(country), purse(country, "alice", 100), purse(country, "bob")
    paid_on(alice, bob, 100)
    knows_better(country, held.hard.element, country.alice.revocation)
    offline_payments = OfflinePayments(bob.element)
    if cut:
        assert loses_the_answer(held, cut, tap.give, offline_payments, 30) is LinkError
        assert bob.balance == 70
        with pytest.raises(Refusal):
            tap.give(offline_payments, held.again(), 500)
        assert bob.balance == 100, "the payment without an OK was given back first"
        return
    with pytest.raises(PaymentReturn, match="a device was revoked") as caught:
        tap.give(offline_payments, held.card, 30)
    assert caught.value.amount_fen == 30
    assert (bob.balance, held.balance) == (100, 0)


@pytest.mark.parametrize("cut", ["", "pay", "take_back"])
def test_what_the_wallet_does_not_take_goes_back_to_the_card(country: Country, cut: str) -> None:
    held, alice, bob = Held(country), purse(country, "alice", 100), purse(country, "bob")
    payment = alice.element.pay(held.card.request(100))
    assert held.card.accept(payment).amount_fen == 100
    knows_better(country, bob.element, country.alice.revocation)
    offline_payments = OfflinePayments(bob.element)
    if cut:
        assert loses_the_answer(held, cut, tap.take, offline_payments, 30) is LinkError
    with pytest.raises((PaymentReturn, Refusal)):
        tap.take(offline_payments, held.again(), 30)
    if cut == "take_back":
        # It had it back; what the tap then paid was made anew, and came back as well.
        assert held.hard.element.payable_fen() == 40
    card = held.owners()
    assert (card.balance_fen(), bob.balance) == (100, 0)
    pieces = card.begin_deposit("alpha", WALLET)
    assert sum(deposited(country, each).value_fen for each in pieces) == 100


def paid_on(payer: Purse, payee: Purse, fen: int) -> None:
    assert payee.element.accept(payer.element.pay(payee.element.request(fen))) == fen


def test_small_payments_need_the_pin_after_five_times_the_free_amount(country: Country) -> None:
    """A reader in a crowd is quick: it has not been told the PIN."""
    held, bob = Held(country, *[20] * 12, free_fen=20), purse(country, "bob")
    for _ in range(FREE_TAPS):
        took(bob, held.again(), 20)
    card = held.again()
    assert card.free_fen == 0
    assert "give it once" in no(
        errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, bob.element.request(1)
    )
    newer = country.bundle(created_time_ms=NOW)
    card.trust(country.root_public + newer.encode())
    assert held.again().free_fen == 0, "who brings it online gains nothing"
    took(bob, held.owners(), 20)
    assert held.again().free_fen == 20
    took(bob, held.again(), 20)


def test_what_is_refused_or_repeated_does_not_count(country: Country) -> None:
    held, bob = Held(country, 20, free_fen=20), purse(country, "bob")
    empty = Held(country, free_fen=20)
    for _ in range(2 * FREE_TAPS):
        asked = bob.element.request(20)
        no(errors_pb2.REASON_INSUFFICIENT_FUNDS, paid_by, empty.again(), bob, asked)
    request = bob.element.request(20)
    payments = {paid_by(held.again(), bob, request) for _ in range(2 * FREE_TAPS)}
    assert len(payments) == 1
    assert held.store.read().card_spent_fen == 20


def test_loading_and_depositing(country: Country) -> None:
    held = Held(country)
    card = held.owners()
    own = held.hard.element.public_key()
    tokens = [country.mint(own, 1, number=900 + at).token.encode() for at in range(150)]
    card.load(tokens)
    assert card.balance_fen() == 150
    pieces = card.begin_deposit("alpha", WALLET)
    assert len(pieces) == 150 and card.balance_fen() == 0
    card.end_deposit(pieces[0])
    card.refuse_deposit(pieces[1], ruled(country, pieces[1]))
    assert card.begin_deposit("alpha", WALLET) == pieces[2:]
    card.refuse_deposit(pieces[2], b"whatever a reader says")
    anew = card.begin_deposit("alpha", WALLET)
    assert (anew[1:], len(anew)) == (pieces[3:], 148), "signed anew, and not ended"
    with pytest.raises(Refusal):
        card.load([b"x" * 137])


def test_a_card_that_two_wallets_load_has_a_key_for_each_and_each_deposits_its_own(
    country: Country, make_app: MakeApp, bank: FakeBank
) -> None:
    bank.country = country
    held = Held(country)
    names = ("alice", "bob")
    for name in names:
        make_app(name).holder().top_up(1_000)
    bank.mute_tag = "load-order/v1"
    with pytest.raises(NoAnswer):
        make_app("alice").loading(held.owners()).load(100)
    make_app("bob").loading(held.owners()).load(100)
    assert make_app("alice").loading(held.owners()).load(100).resent
    assert held.balance == 200
    orders = [orders_pb2.LoadOrder.FromString(payload) for payload in bank.received]
    found = [order for order in orders if len(order.device_key) == 32 and order.expires_time_ms]
    loads = {(order.wallet_number, order.device_key) for order in found}
    assert len(loads) == len({key for _, key in loads}) == 2
    for name in names:
        done = make_app(name).loading(held.owners()).deposit()
        assert done.amount_fen == 100
    assert held.balance == 0
    assert [account.available_fen for account in bank.accounts.values()] == [1_000, 1_000]


def test_a_card_that_two_wallets_share_cannot_be_made_to_spend_a_piece_twice(
    country: Country,
) -> None:
    """One wallet's deposit has no answer yet; another wallet, or a thief, asks."""
    held, bob = Held(country, 50), purse(country, "bob")
    (first,) = held.owners().begin_deposit("alpha", WALLET)
    for bank, wallet in (("beta", WALLET), ("alpha", "6201000000000025")):
        assert held.owners().begin_deposit(bank, wallet) == [], "it is not of their keys"
    with pytest.raises(Refusal) as caught:
        paid_by(held.again(), bob, bob.element.request(20))
    assert caught.value.name == "INSUFFICIENT_FUNDS"
    assert held.owners().begin_deposit("alpha", WALLET) == [first], "and the deposit is the same"
    held.owners().end_deposit(first)
    assert held.hard.element.pieces() == []


NONSENSE = [
    (Command.REQUEST, bytes(7)),
    (Command.PAY, b"nonsense"),
    (Command.PAY, bytes(REQUEST_BYTES)),
    (Command.PIN_PROVE, bytes(32)),
    (Command.WALLET, b"short"),
    (Command.WALLET, b"62010000000000\xb2\xb3" + bytes(64)),
    (Command.ACCEPT, b"nonsense"),
    (Command.GIVE_BACK, b""),
    (Command.TAKE_BACK, b"B1"),
    (Command.CONFIRM, b"short"),
    (Command.TRUST, b"short"),
    (Command.PAIR, b"6201000000000017"),
    (Command.CERTIFY, b""),
    (Command.CERTIFY, b"\x01short"),
    (Command.PROVE, b"short"),
    (Command.PROVE, bytes(32) + b"6201000000000017" + b"a\xe4"),
    (Command.LOAD, b"short"),
    (Command.LOAD_KEY, b"short"),
    (Command.DEPOSIT, b""),
    (Command.DEPOSIT, b"\x00"),
    (Command.DEPOSIT, b"\x01nothing"),
]


@pytest.mark.parametrize("owner", [False, True])
def test_nonsense_is_refused_and_changes_nothing(country: Country, owner: bool) -> None:
    held = Held(country, 100)
    card = held.owners() if owner else held.again()
    before = held.store.data
    for command, body in NONSENSE:
        if owner and (command, body) == (Command.DEPOSIT, b"\x01nothing"):
            continue  # of no piece: there is nothing to forget
        with pytest.raises(Refusal):
            card._ask(command, body)
    assert held.store.data == before
    assert held.balance == 100


def talked(held: Held, *sent: bytes) -> bytes:
    """What a card says to these bytes, until it puts the reader down."""
    end = held.plug()
    for part in sent:
        end.sendall(part)
    end.shutdown(socket.SHUT_WR)
    heard = b""
    with suppress(ConnectionResetError):
        while part := end.recv(65_536):
            heard += part
    return heard


@pytest.mark.parametrize(
    "hello",
    [
        b"DCEP-CARD-3" + bytes([9]) + bytes(31),
        messages.VERSION,
        messages.VERSION + bytes(31),
        messages.VERSION + bytes(32),
        struct.pack(">BI", 1, 11) + b"DCEP-CARD-3",
    ],
    ids=["an older version", "no key", "a short key", "a key of small order", "in the clear"],
)
def test_who_does_not_make_a_channel_hears_nothing(country: Country, hello: bytes) -> None:
    held = Held(country, 100)
    before = held.store.data
    assert talked(held, hello) == b""
    assert held.store.data == before


def test_random_bytes_change_nothing(country: Country) -> None:
    held = Held(country, 100)
    source = SeededRandomness(3)
    before = held.store.data
    for length in range(0, 400, 7):
        talked(held, messages.VERSION + source.bytes(32), source.bytes(length))
    assert held.store.data == before


def test_the_socket_is_its_owners_alone(country: Country, tmp_path: Path) -> None:
    held, stop, path = Held(country, 100), threading.Event(), tmp_path / "card.sock"
    thread = threading.Thread(target=serve, args=(held.hard, path, stop))
    thread.start()
    wait_for(path)
    assert path.stat().st_mode & 0o077 == 0
    for _ in range(2):
        with touched(path) as card:
            assert card.free_fen == 50
    stop.set()
    thread.join(5)
    assert not path.exists()
    with pytest.raises(LinkError, match="no card"), touched(path):
        pass


def wait_for(path: Path) -> None:
    ends_at = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    time.sleep(0.05)


class Process:
    """A hard wallet in a process of its own."""

    def __init__(self, path: Path, country: Country) -> None:
        self.path = path
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "DCEP_CARD_PIN": PIN,
        }
        words = ["-m", "wallet.hard_wallet", "--socket", str(path), "--free", "5"]
        words += ["--root", country.root_public.hex()]
        self.process = subprocess.Popen([sys.executable, *words], env=environment)
        wait_for(path)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def hard(tmp_path: Path, country: Country) -> Iterator[Process]:
    process = Process(tmp_path / "card.sock", country)
    yield process
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)


def test_a_wallet_taps_it(
    hard: Process, stack: Path, tmp_path: Path, grpc_bank: FakeBank, country: Country
) -> None:
    grpc_bank.country = country
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    alice.run("topup", "100")
    at = str(hard.path)
    wrong = alice.json("offline", "tap", at, "--load", "60", "--card-pin", "1111", code=1)
    assert wrong["reason"] == "NOT_THE_OWNER"
    loaded = alice.json("offline", "tap", at, "--load", "60", "--card-pin", PIN)
    assert loaded["offline_fen"] == 6_000
    assert alice.json("show")["available_fen"] == 4_000
    took = alice.json("offline", "tap", at, "--take", "5")
    assert (took["amount_fen"], took["card_fen"], took["offline_fen"]) == (500, None, 500)
    assert alice.json("offline", "tap", at)["card_fen"] == 5_500, "it knows the wallet"
    wrong = alice.json("offline", "tap", at, "--take", "5.01", "--card-pin", "1111", code=1)
    assert wrong["reason"] == "NOT_THE_OWNER"
    took = alice.json("offline", "tap", at, "--take", "20", "--card-pin", PIN)
    assert (took["card_fen"], took["offline_fen"]) == (3_500, 2_500)
    gave = alice.json("offline", "tap", at, "--give", "1")
    assert (gave["card_fen"], gave["offline_fen"]) == (None, 2_400)
    assert hard.stop() == 0
    alice.json("offline", "tap", at, code=3)
    again = Process(hard.path, country)
    assert "36.00 yuan" in alice.run("offline", "tap", at)
    done = alice.json("offline", "tap", at, "--deposit")
    assert (done["amount_fen"], done["offline_fen"]) == (3_600, 0)
    assert alice.json("show")["available_fen"] == 7_600
    assert alice.json("offline", "deposit")["amount_fen"] == 2_400
    alice.run("offline", "tap", at, "--take", "1", "--give", "1", code=2)
    assert again.stop() == 0


def test_a_tap_without_a_pin_spends_none_of_the_ten_tries(
    hard: Process, stack: Path, tmp_path: Path, grpc_bank: FakeBank, country: Country
) -> None:
    grpc_bank.country = country
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    for words in (("--load", "60"), ("--load", "60", "--card-pin", ""), ("--take", "20"), ()):
        told = alice.json("offline", "tap", str(hard.path), *words, code=2)
        assert "the card wants its PIN" in told["message"]
    wrong = ("--load", "60", "--card-pin", "1111")
    told = alice.json("offline", "tap", str(hard.path), *wrong, code=1)
    assert "9 tries are left" in told["message"]


def test_a_tap_says_which_side_is_short_and_how_to_fill_it(
    hard: Process, stack: Path, tmp_path: Path, grpc_bank: FakeBank, country: Country
) -> None:
    grpc_bank.country = country
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    alice.run("topup", "100")
    alice.run("offline", "load", "20")
    at = str(hard.path)
    alice.run("offline", "tap", at, "--load", "6", "--card-pin", PIN)
    told = alice.json("offline", "tap", at, "--take", "7", "--card-pin", PIN, code=1)
    assert told["reason"] == "INSUFFICIENT_FUNDS"
    assert told["next"].startswith("Take less, or load the card")
    told = alice.json("offline", "tap", at, "--give", "21", code=1)
    assert told["reason"] == "INSUFFICIENT_FUNDS"
    assert "wallet offline load AMOUNT" in told["next"]
