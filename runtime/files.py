"""Files that are whole or not there, and whether one has been replaced since it was read.

They are written beside, flushed to the disk, then renamed.
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.private import PRIVATE_FILE


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file; only its owner may read it, and it survives a power cut."""
    fresh = path.with_name(path.name + f".{os.getpid()}.new")
    _write_flushed(fresh, content)
    os.replace(fresh, path)
    flush_folder(path.parent)


def create_whole(path: Path, content: bytes) -> bool:
    """Makes a file unless there is one; False when there was."""
    fresh = path.with_name(path.name + f".{os.getpid()}.new")
    _write_flushed(fresh, content)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(fresh)
    flush_folder(path.parent)
    return True


def append_at(path: Path, place: int, content: bytes) -> None:
    """Puts content behind the first `place` bytes of a file; what lay there before is gone.

    When this returns it survives a power cut. A cut in the middle leaves the bytes before `place`
    as they are, and behind them anything at all.
    """
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(out.fileno(), PRIVATE_FILE)
        out.truncate(place)
        out.seek(place)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    if is_new:
        flush_folder(path.parent)


def _write_flushed(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(out.fileno(), PRIVATE_FILE)  # one left over from before may be open to others
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """What differs once a file has been replaced or closed to others; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_mode


def flush_folder(folder: Path) -> None:
    """Makes a rename in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
