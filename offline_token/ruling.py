"""A ruling: the root's final decision on a chain, the only reason for which a device gives it up.

A ruling names the chain byte for byte. Somebody who spoils a copy of a chain and has the copy ruled
bad can therefore not use that ruling against the genuine chain, though both end in the same piece.
docs/explanation/offline_token.md specifies the bytes.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from offline_token.formats import DIGEST_BYTES, SIGNATURE_BYTES, Chain, FormatError, Payment, tagged
from offline_token.signing import Signer, verified

_KIND = b"V1"
_LAYOUT = struct.Struct(f">2s{DIGEST_BYTES}sBQ{SIGNATURE_BYTES}s")
RULING_BYTES = _LAYOUT.size


class End(IntEnum):
    """Why a chain will never be paid again."""

    BAD = 1
    """It is no good chain, and was none when its money was made."""
    SPENT_TWICE = 2
    """Its owner has paid it away, or spent what it comes from twice, or the cap is reached."""
    DEPOSITED = 3
    """Its owner has deposited it."""
    REFUNDED = 4
    """It came too late: what was left has gone back to the wallet that loaded it."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Says how a chain has ended: 107 bytes."""

    chain: bytes
    end: End
    time_ms: int
    signature: bytes = bytes(SIGNATURE_BYTES)

    def encode(self) -> bytes:
        """Raises FormatError."""
        if (len(self.chain), len(self.signature)) != (DIGEST_BYTES, SIGNATURE_BYTES):
            raise FormatError("ruling: a field of the wrong length")
        return _LAYOUT.pack(_KIND, self.chain, self.end, self.time_ms, self.signature)

    def signed_part(self) -> bytes:
        """The bytes that the root signs."""
        return tagged("ruling/v1", self.encode()[:-SIGNATURE_BYTES])

    def ends(self, chain: Chain, output: int, root: bytes) -> bool:
        """Whether the root has signed this ruling, and for exactly this chain."""
        named = self.chain == chain_digest(chain, output)
        return named and verified(root, self.signed_part(), self.signature)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        if len(data) != _LAYOUT.size or data[:2] != _KIND:
            raise FormatError("ruling: of another kind, or cut short")
        _, chain, end, time_ms, signature = _LAYOUT.unpack(data)
        try:
            return cls(chain, End(end), time_ms, signature)
        except ValueError:
            raise FormatError(f"ruling: {end} is no end") from None


def chain_digest(chain: Chain, output: int) -> bytes:
    """The digest that a ruling names, of a chain's bytes and the output in question: 32 bytes."""
    body = Payment((chain,)).encode() + bytes([output])
    return hashlib.sha256(tagged("chain/v1", body)).digest()


def sign_ruling(root: Signer, chain: Chain, output: int, end: End, time_ms: int) -> Ruling:
    """Signs the root's ruling on a chain."""
    blank = Ruling(chain_digest(chain, output), end, time_ms)
    return replace(blank, signature=root.sign(blank.signed_part())[:SIGNATURE_BYTES])
