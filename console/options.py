"""Declares the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployment.topology import DEFAULT_FOLDER

Folder = Annotated[
    Path,
    typer.Option("--stack", envvar="DCEP_STACK", help="The stack's folder.", show_default=True),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
DatabaseUrl = Annotated[
    str,
    typer.Option(help="postgresql://… puts every service on that server; else SQLite files."),
]
Officer = Annotated[str, typer.Option("--as", help="Which officer sits at the desk.")]
BankOfficer = Annotated[
    str, typer.Option("--as", help="Which officer of the bank; the first one when left out.")
]
RequestId = Annotated[
    str, typer.Option(help="An id of your own, to repeat by; made up when empty.")
]
Anew = Annotated[
    bool, typer.Option("--anew", help="Once more, even if nobody heard what came of an equal one.")
]
DEFAULT = Path(DEFAULT_FOLDER)
