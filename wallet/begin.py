"""Where the ``wallet`` command begins."""

from __future__ import annotations

from runtime.begin import begin
from runtime.own_modules import own


def main() -> None:
    """The ``wallet`` command."""
    begin(own("wallet.cli.main"))
