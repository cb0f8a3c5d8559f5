"""Where the ``wallet`` command begins."""

from __future__ import annotations

from runtime.begin import begin


def main() -> None:
    """The ``wallet`` command."""
    begin("wallet.cli")
