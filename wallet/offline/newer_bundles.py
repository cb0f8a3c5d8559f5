"""Hands the newer trust bundle to the other device before a payment is made.

So recent revocations reach devices that are not online, and a payer that learns that a piece would
be refused keeps it. A bundle is signed, so it does not matter from whom it comes. If both devices
have the same filter, the newer head suffices.

    payer → HAVE <created> <digest of the filter>
    payee → HAVE, or NEWER <bundle, base64> if its own is newer
    payer → NEWER, if the payer's is newer; payee → HAVE
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from offline_token.limits import MAX_BUNDLE_BYTES
from runtime.errors import Refusal
from wallet.secure_element.interface import News

HAVE, NEWER = "HAVE", "NEWER"
_HAVE = re.compile(r"HAVE ([0-9]{1,20}) ([0-9a-f]{64})", re.ASCII)
MAX_LINE = len(NEWER) + 1 + 4 * -(-MAX_BUNDLE_BYTES // 3)
"""Characters of the longest line."""


class Informed(Protocol):
    """A device that has a trust bundle."""

    def news(self) -> News:
        """Which bundle it has."""
        ...

    def newer_than(self, news: News) -> bytes:
        """The root's key, then its own bundle or that one's head; b"" unless its own is newer."""
        ...

    def trust(self, bundle: bytes) -> None:
        """Keeps a bundle, if it is good and newer. Raises Refusal."""
        ...


def begin(device: Informed, ask: Callable[[str], str]) -> None:
    """The payer's side. A bundle of the other side is kept only if the root has signed it.

    Args:
        ask: says a line, and returns the answer.
    """
    answer = ask(_have(device))
    if answer.startswith(NEWER + " "):
        _take(device, answer)
    elif (theirs := _read(answer)) is not None and (newer := device.newer_than(theirs)):
        ask(f"{NEWER} {base64.b64encode(newer).decode('ascii')}")


def answer_to(device: Informed, line: str) -> str | None:
    """The payee's side: the answer to a line; None for a line that is not about bundles."""
    word = line.partition(" ")[0]
    if word == NEWER:
        _take(device, line)
        return _have(device)
    if word != HAVE:
        return None
    theirs = _read(line)
    newer = device.newer_than(theirs) if theirs is not None else b""
    return f"{NEWER} {base64.b64encode(newer).decode('ascii')}" if newer else _have(device)


def _have(device: Informed) -> str:
    mine = device.news()
    return f"{HAVE} {mine.created_time_ms} {mine.filter_digest.hex()}"


def _read(line: str) -> News | None:
    said = _HAVE.fullmatch(line)
    return News(int(said[1]), bytes.fromhex(said[2])) if said is not None else None


def _take(device: Informed, line: str) -> None:
    """Keeps a bundle that is good. A bad one changes nothing, and the payment goes on."""
    with suppress(Refusal, binascii.Error, ValueError):
        device.trust(base64.b64decode(line.partition(" ")[2], validate=True))
