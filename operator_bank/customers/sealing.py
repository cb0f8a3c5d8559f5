"""Seals what is known of customers, and makes keys by which it is found without being opened.

Each customer's row is sealed by itself (ChaCha20-Poly1305, RFC 8439), bound to its bank and its id:
a row put in another's place does not open. What is looked for, a telephone or a document, is found
by an HMAC of it. Both keys are derived from one secret of the bank, which lies in a file beside its
TLS key. The file may have several, each with a number: the highest seals, and rows that another one
has sealed are sealed anew when the bank starts; then the old one can be taken out of the file.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LOOKUP_BYTES = 16
NONCE_BYTES = 12
_LINE = re.compile(r"([1-9][0-9]{0,3}) ([0-9a-f]{64})")


class KeyFileWrong(ValueError):
    """The file with the bank's secrets for customers is missing or wrong, or is another bank's."""


def read_customers_keys(file: Path) -> dict[int, bytes]:
    """The secrets in a file, by their numbers: one a line, such as ``1 <64 hexadecimal digits>``.

    Raises:
        KeyFileWrong: it is missing or wrong; the message names the file, and nothing in it.
    """
    try:
        lines = file.read_text("ascii").splitlines()
    except (OSError, ValueError) as error:
        raise KeyFileWrong(f"customers_key: {file} cannot be read") from error
    found: dict[int, bytes] = {}
    for at, line in enumerate(lines, 1):
        said = line.split("#")[0].strip()
        if not said:
            continue
        match = _LINE.fullmatch(said)
        if match is None or int(match[1]) in found:
            raise KeyFileWrong(
                f"customers_key: {file}, line {at} is not a new number and 64 hexadecimal digits"
            )
        found[int(match[1])] = bytes.fromhex(match[2])
    if not found:
        raise KeyFileWrong(f"customers_key: {file} has no key in it")
    return found


class Sealer:
    """Seals and opens customers' rows. Any thread may."""

    def __init__(self, bank: str, keys: Mapping[int, bytes]) -> None:
        """Derives the keys of a bank.

        Args:
            bank: its name; what one bank has sealed opens at no other.
            keys: secrets of 32 bytes by their numbers, 1 or more.
        """
        self._bank = bank.encode()
        self._ciphers = {
            number: ChaCha20Poly1305(_derived(secret, b"dcep customers seal/v1"))
            for number, secret in keys.items()
        }
        self.newest = max(keys)
        self._lookups = _derived(keys[self.newest], b"dcep customers lookup/v1")

    def seal(self, customer: int, content: bytes, what: str = "customer") -> bytes:
        """A customer's row, or `what` else has this id, sealed by the newest key."""
        nonce = os.urandom(NONCE_BYTES)
        bound = self._bound(what, customer, self.newest)
        return nonce + self._ciphers[self.newest].encrypt(nonce, content, bound)

    def open(self, customer: int, number: int, sealed: bytes, what: str = "customer") -> bytes:
        """What was sealed for a customer, or what else it is, by the key of this number.

        Raises:
            KeyFileWrong: the key is not there, or the row was sealed by another one, for another
                customer, or was changed.
        """
        cipher = self._ciphers.get(number)
        if cipher is None:
            raise KeyFileWrong(f"customers_key: key {number} is missing; a {what} is sealed by it")
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, body, self._bound(what, customer, number))
        except (InvalidTag, ValueError) as error:
            raise KeyFileWrong(
                f"customers_key: key {number} does not open what is kept of {what} {customer}"
            ) from error

    def lookup(self, kind: str, text: str) -> bytes:
        """By what a telephone or a document is found: 16 bytes that say nothing without the key."""
        content = kind.encode() + b"\0" + text.encode()
        return hmac.digest(self._lookups, content, "sha256")[:LOOKUP_BYTES]

    def _bound(self, what: str, customer: int, number: int) -> bytes:
        return b"dcep %b/v1\0%b\0%d\0%d" % (what.encode(), self._bank, customer, number)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(secret)
