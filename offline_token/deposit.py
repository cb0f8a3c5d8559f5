"""A deposit: the owner of each piece signs it over to a bank, for one wallet there.

A deposit is the last endorsement of a piece. Together with any other endorsement of the same piece
it proves a double spend.
docs/explanation/offline_token.md specifies the bytes.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Self

from offline_token.formats import (
    ID_BYTES,
    NAME_BYTES,
    SIGNATURE_BYTES,
    Endorsement,
    FormatError,
    Payment,
    bank_name,
    read_bank_name,
    tagged,
)
from offline_token.limits import MAX_CHAINS
from offline_token.possession import ACCOUNT_BYTES
from offline_token.signing import Signer, verified
from offline_token.verify import (
    Bad,
    Piece,
    Reason,
    Verdict,
    Verified,
    piece_of,
)

_KIND, _DEPOSIT = b"E", b"D1"
_LAYOUT = struct.Struct(f">cB{NAME_BYTES}s{ACCOUNT_BYTES}s{ID_BYTES}s{SIGNATURE_BYTES}s")
DEPOSIT_ENDORSEMENT_BYTES = _LAYOUT.size
MAX_DEPOSIT_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class DepositEndorsement:
    """Says "the whole of this piece to that bank, for this wallet, as deposit D": 130 bytes.

    Attributes:
        output: which output of the last endorsement is deposited: 0 what it paid, 1 what it kept.
        bank: name of the bank that it goes to.
        account: the wallet there, as `possession.account_of` hides it. 32 bytes.
        id: of the deposit. 16 bytes.
    """

    output: int
    bank: str
    account: bytes
    id: bytes
    signature: bytes = bytes(SIGNATURE_BYTES)

    def encode(self) -> bytes:
        """Raises FormatError."""
        lengths = (len(self.account), len(self.id), len(self.signature))
        if lengths != (ACCOUNT_BYTES, ID_BYTES, SIGNATURE_BYTES) or not 0 <= self.output <= 255:
            raise FormatError("deposit: a field of the wrong length")
        name = bank_name(self.bank)
        return _LAYOUT.pack(_KIND, self.output, name, self.account, self.id, self.signature)

    def signed_part(self, piece_id: bytes) -> bytes:
        """The bytes that the owner of the deposited piece signs."""
        return tagged("deposit/v1", piece_id + self.encode()[:-SIGNATURE_BYTES])

    def digest(self, piece_id: bytes) -> bytes:
        """A digest that differs for every other way to spend the piece: 32 bytes."""
        return hashlib.sha256(self.signed_part(piece_id)).digest()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        if len(data) != _LAYOUT.size or data[:1] != _KIND:
            raise FormatError("deposit: the endorsement is of another kind, or cut short")
        _, output, name, account, deposit_id, signature = _LAYOUT.unpack(data)
        return cls(output, read_bank_name(name), account, deposit_id, signature)


def sign_deposit(
    owner: Signer, piece_id: bytes, endorsement: DepositEndorsement
) -> DepositEndorsement:
    """Signs the deposit of a piece with its owner's key."""
    signature = owner.sign(endorsement.signed_part(piece_id))[:SIGNATURE_BYTES]
    return replace(endorsement, signature=signature)


def read_spend(data: bytes) -> Endorsement | DepositEndorsement:
    """Decodes an endorsement of either kind: a payment or a deposit. Raises FormatError."""
    if data[:1] == _KIND:
        return DepositEndorsement.decode(data)
    return Endorsement.decode(data)


@dataclass(frozen=True, slots=True)
class Deposit:
    """Pieces deposited together for one wallet: their chains, and the last endorsement of each.

    The chains may come from several payments.
    """

    payment: Payment
    endorsements: tuple[DepositEndorsement, ...]

    def encode(self) -> bytes:
        """Payment, then an endorsement for each chain. Raises FormatError."""
        self._check()
        ends = b"".join(each.encode() for each in self.endorsements)
        data = _DEPOSIT + self.payment.encode() + ends
        if len(data) > MAX_DEPOSIT_BYTES:
            raise FormatError(f"deposit: more than {MAX_DEPOSIT_BYTES} bytes")
        return data

    @property
    def bank(self) -> str:
        """The name of the bank that the pieces go to."""
        return self.endorsements[0].bank

    @property
    def account(self) -> bytes:
        """The wallet there, as `possession.account_of` hides it: 32 bytes."""
        return self.endorsements[0].account

    def _check(self) -> None:
        if len(self.endorsements) != len(self.payment.chains):
            raise FormatError("deposit: an endorsement for each chain expected")
        if len({(each.bank, each.account, each.id) for each in self.endorsements}) != 1:
            raise FormatError("deposit: all of it to one wallet expected, under one id")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        start = len(_DEPOSIT)
        if len(data) > MAX_DEPOSIT_BYTES:
            raise FormatError(f"deposit: more than {MAX_DEPOSIT_BYTES} bytes")
        if data[:start] != _DEPOSIT or len(data) < start + 3:
            raise FormatError("deposit: of another kind, or cut short")
        count = data[start + 2]
        split = len(data) - count * DEPOSIT_ENDORSEMENT_BYTES
        if not 1 <= count <= MAX_CHAINS or split <= start:
            raise FormatError(f"deposit: not the length of {count} chains")
        ends = [
            DepositEndorsement.decode(data[at : at + DEPOSIT_ENDORSEMENT_BYTES])
            for at in range(split, len(data), DEPOSIT_ENDORSEMENT_BYTES)
        ]
        found = cls(Payment.decode(data[start:split]), tuple(ends))
        found._check()
        return found

    def pieces(self) -> list[Piece]:
        """The deposited pieces; nothing is verified.

        Raises Bad where an endorsement names an output that its chain does not have.
        """
        if any(each.output not in (0, 1) for each in self.endorsements):
            raise Bad(Reason.OUTPUT_INVALID)
        ends = zip(self.payment.chains, self.endorsements, strict=True)
        return [piece_of(chain, each.output) for chain, each in ends]


def signed_by_owners(
    deposit: Deposit,
    pieces: tuple[Piece, ...] | list[Piece],
    bank: str,
    *,
    verified: Verified = verified,
) -> Reason:
    """Whether the owner of each piece has signed it over to this bank.

    Args:
        deposit: the deposit of these pieces.
        pieces: one for each chain.
        bank: name of the bank that submits the deposit or is shown it.
        verified: checks a signature.
    """
    if deposit.bank != bank:
        return Reason.NOT_FOR_THIS_PAYEE
    for piece, end in zip(pieces, deposit.endorsements, strict=True):
        if not verified(piece.owner, end.signed_part(piece.id), end.signature):
            return Reason.DEPOSIT_FORGED
    return Reason.GOOD


def with_owners(
    verdict: Verdict, deposit: Deposit, bank: str, *, verified: Verified = verified
) -> Verdict:
    """The verdict on a deposit: that on its payment, and its owners' signatures checked too."""
    if not verdict.good:
        return verdict
    reason = signed_by_owners(deposit, verdict.pieces, bank, verified=verified)
    return verdict if reason == Reason.GOOD else Verdict(reason)
