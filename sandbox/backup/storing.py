"""Writes files into a copy and reads them out of it: hashed, sealed if wanted, flushed to disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from language import _
from runtime.private import PRIVATE_FILE, make_private
from sandbox.backup.manifest import SEALED_END, StoredFile
from sandbox.backup.refused import BackupRefused
from sandbox.backup.sealing import PIECE_BYTES, Keys, Readable, sealed, unsealed


def store(source: Readable, folder: Path, path: str, keys: Keys | None) -> StoredFile:
    """Writes a file into a copy. It is on the disk when this returns.

    Args:
        source: what to write.
        folder: the copy's.
        path: of the file in the copy, without the ending of sealed files.
        keys: of a sealed copy, else None.
    """
    pieces = pieces_of(source)
    if keys is not None:
        path += SEALED_END
        pieces = sealed(source, keys, path)
    size, digest = write_pieces(pieces, folder / path)
    return StoredFile(path, size, digest)


def found_at(folder: Path, path: str) -> StoredFile:
    """Describes a file that is in a copy already. It is on the disk when this returns."""
    size, digest = 0, hashlib.sha256()
    with (folder / path).open("rb") as source:
        for piece in pieces_of(source):
            size += len(piece)
            digest.update(piece)
        os.fsync(source.fileno())
    return StoredFile(path, size, digest.hexdigest())


def taken_out(folder: Path, file: StoredFile, keys: Keys | None) -> Iterator[bytes]:
    """Reads a file in a copy; yields its content in pieces.

    Raises:
        BackupRefused: it is missing or was changed; do not use the pieces before that either.
    """
    try:
        with (folder / file.path).open("rb") as source:
            hashed = _Hashed(source)
            if keys is None:
                yield from pieces_of(hashed)
            else:
                yield from unsealed(hashed, keys, file.path)
    except FileNotFoundError:
        raise BackupRefused(
            "COPY_CHANGED", _("{path} is missing in the copy").format(path=file.path)
        ) from None
    if (hashed.size, hashed.digest.hexdigest()) != (file.bytes, file.sha256):
        raise BackupRefused(
            "COPY_CHANGED", _("{path} is not the file that was copied").format(path=file.path)
        )


def check_whole(folder: Path, file: StoredFile) -> None:
    """Raises BackupRefused unless a file of a copy is as it was written."""
    for _turn in taken_out(folder, file, None):
        pass


def write_pieces(pieces: Iterable[bytes], path: Path) -> tuple[int, str]:
    """Writes a new file that only its owner may read; returns its size and SHA-256 in hex.

    Raises:
        FileExistsError: there is such a file.
    """
    make_private(path.parent)
    size, digest = 0, hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(out.fileno(), PRIVATE_FILE)
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
            size += len(piece)
        out.flush()
        os.fsync(out.fileno())
    return size, digest.hexdigest()


def pieces_of(source: Readable) -> Iterator[bytes]:
    """The content of a source, in pieces."""
    while piece := source.read(PIECE_BYTES):
        yield piece


class _Hashed:
    """A source that counts and hashes what is read from it."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """The next bytes."""
        found = self._source.read(size)
        self.size += len(found)
        self.digest.update(found)
        return found
