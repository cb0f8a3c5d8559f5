"""The file of a backup: encrypted under a passphrase, with all that opening it takes in front.

A header of 44 bytes: "DCEPBKUP", the version 1, scrypt's log2 N, r and p (one byte each), the salt
(16 bytes), the nonce (12 bytes), and the length of what follows (4 bytes, big-endian). What follows
is ChaCha20-Poly1305 (RFC 8439) of the content, which zlib has compressed, under the key that scrypt
(RFC 7914) makes of the passphrase in UTF-8, NFKC; the header is authenticated with it.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from language import N_, _
from runtime.randomness import Randomness
from wallet.home.home import HomeError

MAGIC, VERSION = b"DCEPBKUP", 1
_HEADER = struct.Struct(">8sBBBB16s12sI")
_LOG2_N, _R, _P = 17, 8, 1
"""128 MiB, and some tenths of a second, for each passphrase that somebody tries."""

MAX_SCRYPT_BYTES = 256 << 20
"""What a file may make the reader use, before it is known whose file it is."""

MAX_P = 4
MIN_PASSPHRASE, MAX_PASSPHRASE = 10, 1_000
"""Characters."""

_KEY_BYTES, _TAG_BYTES = 32, 16
MAX_SEALED_BYTES = 64 << 20
MAX_CONTENT_BYTES = 128 << 20
"""What a file may become when it is unpacked."""

MAX_FILE_BYTES = _HEADER.size + MAX_SEALED_BYTES


class BackupError(HomeError):
    """It is no backup that can be opened; the message says why."""

    reason = "BACKUP_INVALID"
    following = N_("Look whether this is the whole file, as `wallet backup` has written it.")


class WrongPassphrase(BackupError):
    """The passphrase does not open it, or it was altered: nobody can tell which."""

    reason = "PASSPHRASE_WRONG"
    refused = True
    following = N_("Type it again, just as it was given to `wallet backup`.")


class WeakPassphrase(BackupError):
    """A passphrase is too short to seal with, or too long."""

    reason = "PASSPHRASE_SHORT"
    following = N_("Take some words that belong nowhere together, and repeat.")


def check_passphrase(passphrase: str) -> None:
    """Raises BackupError unless a passphrase is long enough to seal with."""
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        raise WeakPassphrase(
            _("a passphrase has {least} to {most} characters").format(
                least=MIN_PASSPHRASE, most=MAX_PASSPHRASE
            )
        )


def sealed(
    content: bytes, passphrase: str, randomness: Randomness, *, log2_n: int = _LOG2_N
) -> bytes:
    """A backup's file.

    Args:
        content: at most MAX_CONTENT_BYTES.
        log2_n: how much it takes to try a passphrase.
    """
    check_passphrase(passphrase)
    packed = zlib.compress(content, 6)
    length = len(packed) + _TAG_BYTES
    if len(content) > MAX_CONTENT_BYTES or length > MAX_SEALED_BYTES:
        raise BackupError(_("there is more in this home than a backup takes"))
    salt, nonce = randomness.bytes(16), randomness.bytes(12)
    header = _HEADER.pack(MAGIC, VERSION, log2_n, _R, _P, salt, nonce, length)
    key = _derived(passphrase, salt, log2_n, _R, _P)
    return header + ChaCha20Poly1305(key).encrypt(nonce, packed, header)


def opened(file: bytes, passphrase: str) -> bytes:
    """The content of a backup's file.

    Raises:
        BackupError: it is no backup, or asks for more than is given; nothing was derived then.
        WrongPassphrase: it cannot be opened with this one.
    """
    if len(file) < _HEADER.size or not file.startswith(MAGIC):
        raise BackupError(_("this is no backup of a wallet"))
    _magic, version, log2_n, r, p, salt, nonce, length = _HEADER.unpack_from(file)
    if version != VERSION:
        raise BackupError(_("this backup is of another version"))
    if length != len(file) - _HEADER.size or not _TAG_BYTES <= length <= MAX_SEALED_BYTES:
        raise BackupError(_("this backup is cut short, or something hangs on it"))
    if not (1 <= log2_n <= 30 and r >= 1 and 1 <= p <= MAX_P):
        raise BackupError(_("this backup asks for what no backup does"))
    if 128 * r << log2_n > MAX_SCRYPT_BYTES:
        raise BackupError(_("this backup asks for more memory than is given"))
    key = _derived(passphrase[:MAX_PASSPHRASE], salt, log2_n, r, p)
    header, body = file[: _HEADER.size], file[_HEADER.size :]
    try:
        packed = ChaCha20Poly1305(key).decrypt(nonce, body, header)
    except InvalidTag:
        raise WrongPassphrase(
            _("this passphrase does not open the backup, or the backup was altered")
        ) from None
    return _unpacked(packed)


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, MAX_CONTENT_BYTES)
    except zlib.error:
        raise BackupError(_("this is no backup of a wallet")) from None
    if not unpacking.eof or unpacking.unconsumed_tail or unpacking.unused_data:
        raise BackupError(_("there is more in this backup than a home takes"))
    return content


def _derived(passphrase: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    words = unicodedata.normalize("NFKC", passphrase).encode()
    return Scrypt(salt=salt, length=_KEY_BYTES, n=1 << log2_n, r=r, p=p).derive(words)
