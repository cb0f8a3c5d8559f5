"""Signatures on which implementations of Ed25519 differ."""

from __future__ import annotations

import hashlib

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp
from nacl.signing import SigningKey

from offline_token.formats import (
    Chain,
)
from offline_token.verify import Reason, piece_of
from tests.offline.case_table import Table, changed, public_of
from tests.offline.signers import Device

_ORDER = 2**252 + 27742317777372353535851937790883648493
_PRIME = 2**255 - 19


def signatures_cases(t: Table, pays: Chain) -> None:
    """Signatures on which implementations of Ed25519 differ. None of them is good."""
    c = t.signers
    message = pays.hops[-1].endorsement.signed_part(piece_of(Chain(pays.token), 0).id)
    signature = pays.hops[-1].endorsement.signature
    s = int.from_bytes(signature[32:], "little") + _ORDER
    crafted = {
        "an S that is too large": signature[:32] + s.to_bytes(32, "little"),
        "an R of small order": _signature_with_r(
            c.alice.key, message, 0, (1).to_bytes(32, "little")
        ),
        "an R that is good only with the cofactor": _signature_with_r(
            c.alice.key, message, 12_345, _plus_order_two(_base_times(12_345))
        ),
    }
    for name, forged in crafted.items():
        t.paid(f"a signature with {name}", Reason.ENDORSEMENT_FORGED,
               changed(pays, signature=forged))  # fmt: skip
    # With these keys B ‖ 1 is a signature of every message, or of one in two.
    keys = {
        "of order one": (1).to_bytes(32, "little"),
        "of order two": (_PRIME - 1).to_bytes(32, "little"),
        "of order one, not canonical": (_PRIME + 1).to_bytes(32, "little"),
        "of order one, with a sign": (1 | 1 << 255).to_bytes(32, "little"),
    }
    for name, key in keys.items():
        chain = c.mint(key, 100)
        owner = Device(c.alice.key, c.certify(key, "alpha"))
        for salt in range(1, 20):
            endorsed = c.endorse(chain, owner, c.bob, 100, salt=salt)
            message = endorsed.hops[0].endorsement.signed_part(chain.token.piece_id())
            forged = _base_times(1) + (1).to_bytes(32, "little")
            if _hash(forged[:32], key, message) % 2 == 0:
                break
        t.paid(f"the owner's key is {name}", Reason.ENDORSEMENT_FORGED,
               changed(endorsed, signature=forged))  # fmt: skip


def _base_times(scalar: int) -> bytes:
    return crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))


def _plus_order_two(point: bytes) -> bytes:
    """The encoding of a point plus the point of order two: (x, y) becomes (−x, −y)."""
    number = int.from_bytes(point, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    return ((1 - sign) << 255 | (_PRIME - y)).to_bytes(32, "little")


def _hash(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % _ORDER


def _signature_with_r(key: SigningKey, message: bytes, r: int, encoded_r: bytes) -> bytes:
    """A signature whose R is chosen: r·B plus a point of small order."""
    half = int.from_bytes(hashlib.sha512(bytes(key)).digest()[:32], "little")
    secret = half & ((1 << 254) - 8) | 1 << 254
    s = (r + _hash(encoded_r, public_of(key), message) * secret) % _ORDER
    return encoded_r + s.to_bytes(32, "little")
