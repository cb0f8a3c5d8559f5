"""The channel to a card: published vectors, and whoever listens to it or meddles with it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from runtime.randomness import SeededRandomness
from wallet.hard_wallet.channel import PART_BYTES, TAG_BYTES, Channel, Handshake, MessageError
from wallet.hard_wallet.pin import CardSide, PinWrong, Reader, stretched

# Noise_NN_25519_ChaChaPoly_SHA256 of the cacophony vectors (github.com/haskell-cryptography/
# cacophony, as snow and noise-c carry them).
PROLOGUE = b"John Galt"
EPHEMERALS = (
    "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
)
BINDING = "9223fec1b892ec9d0dc2fb3bbeb261f170d1ea679f9c44ccf34aa131b4f5d97e"
MESSAGES = (
    (
        "4c756477696720766f6e204d69736573",
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
        "4c756477696720766f6e204d69736573",
    ),
    (
        "4d757272617920526f746862617264",
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
        "a0ff96bdf86b579ef7dbf94e812a7470b903c20a85a87e3a1fe863264ae547",
    ),
    ("462e20412e20486179656b", "eb1a3e3d80c1792b1bb9cb0e1382f8d8322bfb1ca7c4c8517bb686"),
    ("4361726c204d656e676572", "c781b198d2a974eb1da2c7d518c000cf6396de87ca540963c03713"),
    (
        "4a65616e2d426170746973746520536179",
        "c77048eb6919fdfe8fe45842bfc5b8d1ff50d1e20c717453ccdfe6176d805b996d",
    ),
    (
        "457567656e2042f6686d20766f6e2042617765726b",
        "61834d7069dcfb7a1adf8d5ac910f83fa04c73a67789895c6f5f995c5db2ce88e49b124178",
    ),
)


def key(seed: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def test_the_published_vector() -> None:
    reader, card = (Handshake(PROLOGUE, key(seed)) for seed in EPHEMERALS)
    plain, sealed = ([bytes.fromhex(pair[at]) for pair in MESSAGES] for at in (0, 1))
    assert reader.begin(plain[0]) == sealed[0]
    assert card.begun(sealed[0]) == plain[0]
    assert card.answer(plain[1]) == sealed[1]
    assert reader.answered(sealed[1]) == plain[1]
    assert reader.binding == card.binding == bytes.fromhex(BINDING)
    (sends, hears), (card_hears, card_sends) = reader.ciphers(), card.ciphers()
    for at in range(2, len(MESSAGES)):
        one, other = (sends, card_hears) if at % 2 == 0 else (card_sends, hears)
        assert one.seal(plain[at]) == sealed[at]
        assert other.open(sealed[at]) == plain[at]


class Line:
    """Two ends of a channel; what the reader sends can be caught and altered on its way."""

    def __init__(self, seed: int = 1) -> None:
        random = SeededRandomness(seed)
        own = [X25519PrivateKey.from_private_bytes(random.bytes(32)) for _ in range(2)]
        reader, card = Handshake(b"v", own[0]), Handshake(b"v", own[1])
        card.begun(reader.begin())
        reader.answered(card.answer())
        sends, hears = reader.ciphers()
        self._caught, out = socket.socketpair()
        self._into, inner = socket.socketpair()
        for each in (self._caught, self._into, inner, out):
            each.settimeout(2)
        self.reader = Channel(out, sends, hears, reader.binding)
        card_hears, card_sends = card.ciphers()
        self.card = Channel(inner, card_sends, card_hears, card.binding)

    def caught(self, kind: int, body: bytes) -> bytes:
        """What goes over the line for one message."""
        threading.Thread(target=self.reader.send, args=(kind, body), daemon=True).start()
        parts = -(-len(body) // PART_BYTES)
        count, caught = 5 + TAG_BYTES + len(body) + parts * TAG_BYTES, b""
        while len(caught) < count:
            caught += self._caught.recv(count - len(caught))
        return caught

    def delivered(self, sent: bytes) -> tuple[int, bytes] | None:
        """What the card makes of bytes."""
        threading.Thread(target=self._into.sendall, args=(sent,), daemon=True).start()
        return self.card.receive({7: 200_000})

    def cut(self, sent: bytes) -> tuple[int, bytes] | None:
        """What it makes of bytes behind which nothing comes."""
        self._into.sendall(sent)
        self._into.shutdown(socket.SHUT_WR)
        return self.card.receive({7: 200_000})


@pytest.fixture
def line() -> Iterator[Line]:
    yield Line()


@pytest.mark.parametrize("length", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_a_message_of_any_length_arrives(line: Line, length: int) -> None:
    body = bytes(range(256)) * (length // 256 + 1)
    assert line.delivered(line.caught(7, body[:length])) == (7, body[:length])


def test_nothing_of_a_message_can_be_read_on_the_line(line: Line) -> None:
    body = b"a chain that tells where the money has been"
    sent = line.caught(7, body)
    assert body[:8] not in sent
    assert sent != Line(seed=2).caught(7, body), "nor be known again"


@pytest.mark.parametrize(
    "meddled",
    [
        lambda one, two: bytes([one[0] ^ 1]) + one[1:],
        lambda one, two: one[:-1] + bytes([one[-1] ^ 1]),
        lambda one, two: one[:21] + two[21:],
        lambda one, two: two,
    ],
    ids=["a bit of its head", "a bit of its end", "another's body", "the one behind it"],
)
def test_what_was_altered_is_refused(line: Line, meddled: Callable[[bytes, bytes], bytes]) -> None:
    one, two = line.caught(7, b"first"), line.caught(7, b"other")
    with pytest.raises(MessageError, match="not what the other side has sent"):
        line.delivered(meddled(one, two))


def test_what_is_sent_again_is_refused(line: Line) -> None:
    one = line.caught(7, b"pay")
    assert line.delivered(one) == (7, b"pay")
    with pytest.raises(MessageError, match="not what the other side has sent"):
        line.delivered(one)


def test_what_is_left_out_is_noticed(line: Line) -> None:
    line.caught(7, b"first")
    with pytest.raises(MessageError, match="not what the other side has sent"):
        line.delivered(line.caught(7, b"second"))


@pytest.mark.parametrize("left", [1, 20, 22, 30])
def test_what_is_cut_is_refused(line: Line, left: int) -> None:
    with pytest.raises(MessageError, match="cut short"):
        line.cut(line.caught(7, b"a body of more than that")[:left])


def test_a_line_that_ends_between_two_messages_is_a_reader_that_has_gone(line: Line) -> None:
    assert line.cut(b"") is None


def test_a_message_that_is_too_long_is_refused_before_it_is_read(line: Line) -> None:
    head = line.caught(7, bytes(200_001))[: 5 + TAG_BYTES]
    with pytest.raises(MessageError, match="too many"):
        line.delivered(head)


def test_an_unknown_command_is_refused(line: Line) -> None:
    with pytest.raises(MessageError, match="no command"):
        line.delivered(line.caught(8, b""))


def one_try(typed: str, kept: str, *, bindings: tuple[bytes, bytes] = (b"c", b"c")) -> bool:
    """Whether a reader and a card with these PINs convince each other."""
    reader = Reader(typed, bindings[0], SeededRandomness(1))
    card = CardSide(stretched(kept), bindings[1], SeededRandomness(2))
    proof = reader.proof(card.answer(reader.share()))
    try:
        reader.check(card.check(proof))
    except PinWrong:
        return False
    return True


def test_the_right_pin_convinces_both_and_no_other_does() -> None:
    assert one_try("2468", "2468")
    assert not one_try("2468", "2469")
    assert not one_try("2468", "2468", bindings=(b"to the one between", b"from the one between"))


def test_a_card_without_the_pin_does_not_pass_for_the_one_that_has_it() -> None:
    reader = Reader("2468", b"c", SeededRandomness(1))
    reader.proof(CardSide(stretched("1111"), b"c", SeededRandomness(2)).answer(reader.share()))
    for proof in (bytes(32), b"", bytes(33)):
        with pytest.raises(PinWrong):
            reader.check(proof)


OFF_THE_CURVE = b"B" + (2).to_bytes(32, "little")


@pytest.mark.parametrize(
    "share", [b"", b"B" + bytes(31), b"A" + bytes(32), b"B" + b"\xff" * 32, OFF_THE_CURVE]
)
def test_a_share_that_is_none_is_refused(share: bytes) -> None:
    reader = Reader("2468", b"c", SeededRandomness(1))
    reader.share()
    with pytest.raises(PinWrong):
        reader.proof(share)
    with pytest.raises(PinWrong):
        CardSide(stretched("2468"), b"c", SeededRandomness(2)).answer(
            share.replace(b"B", b"A", 1) if share[:1] == b"B" else b"B" + share[1:]
        )


def test_who_plays_the_card_cannot_try_pins_on_what_he_has_heard() -> None:
    """He has his own secret and the reader's proof. The guess that he made is all that it tests."""
    reader = Reader("2468", b"c", SeededRandomness(1))
    played = CardSide(stretched("1111"), b"c", SeededRandomness(2))
    share = reader.share()
    proof = reader.proof(played.answer(share))
    for guess in ("1111", "2468", "0000"):
        later = CardSide(stretched("1111"), b"c", SeededRandomness(2))
        side = later._side
        side.start()
        side.pw = stretched(guess)
        side.pw_scalar = side.params.group.password_to_scalar(side.pw)
        later._key = bytes(side.finish(share))
        with pytest.raises(PinWrong):
            later.check(proof)
