"""The exception for a copy that cannot be made, read or put back."""

from __future__ import annotations


class BackupRefused(Exception):
    """A copy cannot be made, read or put back; nothing was changed.

    Attributes:
        reason: a word for programs.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
