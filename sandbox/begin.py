"""The entry point of the ``dcep`` command."""

from __future__ import annotations

from runtime.begin import begin
from runtime.own_modules import own


def main() -> None:
    """The ``dcep`` command."""
    begin(own("sandbox.cli.main"))
