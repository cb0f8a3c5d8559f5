"""Lines typed at a shell, with what a shell does to the output of a command."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.integration.commands import Done

COMMANDS = """
dcep() { "$PYTHON" -m sandbox.cli.main "$@"; }
wallet() { "$PYTHON" -m wallet.cli.main "$@"; }
"""


def typed(line: str, **environment: str) -> Done:
    """A line of bash in which ``dcep`` and ``wallet`` are the commands."""
    importable = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        ["bash", "-c", COMMANDS + line],
        capture_output=True,
        check=False,
        timeout=240,
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "PYTHONPATH": importable,
            "COLUMNS": "120",
            **environment,
        },
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode())
