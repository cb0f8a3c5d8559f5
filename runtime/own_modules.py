"""Gives the full names of our modules, for code that runs one in a process of its own.

In a checkout they are top-level packages. Installed, they lie below one package, ``dcep``, so that
nobody's environment gets packages called ``wallet`` or ``runtime``.
"""

from __future__ import annotations

_HERE = "runtime.own_modules"
ABOVE = __name__.removesuffix(_HERE)
"""What the names of our modules begin with here: nothing, or ``dcep.``."""


def own(module: str) -> str:
    """The full name of a module of ours, such as ``operator_bank.edge``."""
    return ABOVE + module
