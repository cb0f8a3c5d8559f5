"""The names of our modules where they are named in text: to run one, in a process of its own.

In a checkout they are top-level packages; what is installed lies below one package, ``dcep``, so
that nobody's environment gets packages called ``wallet`` or ``runtime``.
"""

from __future__ import annotations

_HERE = "runtime.own_modules"
ABOVE = __name__.removesuffix(_HERE)
"""What all names of ours begin with here: nothing, or ``dcep.``."""


def own(module: str) -> str:
    """The full name of a module of ours, such as ``operator_bank.edge``."""
    return ABOVE + module
