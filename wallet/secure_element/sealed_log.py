"""Keeps what has changed since the state was last written whole, as a file of sealed writes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from language import _
from runtime.files import append_at
from runtime.output import reason_of
from wallet.secure_element.device_errors import DeviceError

_LENGTH = struct.Struct(">I")


class SealedLog:
    """A file of entries, each after its length: 4 bytes, big-endian. Its reader says which
    count."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """Yields each entry and the place where it ends, up to the first that is not whole.

        Raises DeviceError if the file cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise DeviceError(
                _("{path} cannot be read: {error}").format(path=self.path, error=reason_of(error))
            ) from error
        end = 0
        while len(data) >= end + _LENGTH.size:
            start = end + _LENGTH.size
            end = start + _LENGTH.unpack_from(data, end)[0]
            if end > len(data):
                return
            yield data[start:end], end

    def is_empty(self) -> bool:
        """Whether there is no file, or nothing in it."""
        return not self.path.exists() or not self.path.stat().st_size

    def append(self, place: int, entry: bytes) -> int:
        """Writes an entry at a place, durably, and returns the place where it ends.

        Whatever lay after that place is gone.
        """
        append_at(self.path, place, _LENGTH.pack(len(entry)) + entry)
        return place + _LENGTH.size + len(entry)

    def clear(self) -> None:
        """Empties it: the state has been written whole."""
        if not self.is_empty():
            append_at(self.path, 0, b"")
