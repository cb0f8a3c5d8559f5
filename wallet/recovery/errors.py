"""What can be wrong with what a holder has kept."""

from __future__ import annotations


class PhraseError(Exception):
    """What was typed is no phrase; the message says what is wrong with it."""
