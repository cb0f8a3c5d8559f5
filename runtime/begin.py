"""A command from its first line, where Ctrl-C is one too, and the end of a service's process."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn

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


def leave(status: int) -> NoReturn:
    """Ends a service's process, once it has done all it had to do.

    While the interpreter takes itself apart, a thread of gRPC's may still ask for it, and then the
    process ends by SIGSEGV (grpcio 1.85: `PyThreadState_New` without an interpreter). So it does
    not take itself apart; what is to be done at an exit is done before.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # none, closed, or nobody reads it
            stream.flush()
    os._exit(status)
