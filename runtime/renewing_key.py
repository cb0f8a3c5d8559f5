"""A signing key in a file, read again when it is replaced, so that the next signature is new."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import SupportsBytes

from runtime.files import stamp_of
from runtime.logs import logger
from runtime.settings import SettingsError
from runtime.signing_keys import TOKEN_SCHEME, Signer, open_key


class RenewingKey:
    """The newest key that a setting names; a `Signer`. Any thread may use it.

    Each signature looks at the file. When the file is bad, or missing for a moment, the key that
    was read before stays in use. A new key in a token has a new name, so it needs new settings and
    a restart.
    """

    def __init__(self, name: str, *, in_files: bool) -> None:
        """Opens the key; arguments and errors are those of `open_key`."""
        self._name = name
        self._in_files = in_files
        self._file = None if name.startswith(TOKEN_SCHEME) else Path(name)
        self._lock = threading.Lock()
        self._stamp = self._now()
        self._key = open_key(name, in_files=in_files)

    def latest(self) -> Signer:
        """The key to sign with now; ask once when the public key must fit the signature."""
        if self._file is not None and self._now() != self._stamp:
            with self._lock:
                self._renew()
        return self._key

    @property
    def verify_key(self) -> SupportsBytes:
        """See `Signer`."""
        return self.latest().verify_key

    def sign(self, message: bytes) -> bytes:
        """See `Signer`."""
        return self.latest().sign(message)

    def _renew(self) -> None:
        stamp = self._now()
        if stamp == self._stamp or stamp is None:
            return  # another thread has read it, or a renewal is between two steps
        try:
            key = open_key(self._name, in_files=self._in_files)
        except SettingsError as error:
            logger("keys").warning("the renewed key is not taken", why=str(error))
        else:
            if bytes(key.verify_key) != bytes(self._key.verify_key):
                logger("keys").info("key renewed", public=bytes(key.verify_key).hex())
            self._key = key
        self._stamp = stamp

    def _now(self) -> tuple[int, int, int] | None:
        return None if self._file is None else stamp_of(self._file)


def of_now(key: Signer) -> Signer:
    """The key as it is now, whose public and private key fit together, even if it is replaced."""
    return key.latest() if isinstance(key, RenewingKey) else key
