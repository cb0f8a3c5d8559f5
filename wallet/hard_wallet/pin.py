"""The PIN between a card and a reader: SPAKE2, over a channel's binding.

Neither says the PIN, nor anything that it could be tried out on later: who records all of it, or
stands in between, or plays the card, has one guess for each session, and the card counts those.
That both proofs cover the binding shows that nobody is between the two.

The stretched PIN is the password of SPAKE2 (Abdalla and Pointcheval 2005; RFC 9382), for which the
`spake2` package is used: its group is Ed25519's, and both names and messages are in its key. The
proofs are HMACs with that key, the reader's first.
"""

from __future__ import annotations

import hashlib
import hmac

from nacl.pwhash import argon2id
from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError

from runtime.randomness import Randomness

SHARE_BYTES = 33
PROOF_BYTES = 32
_READER, _CARD = b"dcep-card:reader", b"dcep-card:card"
_SALT = hashlib.sha256(b"dcep-card:pin/v1").digest()[: argon2id.SALTBYTES]
"""One for all: a salt of each card would tell it from others to every reader."""


class PinWrong(Exception):
    """The other side does not know the PIN, or is not at the other end of this channel."""


def stretched(pin: str) -> bytes:
    """What a card keeps in place of its PIN: Argon2id, 32 bytes."""
    return argon2id.kdf(
        32, pin.encode(), _SALT, argon2id.OPSLIMIT_INTERACTIVE, argon2id.MEMLIMIT_INTERACTIVE
    )


class Reader:
    """Where the PIN is typed."""

    def __init__(self, pin: str, binding: bytes, randomness: Randomness) -> None:
        self._side = SPAKE2_A(stretched(pin), _READER, _CARD, entropy_f=randomness.bytes)
        self._binding = binding
        self._key = b""

    def share(self) -> bytes:
        """What begins."""
        return bytes(self._side.start())

    def proof(self, share: bytes) -> bytes:
        """That the PIN is known, once the card has answered. Raises PinWrong."""
        self._key = _finished(self._side, share)
        return _proof(self._key, _READER, self._binding)

    def check(self, proof: bytes) -> None:
        """Raises PinWrong unless this is the card whose PIN it is."""
        if not hmac.compare_digest(proof, _proof(self._key, _CARD, self._binding)):
            raise PinWrong


class CardSide:
    """The card, for one try.

    Args:
        kept: the PIN, stretched.
        binding: of the channel.
    """

    def __init__(self, kept: bytes, binding: bytes, randomness: Randomness) -> None:
        self._side = SPAKE2_B(kept, _READER, _CARD, entropy_f=randomness.bytes)
        self._binding = binding
        self._key = b""

    def answer(self, share: bytes) -> bytes:
        """Its share, for the reader's. Raises PinWrong when that is none."""
        own = bytes(self._side.start())
        self._key = _finished(self._side, share)
        return own

    def check(self, proof: bytes) -> bytes:
        """The card's proof, for the reader's. Raises PinWrong: nothing is said to a wrong one."""
        if not hmac.compare_digest(proof, _proof(self._key, _READER, self._binding)):
            raise PinWrong
        return _proof(self._key, _CARD, self._binding)


def _finished(side: SPAKE2_A | SPAKE2_B, share: bytes) -> bytes:
    if len(share) != SHARE_BYTES:
        raise PinWrong
    try:
        return bytes(side.finish(share))
    except (SPAKEError, ValueError):
        raise PinWrong from None


def _proof(key: bytes, who: bytes, binding: bytes) -> bytes:
    return hmac.digest(key, who + binding, "sha256")
