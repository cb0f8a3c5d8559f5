"""Encrypts one write of the secure element's state: all of the state, or what has changed.

The content is encrypted (XChaCha20-Poly1305) under a key that is made of the seal and, if the
holder has set a PIN, of the PIN (Argon2id). The head is encrypted under a key of the seal alone.
Each authenticates the other, so that no content passes for that of another write. The head has the
number of the write, the digest of the write before, and how often a PIN was tried.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES,
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError
from nacl.utils import random

from language import _
from runtime.ed25519 import SEED_BYTES
from runtime.files import create_whole
from runtime.output import reason_of
from runtime.randomness import Randomness
from wallet.home.home import CLOSE_IT
from wallet.secure_element.device_errors import DeviceError
from wallet.secure_element.mark import NOTHING

SALT_BYTES = 16
_HEAD = struct.Struct(">?32sQB?16s")
_NONCE_BYTES: int = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_HEAD_BYTES = _HEAD.size + _NONCE_BYTES + int(crypto_aead_xchacha20poly1305_ietf_ABYTES)
_OUTER_SALT = b"dcep-device-outer"
"""The salt of the heads' key, which needs no PIN. No salt of a state has this length."""


class Unsealable(Exception):
    """The bytes were not sealed with this seal, or not with this PIN."""


@dataclass(frozen=True)
class Sealed:
    """A sealed write whose head was decrypted.

    Attributes:
        whole: whether it is all of the state, and not a change.
        with_pin: whether the content's key needs a PIN.
        salt: the salt of the content's key, 16 bytes.
        tries: how often a PIN was tried since the last right one; each try is counted before it is
            evaluated.
        counter, previous: number of this write, and digest of the write before.
        digest: SHA-256 of this write.
        box: the content, encrypted; b"" if only the head has changed.
    """

    whole: bool
    with_pin: bool
    salt: bytes
    tries: int = 0
    counter: int = 0
    previous: bytes = NOTHING
    digest: bytes = NOTHING
    box: bytes = b""

    @property
    def head(self) -> bytes:
        """The encoded head."""
        return _HEAD.pack(
            self.whole, self.previous, self.counter, self.tries, self.with_pin, self.salt
        )

    def next(self, *, whole: bool = False) -> Sealed:
        """The write that follows this one, still without content."""
        return replace(
            self,
            whole=whole,
            previous=self.digest,
            counter=self.counter + 1,
            digest=NOTHING,
            box=b"",
        )


class Seal:
    """The seal: a file of 32 random bytes that all keys are made of, readable by its owner
    alone."""

    def __init__(self, path: Path, randomness: Randomness) -> None:
        self.path = path
        self._randomness = randomness

    def make(self) -> None:
        """Makes the file, unless there is one."""
        create_whole(self.path, self._randomness.bytes(SEED_BYTES))

    def salt(self) -> bytes:
        """A fresh salt, 16 bytes."""
        return self._randomness.bytes(SALT_BYTES)

    def key(self, pin: str, salt: bytes) -> bytes:
        """The key of a content: made of the seal alone for the PIN "", else of seal and PIN.

        Raises DeviceError if the seal cannot be read, is no seal, or can be read by others.
        """
        try:
            mode = stat.S_IMODE(os.stat(self.path).st_mode)
            seal = self.path.read_bytes()
        except OSError as error:
            raise DeviceError(
                _("{path} cannot be read: {error}").format(path=self.path, error=reason_of(error))
            ) from error
        if len(seal) != SEED_BYTES:
            raise DeviceError(
                _("{path} is no seal: it has {size} bytes and not {right}").format(
                    path=self.path, size=len(seal), right=SEED_BYTES
                )
            )
        if mode & 0o077:
            raise DeviceError(
                _("{path} can be read by others; chmod 600 it").format(path=self.path), CLOSE_IT
            )
        secret = stretched(pin, salt) if pin else b""
        size = crypto_aead_xchacha20poly1305_ietf_KEYBYTES
        return hashlib.blake2b(secret + salt, key=seal, digest_size=size).digest()

    def heads_key(self) -> bytes:
        """The key of all heads. Raises DeviceError."""
        return self.key("", _OUTER_SALT)


def filled(head: Sealed, content: bytes, key: bytes) -> Sealed:
    """A write with this content, encrypted under the content's key."""
    return replace(head, box=_encrypted(content, head.head, key))


def content_of(sealed: Sealed, key: bytes) -> bytes:
    """The decrypted content of a write. Raises Unsealable."""
    return _decrypted(sealed.box, sealed.head, key)


def closed(sealed: Sealed, heads_key: bytes) -> bytes:
    """The bytes of a write, as they lie in a file."""
    return _encrypted(sealed.head, sealed.box, heads_key) + sealed.box


def opened(data: bytes, heads_key: bytes) -> Sealed:
    """The write whose bytes lie in a file. Raises Unsealable."""
    box = data[_HEAD_BYTES:]
    head = _decrypted(data[:_HEAD_BYTES], box, heads_key)
    whole, previous, counter, tries, with_pin, salt = _HEAD.unpack(head)
    digest = hashlib.sha256(data).digest()
    return Sealed(whole, with_pin, salt, tries, counter, previous, digest, box)


def stretched(pin: str, salt: bytes) -> bytes:
    """A secret of 32 bytes made of a PIN with Argon2id, so that guessing PINs is costly."""
    from nacl.pwhash import argon2id

    return argon2id.kdf(
        32,
        pin.encode(),
        salt,
        opslimit=argon2id.OPSLIMIT_INTERACTIVE,
        memlimit=argon2id.MEMLIMIT_INTERACTIVE,
    )


def _encrypted(content: bytes, beside: bytes, key: bytes) -> bytes:
    nonce = random(_NONCE_BYTES)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(content, beside, nonce, key)


def _decrypted(data: bytes, beside: bytes, key: bytes) -> bytes:
    nonce, box = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(box, beside, nonce, key)
    except (CryptoError, ValueError):
        raise Unsealable from None
