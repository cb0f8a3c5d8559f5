"""A disk whose power goes in the middle of a write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime import files
from wallet.secure_element import mark, sealed_file, sealed_log


class PowerCut(OSError):
    """Nothing is written from here on."""


class CutDisk:
    """Stands between the sealed state and the disk.

    Attributes:
        left: so many places the writes may still pass before the power goes; None for no cut. A
            file that is replaced whole has two, before and after; one that is appended to has one
            before each of its bytes and one behind the last.
        passed: places passed since `left` was set.
        noise: what lies on the disk behind the cut of an append.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self.passed = 0
        self.noise = b""
        patch.setattr(sealed_file, "write_whole", self._write_whole)
        patch.setattr(mark, "write_whole", self._write_whole)
        patch.setattr(sealed_log, "append_at", self._append_at)
        # The power is cut here, and not at the machine: what is written is there at once.
        patch.setattr(os, "fsync", lambda descriptor: None)

    def cut_after(self, places: int | None, noise: bytes = b"") -> None:
        """Lets the power go after so many places."""
        self.left, self.passed, self.noise = places, 0, noise

    def _write_whole(self, path: Path, content: bytes) -> None:
        self._pass(1)
        files.write_whole(path, content)
        self._pass(1)

    def _append_at(self, path: Path, place: int, content: bytes) -> None:
        if self.left is not None and self.left <= len(content):
            files.append_at(path, place, content[: self.left] + self.noise)
        else:
            files.append_at(path, place, content)
        self._pass(len(content) + 1)

    def _pass(self, places: int) -> None:
        self.passed += places
        if self.left is None:
            return
        if self.left < places:
            raise PowerCut("power cut")
        self.left -= places
