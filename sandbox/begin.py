"""Where the ``dcep`` command begins."""

from __future__ import annotations

from runtime.begin import begin


def main() -> None:
    """The ``dcep`` command."""
    begin("sandbox.cli")
