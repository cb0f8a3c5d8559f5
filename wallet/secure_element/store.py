"""Where the secure element keeps its state: a file that only one process at a time changes."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

from wallet.files import write_whole
from wallet.home import HomeError
from wallet.secure_element.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Store(Protocol):
    """Keeps one state."""

    def read(self) -> State:
        """The state as it is."""
        ...

    def change(self, body: Callable[[State], T]) -> T:
        """Runs `body` on the state, alone; durable on return, unchanged when it raises."""
        ...


class FileStore:
    """A file, written whole and flushed at each change.

    Args:
        path: the file, made when it is first needed.
        new_seed: gives the 32 bytes of a new key, called once in the file's life.
    """

    def __init__(self, path: Path, new_seed: Callable[[], bytes]) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._new_seed = new_seed

    def read(self) -> State:
        """Raises HomeError."""
        try:
            return State.decode(self._path.read_bytes())
        except FileNotFoundError:
            return self.change(lambda state: state)
        except (OSError, ValueError) as error:
            raise HomeError(f"{self._path} cannot be read: {error}") from error

    def change(self, body: Callable[[State], T]) -> T:
        """Raises HomeError."""
        with self._alone():
            state = self.read() if self._path.exists() else State(self._new_seed().hex())
            answer = body(state)
            write_whole(self._path, state.encode())
            return answer

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        try:
            lock = self._lock.open("ab")
        except OSError as error:
            raise HomeError(f"{self._lock} cannot be opened: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock


class MemoryStore:
    """Keeps the state in memory, encoded; for tests and simulations."""

    def __init__(self, seed: bytes) -> None:
        self.data = State(seed.hex()).encode()

    def read(self) -> State:
        """The state as it is."""
        return State.decode(self.data)

    def change(self, body: Callable[[State], T]) -> T:
        """Runs `body` on a copy and keeps it."""
        state = self.read()
        answer = body(state)
        self.data = state.encode()
        return answer
