"""The secure element's state in a file: encrypted, whole, and noticed when an old copy comes back.

Three files lie side by side:

* ``device.sealed``: the state, encrypted (XSalsa20-Poly1305) under a key made of `device.seal`
  and, when the holder set one, of the PIN (Argon2id); around it an outer box under the seal alone,
  with the number of the file, the digest of the one before, and how often a PIN was tried;
* ``device.seal``: 32 random bytes, readable by the owner alone;
* ``device.mark``: which file is the newest.

So a PIN that is tried is a new file: who puts an old one back to try more, or writes another number
of tries, is noticed as with any other old copy.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import struct
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from runtime.files import create_whole, write_whole
from runtime.randomness import Randomness
from wallet.home import SEED_BYTES, HomeError
from wallet.secure_element.limits import MAX_PIN_CHARACTERS, MAX_PIN_TRIES, MIN_PIN_CHARACTERS
from wallet.secure_element.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
_HEAD = struct.Struct(">32sQB?16s")
_MAGIC = b"DCEPS2"
_SALT_BYTES = 16
_OUTER_SALT = b"dcep-device-outer"
"""Of the outer box, which has no PIN; no salt of a state has this length."""
_NOTHING = bytes(32)


class DeviceError(HomeError):
    """The state cannot be opened; the message says why."""


class PinError(DeviceError):
    """The PIN is missing or wrong, or no PIN is tried any more."""


class PinLocked(PinError):
    """No PIN is tried any more."""

    reason = "PIN_LOCKED"
    following = (
        "Nothing has to be done: the bank puts what was loaded into the wallet by itself, 127 days "
        "after the load at the latest; `wallet history` shows it. The wallet pays through the bank "
        "as before. For offline money again: another wallet, `wallet --home DIR open`."
    )


class RolledBack(DeviceError):
    """The state is not the newest one."""


@dataclass
class Mark:
    """Says which state is the newest.

    Attributes:
        counter: of states written.
        digest: SHA-256 of the newest, hex.
    """

    counter: int = 0
    digest: str = _NOTHING.hex()


@dataclass(frozen=True)
class _Sealed:
    """A sealed file, its outer box opened.

    Attributes:
        with_pin: whether the state is behind a PIN.
        salt: of its key.
        tries: of PINs since the last right one; each is counted before it is evaluated.
        counter, previous: number of this file, and digest of the one before.
        digest: SHA-256 of this file.
        box: the state, in the inner box.
    """

    with_pin: bool
    salt: bytes
    tries: int = 0
    counter: int = 0
    previous: bytes = _NOTHING
    digest: bytes = _NOTHING
    box: bytes = b""


class SealedFile:
    """A `wallet.secure_element.store.Store` in a folder. Its methods raise DeviceError.

    Args:
        folder: where the files are; made before the first change.
        randomness: for the key, the seal and salts.
        ask_pin: gives the PIN, "" for none; called only when there is one.
    """

    def __init__(self, folder: Path, randomness: Randomness, ask_pin: Callable[[], str]) -> None:
        self._path = folder / "device.sealed"
        self._seal = folder / "device.seal"
        self._mark = folder / "device.mark"
        self._lock = folder / "device.lock"
        self._unsealed = folder / "device.json"
        self._randomness = randomness
        self._ask_pin = ask_pin
        self._pin = ""
        self._wrong = (b"", "")
        self._keys: dict[bytes, bytes] = {}

    def read(self) -> State:
        """The state as it is."""
        self._ask()
        with self._alone():
            return self._open()[0]

    def change(self, body: Callable[[State], T]) -> T:
        """Runs `body` on the state, alone; durable on return, unchanged when it raises."""
        self._ask()
        with self._alone():
            state, sealed = self._open()
            answer = body(state)
            self._write(state, sealed)
            return answer

    def has_pin(self) -> bool:
        """Whether a PIN is needed."""
        sealed = self._sealed()
        return sealed is not None and sealed.with_pin

    def set_pin(self, pin: str) -> None:
        """Sets or changes the PIN; "" takes it away. The old one is asked for first."""
        if pin and not MIN_PIN_CHARACTERS <= len(pin) <= MAX_PIN_CHARACTERS:
            raise PinError(f"a PIN has {MIN_PIN_CHARACTERS} to {MAX_PIN_CHARACTERS} characters")
        self._ask()
        with self._alone():
            state, sealed = self._open()
            salt = self._randomness.bytes(_SALT_BYTES)
            self._keys[salt] = self._key(pin, salt)
            self._write(state, replace(sealed, with_pin=bool(pin), salt=salt))

    def _ask(self) -> None:
        """Gets the PIN before the file is locked: a person may take long."""
        sealed = self._sealed()
        if sealed is not None and sealed.with_pin and sealed.salt not in self._keys:
            self._pin = self._ask_pin()

    def _open(self) -> tuple[State, _Sealed]:
        mark, sealed = self._read_mark(), self._sealed()
        if sealed is None:
            return self._first(mark)
        mark = mark or Mark()
        newest = (sealed.counter, sealed.digest.hex()) == (mark.counter, mark.digest)
        # Written, but the power went before the mark followed.
        following = (sealed.counter, sealed.previous.hex()) == (mark.counter + 1, mark.digest)
        if not (newest or following):
            raise RolledBack(
                f"{self._path} is not the newest state of this device: an old copy was put back, "
                "or its mark was lost. Nothing is paid from it; put the newest files back, or "
                "wait: what was loaded comes back from the bank after it has expired"
            )
        if following:
            self._write_mark(Mark(sealed.counter, sealed.digest.hex()))
        state, sealed = self._decrypted(sealed)
        self._unsealed.unlink(missing_ok=True)
        return state, sealed

    def _first(self, mark: Mark | None) -> tuple[State, _Sealed]:
        """The state of a device that is new, or was kept unsealed so far."""
        if mark is not None and mark.counter:
            raise RolledBack(f"{self._path} is missing, though this device has been used")
        if self._unsealed.exists():
            try:
                state = State.decode(self._unsealed.read_bytes())
            except ValueError as error:
                raise DeviceError(f"{self._unsealed} cannot be read: {error}") from error
        else:
            state = State()
        create_whole(self._seal, self._randomness.bytes(SEED_BYTES))
        salt = self._randomness.bytes(_SALT_BYTES)
        self._keys[salt] = self._key("", salt)
        return state, self._write(state, _Sealed(False, salt))

    def _decrypted(self, sealed: _Sealed) -> tuple[State, _Sealed]:
        if sealed.with_pin and sealed.tries >= MAX_PIN_TRIES:
            raise _wrong(0)
        key = self._keys.get(sealed.salt)
        trying = key is None and sealed.with_pin
        if trying:
            sealed, key = self._tried(sealed)
        elif key is None:
            key = self._key("", sealed.salt)
        try:
            content = SecretBox(key).decrypt(sealed.box)
        except CryptoError:
            if trying:
                self._wrong = (sealed.salt, self._pin)
                raise _wrong(MAX_PIN_TRIES - sealed.tries) from None
            raise DeviceError(f"{self._path} was altered, or {self._seal} is another's") from None
        self._keys[sealed.salt] = key
        try:
            state = State.decode(content)
        except ValueError as error:
            raise DeviceError(f"{self._path} cannot be read: {error}") from error
        if trying:
            # Only the PIN itself: a process that knows the key gives nobody more tries.
            sealed = self._follow(replace(sealed, tries=0))
        return state, sealed

    def _tried(self, sealed: _Sealed) -> tuple[_Sealed, bytes]:
        """The key that a PIN gives. The try is counted, durably, before it is evaluated."""
        if not self._pin:
            raise PinError("this device has a PIN; give it with --pin, DCEP_PIN, or at a terminal")
        if (sealed.salt, self._pin) == self._wrong:
            raise _wrong(MAX_PIN_TRIES - sealed.tries)
        counted = self._follow(replace(sealed, tries=sealed.tries + 1))
        return counted, self._key(self._pin, sealed.salt)

    def _write(self, state: State, before: _Sealed) -> _Sealed:
        """A state in the place of the one before, under that one's salt."""
        box = SecretBox(self._keys[before.salt]).encrypt(state.encode())
        return self._follow(replace(before, box=bytes(box)))

    def _follow(self, changed: _Sealed) -> _Sealed:
        """Writes what follows the newest that was written; then the mark."""
        made = replace(changed, previous=changed.digest, counter=changed.counter + 1)
        head = _HEAD.pack(made.previous, made.counter, made.tries, made.with_pin, made.salt)
        outer = SecretBox(self._key("", _OUTER_SALT)).encrypt(head + made.box)
        data = _MAGIC + bytes(outer)
        made = replace(made, digest=hashlib.sha256(data).digest())
        write_whole(self._path, data)
        self._write_mark(Mark(made.counter, made.digest.hex()))
        return made

    def _key(self, pin: str, salt: bytes) -> bytes:
        """A key of the file: from the seal alone, or from the seal and the PIN."""
        try:
            mode = stat.S_IMODE(os.stat(self._seal).st_mode)
            seal = self._seal.read_bytes()
        except OSError as error:
            raise DeviceError(f"{self._seal} cannot be read: {error.strerror}") from error
        if mode & 0o077:
            raise DeviceError(f"{self._seal} can be read by others; chmod 600 it")
        secret = _stretched(pin, salt) if pin else b""
        return hashlib.blake2b(secret + salt, key=seal, digest_size=SecretBox.KEY_SIZE).digest()

    def _sealed(self) -> _Sealed | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeviceError(f"{self._path} cannot be read: {error}") from error
        if not data.startswith(_MAGIC):
            raise DeviceError(f"{self._path} is no sealed state of a device")
        try:
            content = SecretBox(self._key("", _OUTER_SALT)).decrypt(data[len(_MAGIC) :])
            previous, counter, tries, with_pin, salt = _HEAD.unpack(content[: _HEAD.size])
        except (CryptoError, ValueError, struct.error):
            raise DeviceError(f"{self._path} was altered, or {self._seal} is another's") from None
        digest = hashlib.sha256(data).digest()
        box = content[_HEAD.size :]
        return _Sealed(with_pin, salt, tries, counter, previous, digest, box)

    def _read_mark(self) -> Mark | None:
        try:
            return Mark(**json.loads(self._mark.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise DeviceError(f"{self._mark} cannot be read: {error}") from error

    def _write_mark(self, mark: Mark) -> None:
        write_whole(self._mark, json.dumps(asdict(mark)).encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            lock = self._lock.open("ab")
        except OSError as error:
            raise DeviceError(f"{self._lock} cannot be opened: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _stretched(pin: str, salt: bytes) -> bytes:
    from nacl.pwhash import argon2id

    return argon2id.kdf(
        SecretBox.KEY_SIZE,
        pin.encode(),
        salt,
        opslimit=argon2id.OPSLIMIT_INTERACTIVE,
        memlimit=argon2id.MEMLIMIT_INTERACTIVE,
    )


def _wrong(left: int) -> PinError:
    if left > 0:
        return PinError(f"this is not the device's PIN; {left} tries are left")
    return PinLocked(
        f"{MAX_PIN_TRIES} wrong PINs were tried, so the device is locked for good: what is in it "
        "can be neither paid nor deposited, and comes back from the bank after it has expired"
    )
