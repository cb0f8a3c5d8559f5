"""Makes labels of aliases, and seals what a bank says of one, by a key that all banks share.

The central bank does not have it, so its directory says nothing to it: a label is an HMAC, and an
answer is sealed by ChaCha20-Poly1305 (RFC 8439). Whoever has the key can still not ask for more
labels than the budgets allow. Both keys are derived from the one in the file.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError

from currency.aliases import Alias
from dcep.bank.v1 import aliases_pb2, inbound_pb2
from operator_bank.customers.sealing import NONCE_BYTES
from runtime.bounds import greatest_in

ANSWER_BYTES = greatest_in(inbound_pb2.AnswerAliasResponse, "answer")
KEY_BYTES = 32
_TAG_BYTES = 16
_LENGTH_BYTES = 2
_LABEL_BYTES = 32
_PLAIN_BYTES = ANSWER_BYTES - NONCE_BYTES - _TAG_BYTES


class AliasKeyWrong(ValueError):
    """The file with the key that the banks share is missing or wrong."""


def read_alias_key(file: Path) -> bytes:
    """The key in a file: 64 hexadecimal digits.

    Raises:
        AliasKeyWrong: it is missing or wrong; the message names the file, and nothing in it.
    """
    try:
        found = bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise AliasKeyWrong(f"alias_key: {file} cannot be read") from error
    if len(found) != KEY_BYTES:
        raise AliasKeyWrong(f"alias_key: {file} is not 64 hexadecimal digits")
    return found


class AliasSecret:
    """What the banks share. Any thread may ask."""

    def __init__(self, key: bytes) -> None:
        self._labels = _derived(key, b"dcep alias label/v1")
        self._cipher = ChaCha20Poly1305(_derived(key, b"dcep alias answer/v1"))

    def label(self, alias: Alias) -> bytes:
        """What the directory knows of an alias, 32 bytes."""
        return hmac.digest(self._labels, b"%d\0%b" % (alias.kind, alias.key.encode()), "sha256")

    def seal(self, label: bytes, payee: aliases_pb2.AliasPayee, nonce: bytes, prefix: str) -> bytes:
        """Whom an alias stands for, for the bank that asked; always as long.

        Args:
            label: of the alias, so that the answer for another one does not pass for it.
            payee: whom it stands for.
            nonce: of the question, so that no answer is shown twice.
            prefix: of the bank that asks.
        """
        said = payee.SerializeToString()
        plain = label + len(said).to_bytes(_LENGTH_BYTES, "big") + said
        sealing = os.urandom(NONCE_BYTES)
        return sealing + self._cipher.encrypt(
            sealing, plain.ljust(_PLAIN_BYTES, b"\0"), _bound(nonce, prefix)
        )

    def open(
        self, answer: bytes, label: bytes, nonce: bytes, prefix: str
    ) -> aliases_pb2.AliasPayee | None:
        """Whom an alias stands for; None if this says nothing, or nothing of it. Arguments as those
        of `seal`.
        """
        try:
            plain = self._cipher.decrypt(
                answer[:NONCE_BYTES], answer[NONCE_BYTES:], _bound(nonce, prefix)
            )
            begin = _LABEL_BYTES + _LENGTH_BYTES
            length = int.from_bytes(plain[_LABEL_BYTES:begin], "big")
            said = aliases_pb2.AliasPayee.FromString(plain[begin : begin + length])
        except (InvalidTag, ValueError, DecodeError):
            return None
        return said if hmac.compare_digest(plain[:_LABEL_BYTES], label) else None


def nothing() -> bytes:
    """The answer where nobody is to be found: without the key nobody can tell it from another."""
    return os.urandom(ANSWER_BYTES)


def _bound(nonce: bytes, prefix: str) -> bytes:
    return b"dcep alias answer/v1\0%b\0%b" % (prefix.encode(), nonce)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, purpose).derive(key)
