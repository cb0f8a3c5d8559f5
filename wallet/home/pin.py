"""Gets a device's PIN: from the option, the environment, or the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from language import _

VARIABLE = "DCEP_PIN"


def pin_from(given: str = "") -> Callable[[], str]:
    """A function that gives the PIN when one is needed; "" if there is nobody to ask."""

    def ask() -> str:
        return given or os.environ.get(VARIABLE, "") or asked(_("PIN of the device: "))

    return ask


def asked(words: str) -> str:
    """Asks at the terminal, if there is one; nothing that is typed is shown."""
    if not sys.stdin.isatty():
        return ""
    from getpass import getpass

    return getpass(words, stream=sys.stderr)
