"""The central bank's business keys, as a bank's settings have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.envelope import key_id, verify
from runtime.errors import Refusal
from runtime.settings import SettingsError


class CentralKeys:
    """Keys by their ids: one, or two while the central bank changes from one to the next."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._keys = {key_id(key): key for key in public_keys}

    def verify(self, tag: str, envelope: SignedEnvelope) -> bytes:
        """What the central bank signed. Raises Refusal when it did not."""
        key = self._keys.get(envelope.key_id)
        if key is None:
            raise Refusal(
                errors_pb2.REASON_SIGNATURE_INVALID,
                f"key {envelope.key_id!r} is none of the central bank's",
                field="key_id",
            )
        return verify(tag, envelope, key)


def read_keys(path: Path) -> CentralKeys:
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
    return CentralKeys(keys)
