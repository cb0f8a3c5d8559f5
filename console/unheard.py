"""What a command has asked for, kept until somebody was told what came of it.

A file for each, in the stack's folder, locked while its command runs: what an equal command finds
unlocked was left behind, and is asked for again as it stands instead of a second time.
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
from runtime.private import PRIVATE_FILE, make_private

_DIGEST_BYTES = 32


@dataclass
class Unheard:
    """One wish.

    Attributes:
        content: what an earlier command kept for it and nobody heard the end of; else empty.
    """

    path: Path
    descriptor: int
    content: bytes

    def keep(self, content: bytes) -> None:
        """Keeps what is about to be asked for; it is on the disk when this returns."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, hashlib.sha256(content).digest() + content, 0)
        os.fsync(self.descriptor)
        flush_folder(self.path.parent)
        self.content = content

    def heard(self) -> None:
        """Somebody was told, or nothing can come of it: an equal command is a wish of its own."""
        self.path.unlink(missing_ok=True)


@contextmanager
def unheard(folder: Path, wish: bytes, *, anew: bool = False) -> Iterator[Unheard]:
    """The oldest equal wish that a command left behind, or a new one.

    Args:
        folder: where the files are.
        wish: what makes wishes equal.
        anew: a new one in any case.

    Raises Refusal: so many equal ones wait that something is wrong.
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
    """Whether an equal command has asked for it, and nobody was told what came of it."""
    name = hashlib.sha256(wish).hexdigest()
    return any(_content(path.read_bytes()) for path in folder.glob(f"{name}.*"))


def _content(whole: bytes) -> bytes:
    """What a file keeps; nothing when it was cut off while it was written: never asked for."""
    digest, content = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else b""


def _locked(path: Path, *, create: bool) -> Unheard | None:
    """The file, locked and read; None when it is another command's, or gone."""
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
