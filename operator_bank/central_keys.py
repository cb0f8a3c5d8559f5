"""The central bank's business keys, as a bank's settings list them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.envelope import key_id, verify
from runtime.errors import Refusal
from runtime.files import stamp_of
from runtime.logs import logger
from runtime.settings import SettingsError


class Verifies(Protocol):
    """Says whether the central bank signed something."""

    def verify(self, tag: str, envelope: SignedEnvelope) -> bytes:
        """What was signed. Raises Refusal when it was not by the central bank."""
        ...


class CentralKeys:
    """Keys by their ids: one, or several while the central bank changes from one to the next."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._keys: Mapping[bytes, bytes] = {key_id(key): key for key in public_keys}

    def now(self) -> Mapping[bytes, bytes]:
        """The keys of this moment, by their ids."""
        return self._keys

    def verify(self, tag: str, envelope: SignedEnvelope) -> bytes:
        """See `Verifies`."""
        key = self.now().get(envelope.key_id)
        if key is None:
            raise unknown_key(envelope.key_id)
        return verify(tag, envelope, key)


class KeysFile(CentralKeys):
    """The keys in a file, which is read again when it is replaced."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError as `read_keys`."""
        self._path = path
        self._stamp = stamp_of(path)
        super().__init__(read_keys(path))

    def now(self) -> Mapping[bytes, bytes]:
        """See `CentralKeys`; while the file is no good, what was read before."""
        stamp = stamp_of(self._path)  # of none, reading says what is wrong
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keys = {key_id(key): key for key in read_keys(self._path)}
            except SettingsError as error:
                logger("central-keys").warning("the list of keys is not taken", why=str(error))
        return self._keys


def unknown_key(name: bytes) -> Refusal:
    """What is said of a key that is none of the central bank's, or not any more."""
    return Refusal(
        errors_pb2.REASON_SIGNATURE_INVALID,
        f"key {name!r} is none of the central bank's",
        field="key_id",
    )


def read_keys(path: Path) -> list[bytes]:
    """The keys in a file: one a line, hexadecimal; what follows # is a comment.

    Raises:
        SettingsError: the file cannot be read, has no key, or a line that is none.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the central bank's keys cannot be read: {error}") from error
    keys: list[bytes] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != PUBLIC_KEY_BYTES:
            raise SettingsError(f"{path}, line {number}: a key has {2 * PUBLIC_KEY_BYTES} digits")
        keys.append(key)
    if not keys:
        raise SettingsError(f"{path}: there is no key in it")
    return keys
