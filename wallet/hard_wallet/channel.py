"""The encrypted channel between a card and its reader.

`Noise_NN_25519_ChaChaPoly_SHA256` (The Noise Protocol Framework, revision 34): both sides make a
key for one session, so a recording can later be neither read nor replayed. The pattern does not
authenticate the two sides. Whoever has to prove who it is signs the channel's `binding`, or proves
the PIN over it; the binding differs in each session. See docs/decisions/0022.

A message is an encrypted header of five bytes, followed by the body in encrypted parts. A message
that was altered, dropped, repeated or reordered does not decrypt, and ends the session.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.randomness import Randomness

NAME = b"Noise_NN_25519_ChaChaPoly_SHA256"
EPHEMERAL_BYTES = 32
TAG_BYTES = 16
PART_BYTES = 65_535 - TAG_BYTES
"""The most bytes of a body in one Noise message."""

_HEADER = struct.Struct(">BI")


class MessageError(Exception):
    """An invalid message came; the text says why. The session is over."""


class Cipher:
    """One direction of a channel. Each message is encrypted under the next number."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0

    def seal(self, plain: bytes, in_transaction: bytes = b"") -> bytes:
        """Encrypts the next message; `in_transaction` is authenticated with it."""
        return self._cipher.encrypt(self._nonce(), plain, in_transaction)

    def open(self, sealed: bytes, in_transaction: bytes = b"") -> bytes:
        """Decrypts the next message. Raises MessageError when it is another."""
        try:
            return self._cipher.decrypt(self._nonce(), sealed, in_transaction)
        except InvalidTag:
            raise MessageError("this is not what the other side has sent next") from None

    def _nonce(self) -> bytes:
        self._number += 1
        return struct.pack("<4xQ", self._number - 1)


class Handshake:
    """One side's part in agreeing on the keys.

    Args:
        prologue: bytes that both sides must agree on.
        private: this side's key for this session.
    """

    def __init__(self, prologue: bytes, private: X25519PrivateKey) -> None:
        self._private = private
        self._chain = self._hash = NAME
        self._mix(prologue)

    @property
    def binding(self) -> bytes:
        """The hash of the whole handshake: 32 bytes that identify this channel."""
        return self._hash

    def begin(self, payload: bytes = b"") -> bytes:
        """The initiator's message: its key, and a payload in the clear."""
        own = self._private.public_key().public_bytes_raw()
        self._mix(own)
        self._mix(payload)
        return own + payload

    def begun(self, message: bytes) -> bytes:
        """The responder's reading of it; returns the payload. Raises MessageError."""
        self._other = _key(message[:EPHEMERAL_BYTES])
        self._mix(message[:EPHEMERAL_BYTES])
        self._mix(message[EPHEMERAL_BYTES:])
        return message[EPHEMERAL_BYTES:]

    def answer(self, payload: bytes = b"") -> bytes:
        """The responder's message. Raises MessageError for a key that no honest side has."""
        own = self._private.public_key().public_bytes_raw()
        self._mix(own)
        sealed = Cipher(self._agree()).seal(payload, self._hash)
        self._mix(sealed)
        return own + sealed

    def answered(self, message: bytes) -> bytes:
        """The initiator's reading of it; returns the payload. Raises MessageError."""
        self._other = _key(message[:EPHEMERAL_BYTES])
        self._mix(message[:EPHEMERAL_BYTES])
        sealed = message[EPHEMERAL_BYTES:]
        payload = Cipher(self._agree()).open(sealed, self._hash)
        self._mix(sealed)
        return payload

    def ciphers(self) -> tuple[Cipher, Cipher]:
        """The initiator's ciphers for sending and for receiving."""
        first, second = self._keys(b"")
        return Cipher(first), Cipher(second)

    def _agree(self) -> bytes:
        try:
            shared = self._private.exchange(self._other)
        except ValueError:
            raise MessageError("a key of small order") from None
        self._chain, key = self._keys(shared)
        return key

    def _keys(self, secret: bytes) -> tuple[bytes, bytes]:
        both = HKDF(SHA256(), 64, salt=self._chain, info=b"").derive(secret)
        return both[:32], both[32:]

    def _mix(self, data: bytes) -> None:
        digest = Hash(SHA256())
        digest.update(self._hash + data)
        self._hash = digest.finalize()


class Channel:
    """Messages of a kind and a body, over a connection.

    Attributes:
        binding: identifies this channel; somebody in between has another one with each side.
    """

    def __init__(
        self, connection: socket.socket, sends: Cipher, receives: Cipher, binding: bytes
    ) -> None:
        self._connection = connection
        self._sends = sends
        self._receives = receives
        self.binding = binding

    def send(self, kind: int, body: bytes) -> None:
        """Sends one message."""
        parts = [self._sends.seal(_HEADER.pack(kind, len(body)))]
        parts += [
            self._sends.seal(body[at : at + PART_BYTES]) for at in range(0, len(body), PART_BYTES)
        ]
        self._connection.sendall(b"".join(parts))

    def receive(self, largest: Mapping[int, int]) -> tuple[int, bytes] | None:
        """One message's kind and body; None when the other side has gone between two.

        Args:
            largest: bytes of each kind's body at most; other kinds are refused.

        Raises:
            MessageError: altered, unknown, too long, or cut short.
        """
        header = exactly(self._connection, _HEADER.size + TAG_BYTES)
        if not header:
            return None
        kind, length = _HEADER.unpack(self._open(header, _HEADER.size))
        if kind not in largest:
            raise MessageError(f"{kind} is no command")
        if length > largest[kind]:
            raise MessageError(f"{length} bytes are too many, {largest[kind]} are allowed")
        body = bytearray()
        while len(body) < length:
            count = min(length - len(body), PART_BYTES)
            body += self._open(exactly(self._connection, count + TAG_BYTES), count)
        return kind, bytes(body)

    def _open(self, sealed: bytes, count: int) -> bytes:
        if len(sealed) < count + TAG_BYTES:
            raise MessageError("cut short")
        return self._receives.open(sealed)


def meet(connection: socket.socket, version: bytes, randomness: Randomness) -> Channel:
    """Shakes hands as the reader. Raises MessageError unless a card of this version answers."""
    hands = Handshake(version, _session_key(randomness))
    connection.sendall(version + hands.begin())
    answer = exactly(connection, EPHEMERAL_BYTES + TAG_BYTES)
    if len(answer) < EPHEMERAL_BYTES + TAG_BYTES:
        raise MessageError("no card of this version answers")
    hands.answered(answer)
    sends, receives = hands.ciphers()
    return Channel(connection, sends, receives, hands.binding)


def met(connection: socket.socket, version: bytes, randomness: Randomness) -> Channel | None:
    """Shakes hands as the card; None when the reader leaves without a word.

    Raises:
        MessageError: it is no reader of this version; it gets no answer.
    """
    hello = exactly(connection, len(version) + EPHEMERAL_BYTES)
    if not hello:
        return None
    if len(hello) < len(version) + EPHEMERAL_BYTES or not hello.startswith(version):
        raise MessageError("no reader of this version asks")
    hands = Handshake(version, _session_key(randomness))
    hands.begun(hello[len(version) :])
    connection.sendall(hands.answer())
    receives, sends = hands.ciphers()
    return Channel(connection, sends, receives, hands.binding)


def exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer if the other side has left."""
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 65_536))
        if not part:
            break
        parts += part
    return bytes(parts)


def _session_key(randomness: Randomness) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(randomness.bytes(EPHEMERAL_BYTES))


def _key(data: bytes) -> X25519PublicKey:
    try:
        return X25519PublicKey.from_public_bytes(data)
    except ValueError:
        raise MessageError("no key") from None
