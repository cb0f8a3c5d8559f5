"""Proof of possession: a device key signs the wallet and the bank it is to be certified for.

Without the proof somebody could have another person's key certified in his own name.
docs/explanation/offline_token.md specifies the bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from offline_token.formats import ID_BYTES, SIGNATURE_BYTES, FormatError, bank_name, tagged
from offline_token.signing import Signer, verified

WALLET_BYTES = 16
NONCE_BYTES = ID_BYTES
ACCOUNT_BYTES = 32
POSSESSION_BYTES = ACCOUNT_BYTES + SIGNATURE_BYTES


def account_of(wallet: str, nonce: bytes) -> bytes:
    """Hides a wallet's number: 32 bytes that only the holder of the nonce can link to it.

    Args:
        wallet: its number, 16 digits.
        nonce: 16 bytes that nobody can guess.

    Raises:
        FormatError: the number or the nonce has another length.
    """
    number = wallet.encode()
    if len(number) != WALLET_BYTES or len(nonce) != NONCE_BYTES:
        raise FormatError(f"account: {WALLET_BYTES} digits and a nonce of {NONCE_BYTES} bytes")
    return hashlib.sha256(tagged("account/v1", number + nonce)).digest()


@dataclass(frozen=True)
class Possession:
    """A key's signed statement "certify me at this bank, for this account": 96 bytes.

    It proves possession of the key to anybody who knows the bank's name, without naming the wallet.
    """

    account: bytes
    signature: bytes

    def encode(self) -> bytes:
        """Account and signature. Raises FormatError."""
        if len(self.account) != ACCOUNT_BYTES or len(self.signature) != SIGNATURE_BYTES:
            raise FormatError("possession: a field of the wrong length")
        return self.account + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        if len(data) != POSSESSION_BYTES:
            raise FormatError(f"possession: {POSSESSION_BYTES} bytes expected")
        return cls(data[:ACCOUNT_BYTES], data[ACCOUNT_BYTES:])

    def proves(self, key: bytes, bank: str) -> bool:
        """Whether this key has signed the statement for this bank."""
        return verified(key, _signed_part(bank, self.account), self.signature)


def prove(device: Signer, bank: str, account: bytes) -> Possession:
    """Signs with a device key for a bank and an account there. Raises FormatError."""
    signature = device.sign(_signed_part(bank, account))[:SIGNATURE_BYTES]
    return Possession(account, signature)


def _signed_part(bank: str, account: bytes) -> bytes:
    return tagged("possession/v1", bank_name(bank) + account)
