"""Reads the central bank's business keys, as a bank's settings list them.

The same file may name TLS certificates of the central bank that must not be trusted any more, in
case its operator hears of a theft before the bank does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from google.protobuf.message import Message

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.envelope import key_id, verify
from runtime.errors import Refusal
from runtime.files import stamp_of
from runtime.logs import logger
from runtime.settings import SettingsError

_REVOKED = "revoked-certificate"
_FINGERPRINT_BYTES = 32


class Listed(NamedTuple):
    """What a file lists: business keys, 32 bytes each, and SHA-256 fingerprints of revoked TLS
    certificates, in hex.
    """

    keys: list[bytes]
    revoked_certificates: frozenset[str]


class Verifies(Protocol):
    """Says whether the central bank signed something."""

    def verify(self, kind: type[Message], envelope: SignedEnvelope) -> bytes:
        """The signed payload. Raises Refusal if the central bank did not sign it."""
        ...


class CentralKeys:
    """Keys by their ids: one, or several while the central bank changes its key."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._keys: Mapping[bytes, bytes] = {key_id(key): key for key in public_keys}

    def now(self) -> Mapping[bytes, bytes]:
        """The keys that count now, by their ids."""
        return self._keys

    def revoked_certificates(self) -> frozenset[str]:
        """Fingerprints of TLS certificates that are listed as revoked."""
        return frozenset()

    def verify(self, kind: type[Message], envelope: SignedEnvelope) -> bytes:
        """See `Verifies`."""
        key = self.now().get(envelope.key_id)
        if key is None:
            raise unknown_key(envelope.key_id)
        return verify(kind, envelope, key)


class KeysFile(CentralKeys):
    """Keys in a file, which is read again when it was replaced."""

    def __init__(self, path: Path) -> None:
        """Reads the file. Raises SettingsError, as `read_keys` does."""
        self._path = path
        self._stamp = stamp_of(path)
        listed = read_keys(path)
        super().__init__(listed.keys)
        self._revoked = listed.revoked_certificates

    def now(self) -> Mapping[bytes, bytes]:
        """See `CentralKeys`. If the file is bad now, the keys that were read before count."""
        stamp = stamp_of(self._path)  # if the file is missing, reading it says so
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                listed = read_keys(self._path)
            except SettingsError as error:
                logger("central-keys").warning("the list of keys is not taken", why=str(error))
            else:
                self._keys = {key_id(key): key for key in listed.keys}
                self._revoked = listed.revoked_certificates
        return self._keys

    def revoked_certificates(self) -> frozenset[str]:
        """See `CentralKeys`."""
        self.now()
        return self._revoked


def unknown_key(name: bytes) -> Refusal:
    """The refusal for a key that is not, or no longer, the central bank's."""
    return Refusal(
        errors_pb2.REASON_SIGNATURE_INVALID,
        f"key {name!r} is none of the central bank's",
        field="key_id",
    )


def read_keys(path: Path) -> Listed:
    """Reads a file with one key in each line, hexadecimal; what follows # is a comment.

    A line ``revoked-certificate FINGERPRINT`` names a TLS certificate that is revoked.

    Raises:
        SettingsError: the file cannot be read, has no key, or has a line of another kind.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the central bank's keys cannot be read: {error}") from error
    keys: list[bytes] = []
    revoked: set[str] = set()
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{path}, line {number}"
        if words[0] == _REVOKED:
            revoked.add(_hexadecimal(words[1:], _FINGERPRINT_BYTES, f"{where}: a SHA-256").hex())
        else:
            keys.append(_hexadecimal(words, PUBLIC_KEY_BYTES, f"{where}: a key"))
    if not keys:
        raise SettingsError(f"{path}: there is no key in it")
    return Listed(keys, frozenset(revoked))


def _hexadecimal(words: Sequence[str], length: int, what: str) -> bytes:
    try:
        (word,) = words
        value = bytes.fromhex(word)
    except ValueError:
        value = b""
    if len(value) != length:
        raise SettingsError(f"{what} has {2 * length} digits")
    return value
