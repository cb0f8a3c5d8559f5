"""Somebody's shell, in which commands of the wallet are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from wallet.cli.main import app


class Cli:
    """Somebody's shell."""

    def __init__(self, stack: Path, home: Path) -> None:
        self.stack = stack
        self.home = home

    def run(self, *arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(
            app, ["--home", str(self.home), *arguments], env={"DCEP_STACK": str(self.stack)}
        )
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        done = CliRunner().invoke(
            app,
            [*arguments, "--json", "--home", str(self.home)],
            env={"DCEP_STACK": str(self.stack)},
        )
        assert done.exit_code == code, (done.output, done.exception)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def opened(stack: Path, home: Path, name: str, yuan: str = "") -> Cli:
    """The shell of somebody who has opened a wallet at alpha, with so many yuan in it."""
    cli = Cli(stack, home)
    cli.run("open", "--bank", "alpha", "--name", name)
    if yuan:
        cli.run("topup", yuan)
    return cli


def phone_wallet(stack: Path, home: Path) -> str:
    """The number of a wallet that somebody has opened at alpha with a phone number alone."""
    made = Cli(stack, home).json("open", "--bank", "alpha", "--phone", "13800000001")
    return str(made["number"])
