"""What a reader, somebody in between, and a thief get out of a card."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from offline_token.formats import Payment
from offline_token.signing import certify_bank, certify_device, sign_bundle
from runtime.clock import ManualClock
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness, SystemRandomness
from tests.offline.devices import WALLET, FailingStore, make_device
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_because, refused_for
from tests.wallet.held_cards import PIN, Held, paid_by, took
from wallet.hard_wallet import messages, tap
from wallet.hard_wallet.card import HardWallet, personalise
from wallet.hard_wallet.channel import Channel, meet, met
from wallet.hard_wallet.guard import FREE_TAPS, MAX_PAIRED, Session, wallet_part
from wallet.hard_wallet.messages import CardCommand
from wallet.hard_wallet.reader import Card
from wallet.home.home import HomeError
from wallet.offline.outcomes import LinkError
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.sealed_file import SealedFile

OTHER = "6201000000000025"
ANYBODYS = {
    CardCommand.SELECT,
    CardCommand.PIN_BEGIN,
    CardCommand.PIN_PROVE,
    CardCommand.WALLET,
    CardCommand.REQUEST,
    CardCommand.PAY,
    CardCommand.ACCEPT,
    CardCommand.RETURN_PAYMENT,
    CardCommand.TAKE_BACK,
    CardCommand.CONFIRM,
    CardCommand.TRUST,
    CardCommand.STATEMENTS,
    CardCommand.NEWS,
}


class Between:
    """Bytes between a reader and a card: recorded, and by a middleman altered."""

    def __init__(self, held: Held) -> None:
        self.sent = self.heard = b""
        self.reader, self._near = socket.socketpair()
        self._far = held.plug()
        self.reader.settimeout(5)
        for each in ("sent", "heard"):
            threading.Thread(target=self._pass, args=(each,), daemon=True).start()

    def _pass(self, name: str) -> None:
        ends = (self._near, self._far)
        start, end = ends if name == "sent" else ends[::-1]
        with suppress(OSError):
            while part := start.recv(65_536):
                setattr(self, name, getattr(self, name) + part)
                end.sendall(part)


def test_who_records_a_tap_can_neither_read_it_nor_play_it_back(signers: Signers) -> None:
    held, bob = Held(signers, 100), make_device(signers, "bob")
    between = Between(held)
    card = Card(between.reader)
    card.unlock(PIN)
    request = bob.element.payee.request(60)
    payment = paid_by(card, bob, request)
    line = between.sent + between.heard
    for secret in (PIN.encode(), request[:40], payment[3:40], bob.element.keys.public_key()):
        assert secret not in line
    before = held.store.data
    again = held.plug()
    again.sendall(between.sent)
    again.shutdown(socket.SHUT_WR)
    heard = b""
    with suppress(ConnectionResetError):
        while part := again.recv(65_536):
            heard += part
    assert len(heard) < len(between.heard) and payment[3:40] not in heard
    assert held.store.data == before


def test_two_taps_of_a_card_have_nothing_in_common_on_the_line(signers: Signers) -> None:
    held = Held(signers, 100)
    lines = []
    for _ in range(2):
        between = Between(held)
        Card(between.reader)
        lines.append(between.heard)
    assert lines[0] != lines[1] and lines[0][:32] != lines[1][:32]


def answered(far: Channel, asked: tuple[int, bytes]) -> tuple[int, bytes]:
    """What the other end says to a message."""
    far.send(*asked)
    answer = far.receive({messages.OK: 10**6, messages.NO: 10**6})
    assert answer is not None
    return answer


class Middleman:
    """Makes one channel with the card and one with the reader, and sees all that goes through."""

    def __init__(self, held: Held) -> None:
        self.seen: list[tuple[int, bytes]] = []
        self.reader, near = socket.socketpair()
        self.reader.settimeout(5)
        self.far = meet(held.plug(), messages.VERSION, SeededRandomness(8))
        threading.Thread(target=self._run, args=(near,), daemon=True).start()

    def _run(self, near: socket.socket) -> None:
        channel = met(near, messages.VERSION, SeededRandomness(9))
        assert channel is not None
        with suppress(OSError), near:
            while (asked := channel.receive(messages.LARGEST)) is not None:
                answer = answered(self.far, asked)
                self.seen += [asked, answer]
                channel.send(*answer)


def test_a_middleman_is_not_let_through_with_the_pin_and_learns_nothing_of_it(
    signers: Signers,
) -> None:
    held = Held(signers, 100)
    middle = Middleman(held)
    card = Card(middle.reader)
    assert "9 tries" in refused_because(errors_pb2.REASON_NOT_THE_OWNER, card.unlock, PIN).message
    assert PIN.encode() not in b"".join(body for _, body in middle.seen)
    answer = answered(middle.far, (CardCommand.BALANCE, b""))
    assert answer[0] == messages.NO
    assert held.store.read().card_tries == 1, "that was his one guess"


def test_a_middleman_gets_no_payment_for_an_honest_payees_request(signers: Signers) -> None:
    held, bob = Held(signers, 100), make_device(signers, "bob")
    middle = Middleman(held)
    before = held.store.data
    assert (
        refused_for(tap.take, OfflinePayments(bob.element), Card(middle.reader), 30)
        == "SIGNATURE_INVALID"
    )
    assert held.store.data == before
    tokens = [bytes.fromhex(piece.chain)[3:140] for piece in held.store.read().pieces]
    seen = b"".join(body for _, body in middle.seen)
    assert tokens and not any(token[:24] in seen for token in tokens)


def test_a_wallet_pays_no_card_that_somebody_is_between(signers: Signers) -> None:
    held, bob = Held(signers), make_device(signers, "bob", 100)
    with pytest.raises(LinkError, match="not the card in reach"):
        tap.give(OfflinePayments(bob.element), Card(Middleman(held).reader), 30)
    assert bob.balance == 100


def test_who_plays_a_card_is_given_no_load(signers: Signers) -> None:
    """Else the tokens of somebody's money would be made for his key."""
    inner, outer = socket.socketpair()
    outer.settimeout(5)

    def play() -> None:
        channel = met(inner, messages.VERSION, SeededRandomness(4))
        assert channel is not None
        selected = messages.SELECTED.pack(True, 0)
        answers = {
            CardCommand.SELECT: selected,
            CardCommand.PIN_BEGIN: b"B" + bytes([1]) + bytes(31),
        }
        with suppress(OSError), inner:
            while (asked := channel.receive(messages.LARGEST)) is not None:
                channel.send(messages.OK, answers.get(CardCommand(asked[0]), bytes(32)))

    threading.Thread(target=play, daemon=True).start()
    card = Card(outer)
    with pytest.raises(LinkError, match="not the card with this PIN"):
        card.unlock(PIN)
    assert not card.unlocked


def test_a_relay_moves_a_tap_and_nothing_but_the_free_sum(signers: Signers) -> None:
    """Somebody holds a reader to a card in a crowd and a friend's shop has the other end.

    Nothing here prevents it: the card is told the truth, only not how far away the shop is.
    """
    held, shop = Held(signers, *[20] * 12, free_fen=20), make_device(signers, "bob")
    for _ in range(FREE_TAPS):
        took(shop, Card(Between(held).reader), 20)
    request = shop.element.payee.request(1)
    over = errors_pb2.REASON_OVER_SINGLE_LIMIT
    refused_because(over, paid_by, Card(Between(held).reader), shop, request)
    assert shop.balance == FREE_TAPS * 20


@pytest.mark.parametrize("command", list(CardCommand), ids=lambda command: command.name)
def test_all_but_what_a_tap_needs_wants_the_owner(signers: Signers, command: CardCommand) -> None:
    held = Held(signers, 100)
    before = held.store.data
    for body in (b"", bytes(8), bytes([0]) + bytes(2) + WALLET.encode() + b"alpha"):
        try:
            held.hard.answer(command, body, Session())
        except Refusal as refused:
            kept = "needs the card's PIN" in refused.message
            assert kept == (command not in ANYBODYS), refused.message
        else:
            assert command in ANYBODYS
    if command not in ANYBODYS:
        assert held.store.data == before


def test_a_thief_erases_nothing(signers: Signers) -> None:
    held = Held(signers, 100)
    (deposit,) = held.owners().deposits.begin("alpha", WALLET)
    card = held.again()
    for call in (card.deposits.end, lambda d: card.deposits.refuse(d, b"")):
        refused_because(errors_pb2.REASON_NOT_THE_OWNER, call, deposit)
    assert len(held.hard.element.holdings.pieces()) == 1


def test_a_thief_spends_the_free_sum_whatever_he_does_between(signers: Signers) -> None:
    held, bob = Held(signers, *[20] * 12, free_fen=20), make_device(signers, "bob")
    newer = signers.root_public + signers.bundle(created_time_ms=NOW).encode()
    between: list[Callable[[], object]] = [
        lambda: held.again().trust.follow(newer),
        lambda: refused_because(errors_pb2.REASON_NOT_THE_OWNER, held.again().unlock, "1111"),
        lambda: setattr(
            held, "hard", HardWallet(held.store, ManualClock(NOW + DAY), SeededRandomness(6))
        ),
        lambda: personalise(held.store, pin="1111", root=signers.root_public, free_fen=10**6),
        lambda: held.again().request(5),
    ]
    for act in between:
        took(bob, held.again(), 20)
        act()
    assert held.again().free_fen == 0
    refused_because(
        errors_pb2.REASON_OVER_SINGLE_LIMIT,
        paid_by,
        held.again(),
        bob,
        bob.element.payee.request(1),
    )
    assert bob.balance == FREE_TAPS * 20


def test_the_count_of_small_payments_cannot_be_had_back(signers: Signers, tmp_path: Path) -> None:
    """It is in the sealed state: files from before are noticed, and the card does nothing more."""
    store = SealedFile(tmp_path, SystemRandomness(), lambda: "")
    personalise(store, pin=PIN, root=signers.root_public, free_fen=20)
    store.change(lambda state: setattr(state, "card_spent_fen", 60))
    before = {name: (tmp_path / name).read_bytes() for name in ("device.sealed", "device.log")}
    store.change(lambda state: setattr(state, "card_spent_fen", 100))
    for name, data in before.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(HomeError, match="old copy|older"):
        HardWallet(
            SealedFile(tmp_path, SystemRandomness(), lambda: ""),
            ManualClock(NOW),
            SeededRandomness(5),
        )


def test_a_reader_cannot_hand_a_card_another_root(signers: Signers) -> None:
    """Not even the first reader: the root comes with the card."""
    store = FailingStore(bytes([7]) * 32)
    personalise(store, pin=PIN, root=signers.root_public)
    hard = HardWallet(store, ManualClock(NOW), SeededRandomness(5))
    mine = SigningKey(bytes([6]) * 32)
    forged = sign_bundle(mine, signers.bundle())
    before = store.data
    with pytest.raises(Refusal):
        hard.answer(CardCommand.TRUST, bytes(mine.verify_key) + forged.encode(), Session())
    owner = Session(pin=True)
    key = hard.answer(CardCommand.LOAD_KEY, WALLET.encode(), owner)
    hard.answer(CardCommand.PROVE, key + WALLET.encode() + b"alpha", owner)
    bank = certify_bank(mine, "alpha", bytes(mine.verify_key), NOW + DAY)
    device = certify_device(mine, "alpha", key, NOW + DAY)
    with pytest.raises(Refusal) as caught:
        hard.answer(CardCommand.CERTIFY, device.encode() + bank.encode(), owner)
    assert "not signed by the central bank" in caught.value.message
    assert store.data != before and not hard.element.keys.certified()
    hard.answer(CardCommand.TRUST, signers.root_public + signers.bundle().encode(), Session())


def test_a_paired_wallet_deposits_its_own_without_the_pin_and_may_do_no_more(
    signers: Signers,
) -> None:
    held = Held(signers, 100)
    key = SigningKey(bytes(32))
    held.owners().pair(WALLET, bytes(key.verify_key))
    held.owners().pair(OTHER, bytes(SigningKey(bytes([1]) * 32).verify_key))
    card = held.again()
    assert card.recognises(WALLET, key)
    assert card.holdings.balances().held_fen == 100
    for call in (
        lambda: card.keys.load_key(WALLET, ()),
        lambda: card.pair(OTHER, bytes(key.verify_key)),
        lambda: card.holdings.load([bytes(137)]),
        lambda: card.keys.certify(b"", b""),
        lambda: card.deposits.begin("alpha", OTHER),
    ):
        refused_because(errors_pb2.REASON_NOT_THE_OWNER, call)
    bob = make_device(signers, "bob")
    refused_because(
        errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, bob.element.payee.request(60)
    )
    (deposit,) = card.deposits.begin("alpha", WALLET)
    other = held.again()
    assert other.recognises(OTHER, SigningKey(bytes([1]) * 32))
    refused_because(errors_pb2.REASON_NOT_THE_OWNER, other.deposits.end, deposit)
    card.deposits.end(deposit)
    assert held.hard.element.holdings.pieces() == []


def test_who_may_touch_a_card_leaves_its_holder_room_to_be_paid(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_ANYBODYS_REQUESTS", 5)
    held = Held(signers, 100)
    for _ in range(5):
        held.again().request(1)
    assert "PIN" in refused_because(errors_pb2.REASON_OVERLOADED, held.again().request, 1).message
    alice = make_device(signers, "alice", 100)
    card = held.owners()
    assert card.accept(alice.element.payer.pay(card.request(10))).amount_fen == 10
    key = SigningKey(bytes(32))
    card.pair(WALLET, bytes(key.verify_key))
    wallets = held.again()
    assert wallets.recognises(WALLET, key)
    assert wallets.request(10)


def test_nobody_else_passes_for_a_paired_wallet(signers: Signers) -> None:
    held = Held(signers, 100)
    key = SigningKey(bytes(32))
    held.owners().pair(WALLET, bytes(key.verify_key))
    card = held.again()
    assert not card.recognises(WALLET, SigningKey(bytes([2]) * 32))
    assert not card.recognises(OTHER, key)
    heard = key.sign(wallet_part(held.again().binding)).signature
    assert card.ask(CardCommand.WALLET, WALLET.encode() + heard) == b"\0", "of another channel"
    refused_because(errors_pb2.REASON_NOT_THE_OWNER, card.deposits.begin, "alpha", WALLET)
    middle = Card(Middleman(held).reader)
    assert not middle.recognises(WALLET, key), "nor who is between them"


def test_a_card_knows_a_bounded_number_of_wallets(signers: Signers) -> None:
    held = Held(signers)
    card = held.owners()
    for number in range(MAX_PAIRED + 5):
        card.pair(f"{6201000000000000 + number}", bytes([number + 1]) * 32)
    known = held.store.read().card_wallets
    assert len(known) == MAX_PAIRED and f"{6201000000000000}" not in known


def test_a_stranger_learns_from_a_card_only_what_it_pays_him_with(signers: Signers) -> None:
    held, bob = Held(signers, 30, 40, 50, free_fen=40), make_device(signers, "bob")
    card = held.again()
    for call in (
        card.holdings.balances,
        lambda: card.keys.holds(bytes(32)),
    ):
        refused_because(errors_pb2.REASON_NOT_THE_OWNER, call)
    paid = Payment.decode(paid_by(card, bob, bob.element.payee.request(30)))
    assert len(paid.chains) == 1


@pytest.mark.parametrize("answer", [b"", bytes(7), bytes(9)])
def test_a_card_that_does_not_say_what_came_back_gives_no_traceback(answer: bytes) -> None:
    class Mumbling(Card):
        def __init__(self) -> None:
            """Met nobody."""

        def ask(self, command: CardCommand, body: bytes) -> bytes:
            return answer

    with pytest.raises(LinkError):
        Mumbling().take_back(b"back")
