"""A command from its first line: Ctrl-C while its parts are being read is one too."""

from __future__ import annotations

import sys

EXIT_INTERRUPTED = 130
"""Somebody pressed Ctrl-C: 128 and the signal's number, as shells have it."""


def begin(module: str) -> None:
    """Reads and runs the command line of a module, its ``main``; its full name, as `own` gives it.

    Until that has begun, nothing was asked of anybody.
    """
    try:
        from importlib import import_module

        import_module(module).main()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        raise SystemExit(EXIT_INTERRUPTED) from None
