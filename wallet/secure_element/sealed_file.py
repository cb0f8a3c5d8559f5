"""Keeps the secure element's state in encrypted files, and notices when an old copy is put back.

Four files lie side by side:

* ``device.sealed``: the state as it was when it was last written whole;
* ``device.log``: what has changed since, an entry for each change;
* ``device.seal``: 32 random bytes, readable by the owner alone;
* ``device.mark``: which write is the newest. A chip has a counter for this that only goes up.

A change is appended to the log, and then the mark is written; both are on the disk before anybody
is told. When the log has grown as long as the state, the state is written whole instead, and the
log begins anew.

Each write has a number and the digest of the write before. So what counts is found without trusting
where a file ends: it is the whole state and the entries that follow it one by one. If they end
where the mark says, or one write after it (the power failed before the mark was written), they give
the newest state. Whatever lies after them is part of a write that nobody was told of, or a log from
before the state was written whole. If they end before the mark, an old copy was put back or
something was cut off.

Each try of a PIN is an entry too. So putting an old file back for more tries, or changing the
number of tries, is noticed like any other old copy.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from language import N_, _
from runtime.files import write_whole
from runtime.output import reason_of
from runtime.randomness import Randomness
from wallet.secure_element import changes
from wallet.secure_element.device_errors import DeviceError, PinError, RolledBack, wrong_pin
from wallet.secure_element.limits import (
    MAX_PIN_CHARACTERS,
    MAX_PIN_TRIES,
    MIN_LOG_BYTES,
    MIN_PIN_CHARACTERS,
)
from wallet.secure_element.mark import Mark, MarkFile
from wallet.secure_element.sealed_log import SealedLog
from wallet.secure_element.sealing import (
    Seal,
    Sealed,
    Unsealable,
    closed,
    content_of,
    filled,
    opened,
)
from wallet.secure_element.state import ElementState

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
_MAGIC = b"DCEPS3"
_EARLIER = b"DCEPS"


@dataclass
class _Found:
    """The writes on the disk that count.

    Attributes:
        whole: the state as it was last written whole.
        entries: the changes since, each following the one before.
        log_end: where in the log the last of them ends, in bytes.
        whole_bytes: length of the file of the whole state.
    """

    whole: Sealed
    entries: list[Sealed]
    log_end: int
    whole_bytes: int

    @property
    def newest(self) -> Sealed:
        """The last write."""
        return self.entries[-1] if self.entries else self.whole

    @property
    def log_bound(self) -> int:
        """The length in bytes at which the log is full; a longer entry is not put in the log."""
        return max(MIN_LOG_BYTES, self.whole_bytes)

    @property
    def log_is_full(self) -> bool:
        """Whether the state is to be written whole the next time."""
        return self.log_end >= self.log_bound


class SealedFile:
    """A `wallet.secure_element.store.Store` in a folder. Its methods raise DeviceError.

    Args:
        folder: where the files are; it must exist.
        randomness: for the seal and salts.
        ask_pin: gives the PIN that the holder says, "" for none; called only if a PIN is set.
    """

    def __init__(self, folder: Path, randomness: Randomness, ask_pin: Callable[[], str]) -> None:
        self._path = folder / "device.sealed"
        self._log = SealedLog(folder / "device.log")
        self._seal = Seal(folder / "device.seal", randomness)
        self._mark = MarkFile(folder / "device.mark")
        self._lock = folder / "device.lock"
        self._unsealed = folder / "device.json"
        self._ask_pin = ask_pin
        self._pin = ""
        self._wrong = (b"", "")
        self._keys: dict[bytes, bytes] = {}

    def read(self) -> ElementState:
        """The state as it is."""
        self._ask()
        with self._alone():
            return self._open()[0]

    def change(self, body: Callable[[ElementState], T]) -> T:
        """Runs `body` on the state, alone; durable on return, unchanged when it raises."""
        self._ask()
        with self._alone():
            state, found = self._open()
            before = changes.noted(state)
            answer = body(state)
            change = changes.change_since(before, state)
            if change:
                self._write(state, change, found)
            return answer

    def has_pin(self) -> bool:
        """Whether a PIN is needed."""
        whole = self._whole()
        return whole is not None and whole[0].with_pin

    def set_pin(self, pin: str) -> None:
        """Sets or changes the PIN, or removes it for ""; the old PIN is asked for first.

        Raises:
            PinError: the new PIN has a wrong length, or the old one is missing or wrong.
        """
        if pin and not MIN_PIN_CHARACTERS <= len(pin) <= MAX_PIN_CHARACTERS:
            raise PinError(
                _("a PIN has {least} to {most} characters").format(
                    least=MIN_PIN_CHARACTERS, most=MAX_PIN_CHARACTERS
                ),
                N_("Choose a PIN of that length."),
            )
        self._ask()
        with self._alone():
            state, found = self._open()
            salt = self._seal.salt()
            self._keys[salt] = self._seal.key(pin, salt)
            self._write_whole(state, replace(found.newest, with_pin=bool(pin), salt=salt))

    def _ask(self) -> None:
        """Gets the PIN. This is done before the file is locked, because a person may take long."""
        whole = self._whole()
        if whole is not None and whole[0].with_pin and whole[0].salt not in self._keys:
            self._pin = self._ask_pin()

    def _open(self) -> tuple[ElementState, _Found]:
        mark, found = self._mark.read(), self.found()
        if found is None:
            return self._first(mark)
        mark, newest = mark or Mark(), found.newest
        # The newest write is one after the mark: the power failed before the mark was written.
        following = (newest.counter, newest.previous.hex()) == (mark.counter + 1, mark.digest)
        if not following and (newest.counter, newest.digest.hex()) != (mark.counter, mark.digest):
            raise RolledBack(
                _(
                    "{path} and {path2} are not the newest state of this device: an old copy "
                    "was put back, something of them was cut off or altered, or the mark was "
                    "lost. Nothing is paid from it; put the newest files back, or wait: what "
                    "was loaded comes back from the bank after it has expired"
                ).format(path=self._path, path2=self._log.path.name)
            )
        if following:
            self._note(newest)
        state, found = self._decrypted(found)
        self._unsealed.unlink(missing_ok=True)
        return state, found

    def _first(self, mark: Mark | None) -> tuple[ElementState, _Found]:
        """The first sealed state: of a new device, or of one whose state was not sealed so far."""
        if (mark is not None and mark.counter) or not self._log.is_empty():
            raise RolledBack(
                _("{path} is missing, though this device has been used").format(path=self._path)
            )
        if self._unsealed.exists():
            try:
                state = ElementState.decode(self._unsealed.read_bytes())
            except ValueError as error:
                raise DeviceError(
                    _("{unsealed} cannot be read: {error}").format(
                        unsealed=self._unsealed, error=error
                    )
                ) from error
        else:
            state = ElementState()
        self._seal.make()
        salt = self._seal.salt()
        self._keys[salt] = self._seal.key("", salt)
        return state, self._write_whole(state, Sealed(True, False, salt))

    def found(self) -> _Found | None:
        """The writes on the disk that count; None if there are none yet."""
        read = self._whole()
        if read is None:
            return None
        whole, size = read
        found, heads_key = _Found(whole, [], 0, size), self._seal.heads_key()
        for data, end in self._log.entries():
            last = found.newest
            try:
                entry = opened(data, heads_key)
            except Unsealable:
                break
            if (entry.whole, entry.counter, entry.previous) != (
                False,
                last.counter + 1,
                last.digest,
            ):
                break
            found.entries.append(entry)
            found.log_end = end
        return found

    def _whole(self) -> tuple[Sealed, int] | None:
        """The state as it was last written whole, and the file's length; None if there is none."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeviceError(
                _("{path} cannot be read: {error}").format(path=self._path, error=reason_of(error))
            ) from error
        if not data.startswith(_MAGIC):
            raise DeviceError(f"{self._path} {_not_ours(data)}")
        try:
            whole = opened(data[len(_MAGIC) :], self._seal.heads_key())
        except Unsealable:
            raise self._altered() from None
        if not whole.whole:
            raise self._altered()
        return whole, len(data)

    def _decrypted(self, found: _Found) -> tuple[ElementState, _Found]:
        newest = found.newest
        if newest.with_pin and newest.tries >= MAX_PIN_TRIES:
            raise wrong_pin(0)
        key = self._keys.get(newest.salt)
        trying = key is None and newest.with_pin
        if trying:
            key = self._tried(found)
        elif key is None:
            key = self._seal.key("", newest.salt)
        try:
            content = content_of(found.whole, key)
        except Unsealable:
            if trying:
                self._wrong = (newest.salt, self._pin)
                raise wrong_pin(MAX_PIN_TRIES - found.newest.tries) from None
            raise self._altered() from None
        self._keys[newest.salt] = key
        state = self._replayed(content, found, key)
        if trying:
            # Only a right PIN resets the tries. A process that has kept the key does not.
            found = self._forget_tries(state, found)
        return state, found

    def _replayed(self, content: bytes, found: _Found, key: bytes) -> ElementState:
        try:
            state = ElementState.decode(content)
            for entry in found.entries:
                if entry.box:
                    changes.apply(state, content_of(entry, key))
        except Unsealable:
            raise self._altered() from None
        except ValueError as error:
            raise DeviceError(
                _("{path} cannot be read: {error}").format(path=self._path, error=error)
            ) from error
        return state

    def _tried(self, found: _Found) -> bytes:
        """The key that the PIN gives. The try is counted, durably, before it is evaluated.

        The wrong PIN that was tried last is refused again without another count.
        """
        newest = found.newest
        if not self._pin:
            raise PinError(
                _("this device has a PIN; give it with --pin, DCEP_PIN, or at a terminal")
            )
        if (newest.salt, self._pin) == self._wrong:
            raise wrong_pin(MAX_PIN_TRIES - newest.tries)
        self._append(replace(newest.next(), tries=newest.tries + 1), found)
        return self._seal.key(self._pin, newest.salt)

    def _forget_tries(self, state: ElementState, found: _Found) -> _Found:
        """Sets the number of tries to 0. Like a change, this lengthens the log or replaces it."""
        reset = replace(found.newest, tries=0)
        if found.log_is_full:
            return self._write_whole(state, reset)
        self._append(reset.next(), found)
        return found

    def _write(self, state: ElementState, change: bytes, found: _Found) -> None:
        """Writes a change to the log, or the whole state if the log is full."""
        if found.log_is_full or len(change) > found.log_bound:
            self._write_whole(state, found.newest)
        else:
            key = self._keys[found.newest.salt]
            self._append(filled(found.newest.next(), change, key), found)

    def _append(self, entry: Sealed, found: _Found) -> None:
        """Writes an entry after those that count, and then the mark."""
        data = closed(entry, self._seal.heads_key())
        found.log_end = self._log.append(found.log_end, data)
        found.entries.append(opened(data, self._seal.heads_key()))
        self._note(found.newest)

    def _write_whole(self, state: ElementState, before: Sealed) -> _Found:
        """Writes a whole state, which replaces all writes before, and then the mark.

        Args:
            before: the write that it follows; its salt is kept.
        """
        head = before.next(whole=True)
        whole = filled(head, state.encode(), self._keys[head.salt])
        data = closed(whole, self._seal.heads_key())
        write_whole(self._path, _MAGIC + data)
        whole = opened(data, self._seal.heads_key())
        self._note(whole)
        # The log's first entry does not follow the new state: it no longer counts, cleared or not.
        self._log.clear()
        self._sweep()
        return _Found(whole, [], 0, len(_MAGIC) + len(data))

    def _sweep(self) -> None:
        """Removes what interrupted writes have left; the lock is held, so nobody else writes."""
        for left in self._path.parent.glob("device.*.new"):
            left.unlink(missing_ok=True)

    def _note(self, newest: Sealed) -> None:
        self._mark.write(Mark(newest.counter, newest.digest.hex()))

    def _altered(self) -> DeviceError:
        return DeviceError(
            _("{path} was altered, or {path2} is another's").format(
                path=self._path, path2=self._seal.path
            )
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            lock = self._lock.open("ab")
        except OSError as error:
            raise DeviceError(
                _("{lock} cannot be opened: {error}").format(
                    lock=self._lock, error=reason_of(error)
                )
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _not_ours(data: bytes) -> str:
    if data.startswith(_EARLIER):
        return _(
            "was written by an earlier version, in a form that this one does not read. Deposit "
            "with the earlier version, or wait: what was loaded comes back from the bank after "
            "it has expired"
        )
    return _("is no sealed state of a device")
