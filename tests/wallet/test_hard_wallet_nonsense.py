"""What a hard wallet answers to nonsense: nothing, and it changes nothing."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from offline_token.formats import REQUEST_BYTES
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness
from tests.offline.signers import Signers
from tests.wallet.hard_wallets import wait_for
from tests.wallet.held_cards import Held
from wallet.hard_wallet import messages
from wallet.hard_wallet.card import serve
from wallet.hard_wallet.messages import CardCommand
from wallet.hard_wallet.reader import touched
from wallet.offline.outcomes import LinkError

NONSENSE = [
    (CardCommand.REQUEST, bytes(7)),
    (CardCommand.PAY, b"nonsense"),
    (CardCommand.PAY, bytes(REQUEST_BYTES)),
    (CardCommand.PIN_PROVE, bytes(32)),
    (CardCommand.WALLET, b"short"),
    (CardCommand.WALLET, b"62010000000000\xb2\xb3" + bytes(64)),
    (CardCommand.ACCEPT, b"nonsense"),
    (CardCommand.RETURN_PAYMENT, b""),
    (CardCommand.TAKE_BACK, b"B1"),
    (CardCommand.CONFIRM, b"short"),
    (CardCommand.TRUST, b"short"),
    (CardCommand.PAIR, b"6201000000000017"),
    (CardCommand.CERTIFY, b""),
    (CardCommand.CERTIFY, b"\x01short"),
    (CardCommand.PROVE, b"short"),
    (CardCommand.PROVE, bytes(32) + b"6201000000000017" + b"a\xe4"),
    (CardCommand.CHECK_LOAD, b"short"),
    (CardCommand.LOAD, b"short"),
    (CardCommand.LOAD_KEY, b"short"),
    (CardCommand.DEPOSIT, b""),
    (CardCommand.DEPOSIT, b"\x00"),
    (CardCommand.DEPOSIT, b"\x01nothing"),
]


@pytest.mark.parametrize("owner", [False, True])
def test_nonsense_is_refused_and_changes_nothing(signers: Signers, owner: bool) -> None:
    held = Held(signers, 100)
    card = held.owners() if owner else held.again()
    before = held.store.data
    for command, body in NONSENSE:
        if owner and (command, body) == (CardCommand.DEPOSIT, b"\x01nothing"):
            continue  # of no piece: there is nothing to forget
        with pytest.raises(Refusal):
            card.ask(command, body)
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
def test_who_does_not_make_a_channel_hears_nothing(signers: Signers, hello: bytes) -> None:
    held = Held(signers, 100)
    before = held.store.data
    assert talked(held, hello) == b""
    assert held.store.data == before


def test_random_bytes_change_nothing(signers: Signers) -> None:
    held = Held(signers, 100)
    source = SeededRandomness(3)
    before = held.store.data
    for length in range(0, 400, 7):
        talked(held, messages.VERSION + source.bytes(32), source.bytes(length))
    assert held.store.data == before


def test_the_socket_is_its_owners_alone(signers: Signers, tmp_path: Path) -> None:
    held, stop, path = Held(signers, 100), threading.Event(), tmp_path / "card.sock"
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
