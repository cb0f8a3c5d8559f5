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
import re
from collections.abc import Callable
from contextlib import suppress

from offline_token.limits import MAX_BUNDLE_BYTES
from runtime.errors import Refusal
from wallet.secure_element.interface import BundleNews, DeviceTrust

HAVE, NEWER = "HAVE", "NEWER"
_HAVE = re.compile(r"HAVE ([0-9]{1,20}) ([0-9a-f]{64})", re.ASCII)
MAX_LINE = len(NEWER) + 1 + 4 * -(-MAX_BUNDLE_BYTES // 3)
"""Characters of the longest line."""


def begin(own: DeviceTrust, ask: Callable[[str], str]) -> None:
    """The payer's side. A bundle of the other side is kept only if the root has signed it.

    Args:
        own: the payer's bundle.
        ask: says a line, and returns the answer.
    """
    answer = ask(_have(own))
    if answer.startswith(NEWER + " "):
        _take(own, answer)
    elif (theirs := _read(answer)) is not None and (newer := own.newer_than(theirs)):
        ask(f"{NEWER} {base64.b64encode(newer).decode('ascii')}")


def answer_to(own: DeviceTrust, line: str) -> str | None:
    """The payee's side: the answer to a line; None for a line that is not about bundles."""
    word = line.partition(" ")[0]
    if word == NEWER:
        _take(own, line)
        return _have(own)
    if word != HAVE:
        return None
    theirs = _read(line)
    newer = own.newer_than(theirs) if theirs is not None else b""
    return f"{NEWER} {base64.b64encode(newer).decode('ascii')}" if newer else _have(own)


def _have(own: DeviceTrust) -> str:
    mine = own.news()
    return f"{HAVE} {mine.created_time_ms} {mine.filter_digest.hex()}"


def _read(line: str) -> BundleNews | None:
    said = _HAVE.fullmatch(line)
    return BundleNews(int(said[1]), bytes.fromhex(said[2])) if said is not None else None


def _take(own: DeviceTrust, line: str) -> None:
    """Keeps a bundle that is good. A bad one changes nothing, and the payment goes on."""
    try:
        bundle = base64.b64decode(line.partition(" ")[2], validate=True)
    except ValueError:  # no base64, or no ASCII
        return
    with suppress(Refusal):
        own.follow(bundle)
