"""Opens institutions' Ed25519 keys: in a PKCS#11 token, or in a file if the settings allow that.

A key is named by a path or by a PKCS#11 URI (RFC 7512), for example
``pkcs11:token=central-bank;object=offline-root?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:pin``.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, SupportsBytes
from urllib.parse import unquote

from nacl.signing import SigningKey, VerifyKey

from runtime.ed25519 import SEED_BYTES
from runtime.pkcs11 import Pkcs11Error, Session
from runtime.settings import SettingsError

TOKEN_SCHEME = "pkcs11:"
_MAX_PIN_BYTES = 256
_OF_THE_PATH = ("token", "object")
_OF_THE_QUERY = ("module-path", "pin-source")


class Signer(Protocol):
    """A private key that can only sign; ``nacl.signing.SigningKey`` is one."""

    @property
    def verify_key(self) -> SupportsBytes:
        """The public key; ``bytes`` gives its 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature (RFC 8032) over a message, 64 bytes; the message may follow it."""
        ...


@dataclass(frozen=True)
class TokenKeyName:
    """Where a key lies in a token, from a PKCS#11 URI."""

    module: str
    token: str
    label: str
    pin_file: Path

    @classmethod
    def parse(cls, uri: str) -> TokenKeyName:
        """Reads a URI with token, object, module-path and pin-source, each once.

        Raises:
            SettingsError: something is missing, unknown or there twice. A PIN in the URI itself
                (pin-value) is refused: more people read settings than may know a PIN.
        """
        path, _, query = uri.removeprefix(TOKEN_SCHEME).partition("?")
        found = _attributes(uri, path, ";", _OF_THE_PATH)
        found |= _attributes(uri, query, "&", _OF_THE_QUERY)
        pin_file = Path(found["pin-source"].removeprefix("file:"))
        return cls(found["module-path"], found["token"], found["object"], pin_file)

    def pin(self) -> str:
        """The token's PIN, from its file.

        Raises:
            SettingsError: the file cannot be read, or others may read it too.
        """
        return _private(self.pin_file, "the PIN", _MAX_PIN_BYTES).decode("utf-8").strip()


class TokenKey:
    """A key that stays in a token, which signs with it. Any thread may use it."""

    def __init__(self, session: Session, private: Any, public: bytes) -> None:
        self._session = session
        self._private = private
        self._lock = threading.Lock()
        self.verify_key = VerifyKey(public)

    def sign(self, message: bytes) -> bytes:
        """The token's signature over a message, 64 bytes. Raises Pkcs11Error."""
        with self._lock:
            return self._session.sign(self._private, message)


def open_key(name: str, *, in_files: bool) -> Signer:
    """Opens the key that a setting names.

    Args:
        name: the path of a file with the 32 bytes of a seed, or a PKCS#11 URI.
        in_files: whether a key may lie in a file at all.

    Raises:
        SettingsError: it is not there, cannot be used, is open to others, or lies in a file
            although that was not allowed.
    """
    if name.startswith(TOKEN_SCHEME):
        with as_settings_error():
            return _of_token(TokenKeyName.parse(name))
    if not in_files:
        raise SettingsError(
            f"{name}: a key in a file is for a sandbox only; name a key in a token (pkcs11:…),"
            " or say keys_in_files = true"
        )
    seed = _private(Path(name), "the key", SEED_BYTES)
    if len(seed) != SEED_BYTES:
        raise SettingsError(f"{name}: a key has {SEED_BYTES} bytes, not {len(seed)}")
    return SigningKey(seed)


def make_token_key(name: str) -> bytes:
    """Makes a key in the token that a PKCS#11 URI names; the key never leaves the token.

    Returns:
        The public key, 32 bytes.

    Raises:
        SettingsError: the token cannot be used, or has a key of that name already.
    """
    return into_token(name, lambda session, label: session.make_pair(label))


def put_token_key(name: str, seed: bytes) -> bytes:
    """Puts the key of a seed into a token, which it then never leaves.

    It is for a key that was put together from its shares. It returns and raises what
    `make_token_key` does.
    """
    public = bytes(SigningKey(seed).verify_key)
    return into_token(name, lambda session, label: session.put_pair(label, seed, public))


def into_token(name: str, put: Callable[[Session, str], bytes]) -> bytes:
    """Puts a key into the token that a URI names, if it has none with that label yet.

    Args:
        name: a PKCS#11 URI.
        put: makes or stores the key under a label, and returns the public key.

    Returns:
        What `put` returned.

    Raises:
        SettingsError: as `make_token_key`.
    """
    with as_settings_error():
        wanted = TokenKeyName.parse(name)
        with Session(wanted.module, wanted.token, wanted.pin()) as session:
            if session.publics(wanted.label):
                raise SettingsError(
                    f"token {wanted.token!r} has a key {wanted.label!r}; choose another name"
                )
            return put(session, wanted.label)


def _of_token(wanted: TokenKeyName) -> TokenKey:
    session = Session(wanted.module, wanted.token, wanted.pin())
    pairs = session.pairs(wanted.label)
    if len(pairs) != 1:
        session.close()
        raise SettingsError(
            f"token {wanted.token!r} has {len(pairs)} keys {wanted.label!r}, not one"
        )
    private, public = pairs[0]
    return TokenKey(session, private, public)


@contextmanager
def as_settings_error() -> Iterator[None]:
    """Turns a token's error into a SettingsError."""
    try:
        yield
    except Pkcs11Error as error:
        raise SettingsError(str(error)) from error


def _attributes(uri: str, text: str, between: str, known: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(between):
        name, equals, value = part.partition("=")
        if not equals or name not in known or name in found:
            raise SettingsError(f"{uri}: {part!r} is not one of {', '.join(known)}, each once")
        found[name] = unquote(value)
    missing = [name for name in known if not found.get(name)]
    if missing:
        raise SettingsError(f"{uri}: {missing[0]} is missing")
    return found


def _private(file: Path, what: str, most_bytes: int) -> bytes:
    """Reads a small file that only its owner may read, up to one byte more than `most_bytes`."""
    try:
        with file.open("rb") as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise SettingsError(f"{file}: others may read {what}; chmod 600 it")
            return opened.read(most_bytes + 1)
    except OSError as error:
        raise SettingsError(f"{file}: {what} cannot be read: {error.strerror}") from error
