"""Proves a PIN between a card and a reader by SPAKE2, bound to a channel.

Neither side says the PIN, or anything that PINs could be tried on later. Somebody who records
everything, stands in between, or plays the card has one guess for each session, and the card counts
the guesses. Both proofs cover the channel's binding, which shows that nobody is in between.

The stretched PIN is the password of SPAKE2 (Abdalla and Pointcheval 2005; RFC 9382), as the
`spake2` package implements it: its group is Ed25519's, and its key covers both names and both
messages. The proofs are HMACs with that key, the reader's first.
"""

from __future__ import annotations

import hashlib
import hmac

from nacl.pwhash import argon2id
from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError
from spake2.ed25519_basic import NotOnCurve

from runtime.randomness import Randomness

SHARE_BYTES = 33
PROOF_BYTES = 32
_READER, _CARD = b"dcep-card:reader", b"dcep-card:card"
_SALT = hashlib.sha256(b"dcep-card:pin/v1").digest()[: argon2id.SALTBYTES]
"""One salt for all cards: a salt of its own would identify a card to every reader."""


class PinWrong(Exception):
    """The other side does not know the PIN, or is not at the other end of this channel."""


def stretched(pin: str) -> bytes:
    """What a card keeps in place of its PIN: 32 bytes, by Argon2id."""
    return argon2id.kdf(
        32, pin.encode(), _SALT, argon2id.OPSLIMIT_INTERACTIVE, argon2id.MEMLIMIT_INTERACTIVE
    )


class Reader:
    """The reader's side, where the PIN is typed."""

    def __init__(self, pin: str, binding: bytes, randomness: Randomness) -> None:
        self._side = SPAKE2_A(stretched(pin), _READER, _CARD, entropy_f=randomness.bytes)
        self._binding = binding
        self._key = b""

    def share(self) -> bytes:
        """The reader's share, 33 bytes, which begins the exchange."""
        return bytes(self._side.start())

    def proof(self, share: bytes) -> bytes:
        """The reader's proof that it knows the PIN, 32 bytes, made from the card's share. Raises
        PinWrong.
        """
        self._key = _finished(self._side, share)
        return _proof(self._key, _READER, self._binding)

    def check(self, proof: bytes) -> None:
        """Raises PinWrong unless this is the card whose PIN it is."""
        if not hmac.compare_digest(proof, _proof(self._key, _CARD, self._binding)):
            raise PinWrong


class CardSide:
    """The card's side, for one try.

    Args:
        kept: the stretched PIN.
        binding: the channel's.
        randomness: for the card's share.
    """

    def __init__(self, kept: bytes, binding: bytes, randomness: Randomness) -> None:
        self._side = SPAKE2_B(kept, _READER, _CARD, entropy_f=randomness.bytes)
        self._binding = binding
        self._key = b""

    def answer(self, share: bytes) -> bytes:
        """The card's share, in answer to the reader's. Raises PinWrong if that is not a share."""
        own = bytes(self._side.start())
        self._key = _finished(self._side, share)
        return own

    def check(self, proof: bytes) -> bytes:
        """The card's proof, in answer to the reader's. Raises PinWrong, and then nothing is
        answered.
        """
        if not hmac.compare_digest(proof, _proof(self._key, _READER, self._binding)):
            raise PinWrong
        return _proof(self._key, _CARD, self._binding)


def _finished(side: SPAKE2_A | SPAKE2_B, share: bytes) -> bytes:
    if len(share) != SHARE_BYTES:
        raise PinWrong
    try:
        return bytes(side.finish(share))
    except (SPAKEError, NotOnCurve, ValueError):
        raise PinWrong from None


def _proof(key: bytes, who: bytes, binding: bytes) -> bytes:
    return hmac.digest(key, who + binding, "sha256")
