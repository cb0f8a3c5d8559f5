"""Seals copies under a passphrase: AES-256-GCM in pieces, with a key of its own for each file.

The passphrase becomes keys by scrypt (RFC 7914). A file begins with a random salt. Its key is
derived from that and from its name (HKDF, RFC 5869), so that no file passes for another one. A
piece's nonce is its number and whether it is the last. So no piece can be left out, moved or cut
off.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from language import _
from sandbox.backup.refused import BackupRefused

SALT_BYTES = 32
MIN_PASSPHRASE = 12
PIECE_BYTES = 1 << 20
_N, _R, _P = 1 << 17, 8, 1
"""The parameters of scrypt: each guess costs 128 MB and about half a second."""

_TAG_BYTES = 16


class Readable(Protocol):
    """A source that gives as many bytes as it is asked for, until its end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; fewer, or none, only at the end."""


class Keys(NamedTuple):
    """The keys from a passphrase and a copy's salt, 32 bytes each."""

    sealing: bytes
    signing: bytes

    def signature(self, content: bytes) -> str:
        """HMAC-SHA256, in hex, over content that is not secret but must not be changed."""
        return hmac.new(self.signing, content, hashlib.sha256).hexdigest()


def keys_of(passphrase: str, salt: bytes) -> Keys:
    """The keys of a copy.

    Raises:
        BackupRefused: the passphrase is shorter than MIN_PASSPHRASE characters.
    """
    text = unicodedata.normalize("NFKC", passphrase)
    if len(text) < MIN_PASSPHRASE:
        raise BackupRefused(
            "PASSPHRASE_SHORT",
            _("a passphrase has at least {min_passphrase} characters").format(
                min_passphrase=MIN_PASSPHRASE
            ),
        )
    memory = 2 * 128 * _N * _R
    made = hashlib.scrypt(
        text.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=memory, dklen=2 * SALT_BYTES
    )
    return Keys(made[:SALT_BYTES], made[SALT_BYTES:])


def sealed(source: Readable, keys: Keys, name: str) -> Iterator[bytes]:
    """Seals a file; yields its sealed bytes in pieces.

    Args:
        source: what to seal.
        keys: the copy's.
        name: the file's path in the copy.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    yield salt
    cipher, number, piece = _cipher(keys, salt, name), 0, source.read(PIECE_BYTES)
    while True:
        following = source.read(PIECE_BYTES)
        yield cipher.encrypt(_nonce(number, last=not following), piece, None)
        if not following:
            return
        number, piece = number + 1, following


def unsealed(source: Readable, keys: Keys, name: str) -> Iterator[bytes]:
    """Opens a sealed file; yields the bytes that were sealed in pieces.

    Raises:
        BackupRefused: the file was changed, cut off, or has another one's name.
    """
    cipher, number = _cipher(keys, source.read(SALT_BYTES), name), 0
    piece = source.read(PIECE_BYTES + _TAG_BYTES)
    while True:
        following = source.read(PIECE_BYTES + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), piece, None)
        except InvalidTag:
            raise BackupRefused(
                "COPY_CHANGED", _("{name} was changed after it was sealed").format(name=name)
            ) from None
        if not following:
            return
        number, piece = number + 1, following


def _cipher(keys: Keys, salt: bytes, name: str) -> AESGCM:
    info = b"dcep-backup/v1 " + name.encode()
    return AESGCM(HKDF(SHA256(), 32, salt, info).derive(keys.sealing))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
