"""The command lines, run as a person or a script would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests import forked


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
    told = {**forked.importing(), "COLUMNS": "120", **environment}
    done = forked.run([module, *arguments], told)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def dcep(*arguments: str, **environment: str) -> Done:
    """``dcep`` with its arguments."""
    return run("sandbox.cli.main", *arguments, **environment)


def wallet(*arguments: str, **environment: str) -> Done:
    """``wallet`` with its arguments."""
    return run("wallet.cli.main", *arguments, **environment)
