"""Keeps what a command has asked for, until somebody was told what came of it.

There is a file for each in the stack's folder, locked while its command runs. A file that an equal
command finds unlocked was left behind: the command then asks about what is in it, instead of asking
for a second one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.limits import MAX_UNHEARD
from dcep.errors.v1 import errors_pb2
from language import _
from runtime.errors import Refusal
from runtime.files import flush_folder
from runtime.hash_chain import HASH_BYTES
from runtime.private import PRIVATE_FILE, make_private


@dataclass
class Unheard:
    """One wish, in its locked file.

    Attributes:
        path: the file.
        descriptor: the open file, which has the lock.
        content: what was kept for it and not heard of yet; else empty.
    """

    path: Path
    descriptor: int
    content: bytes

    def keep(self, content: bytes) -> None:
        """Keeps what is about to be sent; it is on the disk when this returns."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, hashlib.sha256(content).digest() + content, 0)
        os.fsync(self.descriptor)
        flush_folder(self.path.parent)
        self.content = content

    def heard(self) -> None:
        """To be called when the outcome was told: an equal command is then a new wish."""
        self.path.unlink(missing_ok=True)


@contextmanager
def unheard(folder: Path, wish: bytes, *, anew: bool = False) -> Iterator[Unheard]:
    """The oldest equal wish that a command left behind, or a new one.

    Args:
        folder: where the files are.
        wish: the bytes by which wishes are equal.
        anew: whether it must be a new one.

    Raises:
        Refusal: OVERLOADED, when MAX_UNHEARD equal ones have no answer yet.
    """
    make_private(folder)
    name = hashlib.sha256(wish).hexdigest()
    left = sorted(folder.glob(f"{name}.*"), key=lambda path: int(path.suffix[1:]))
    fresh = [folder / f"{name}.{number}" for number in range(MAX_UNHEARD)]
    for path, wanted in [
        *((path, True) for path in left if not anew),
        *((path, False) for path in fresh),
    ]:
        found = _locked(path, create=not wanted)
        if found is None:
            continue
        try:
            if bool(found.content) == wanted:
                yield found
                return
        finally:
            os.close(found.descriptor)
    raise Refusal(
        errors_pb2.REASON_OVERLOADED,
        _("{max_unheard} equal commands have no answer yet").format(max_unheard=MAX_UNHEARD),
    )


def is_left_behind(folder: Path, wish: bytes) -> bool:
    """Whether an equal command asked for this, and nobody was told what came of it."""
    name = hashlib.sha256(wish).hexdigest()
    return any(_content(path.read_bytes()) for path in folder.glob(f"{name}.*"))


def _content(whole: bytes) -> bytes:
    """What a file keeps; empty when writing was cut short, so that it was never sent."""
    digest, content = whole[:HASH_BYTES], whole[HASH_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else b""


def _locked(path: Path, *, create: bool) -> Unheard | None:
    """Locks and reads a file; None when another command has it, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), PRIVATE_FILE)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not os.fstat(descriptor).st_nlink:
        os.close(descriptor)
        return None
    whole = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return Unheard(path, descriptor, _content(whole))
