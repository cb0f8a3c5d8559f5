"""A shell in which commands of the wallet are typed, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.demo.environment import System
from tests.integration.commands import wallet


class Shell:
    """Somebody's shell, with a wallet's home."""

    def __init__(self, system: System, home: Path) -> None:
        self.home = str(home)
        self._stack = str(system.plan.folder)

    def answer(self, *words: str, code: int = 0) -> dict[str, object]:
        done = wallet(*words, "--json", "--home", self.home, DCEP_STACK=self._stack)
        assert done.code == code, done.err + done.out
        return done.answer

    def said(self, *words: str, code: int = 0) -> str:
        done = wallet(*words, "--home", self.home, DCEP_STACK=self._stack)
        assert done.code == code, done.err + done.out
        return done.out + done.err

    @contextmanager
    def watching(self, count: int) -> Iterator[subprocess.Popen[str]]:
        """``wallet watch --json`` as a process, once it waits."""
        importable = os.pathsep.join(entry for entry in sys.path if entry)
        command = [
            sys.executable,
            "-m",
            "wallet.cli.main",
            "watch",
            "--count",
            str(count),
            "--json",
        ]
        process = subprocess.Popen(
            [*command, "--home", self.home],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": importable},
        )
        try:
            assert process.stderr is not None
            assert "Waiting for money" in process.stderr.readline()
            yield process
        finally:
            process.kill()
            process.communicate()


def opened(system: System, home: Path, *words: str) -> tuple[Shell, str]:
    """A shell with an open wallet, and the wallet's number."""
    shell = Shell(system, home)
    return shell, str(shell.answer("open", *words)["number"])
