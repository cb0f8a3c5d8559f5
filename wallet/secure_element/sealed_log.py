"""What has changed since the state was last written whole: one sealed write after the other."""

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
    """A file of entries, each behind its length. What of it counts, the reader knows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """The entries and where each ends, up to one that is not whole. Raises DeviceError."""
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
        """Whether nothing lies in it."""
        return not self.path.exists() or not self.path.stat().st_size

    def append(self, place: int, entry: bytes) -> int:
        """Puts an entry behind the one that ends at a place, durably; where it ends.

        Whatever lay behind that place is gone.
        """
        append_at(self.path, place, _LENGTH.pack(len(entry)) + entry)
        return place + _LENGTH.size + len(entry)

    def clear(self) -> None:
        """Empties it: the state has been written whole."""
        if not self.is_empty():
            append_at(self.path, 0, b"")
