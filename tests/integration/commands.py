"""The command lines, run as a person or a script would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(module: str, *arguments: str, **environment: str) -> Done:
    """Run ``python -m module`` with its arguments."""
    importable = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "PYTHONPATH": importable, "COLUMNS": "120", **environment},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def dcep(*arguments: str, **environment: str) -> Done:
    """``dcep`` with its arguments."""
    return run("sandbox.cli.main", *arguments, **environment)


def wallet(*arguments: str, **environment: str) -> Done:
    """``wallet`` with its arguments."""
    return run("wallet.cli.main", *arguments, **environment)
